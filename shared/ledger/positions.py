"""Positions by day: where in the ledger a day of recording ends."""

__all__ = ["last_position"]


def last_position(bounds: str, *, zone: str, day: str) -> str:
    """Return the query of the last ``position`` recorded by the end of a day.

    ``bounds`` is a query of (low, high): ``low`` is known to be of that day or before, ``high`` is
    as far as is looked. ``zone`` and ``day`` are SQL, and ``$1`` is the organization.

    Recorded time never runs backwards along the positions, so the cut is found by halving: some
    twenty looks by key, and no index on time. Positions have no gaps; should one have lost its
    entry after all, the entry before it speaks for it.
    """
    return f"""
        WITH RECURSIVE search (low, high) AS (
            {bounds}
            UNION ALL
            SELECT CASE WHEN m.is_told THEN m.middle ELSE s.low END,
                   CASE WHEN m.is_told THEN s.high ELSE m.middle - 1 END
              FROM search s
             CROSS JOIN LATERAL (
                SELECT half.middle, coalesce((
                    SELECT (e.recorded_at AT TIME ZONE {zone})::date <= {day}
                      FROM public.ledger_entry e
                     WHERE e.org_id = $1 AND e.position <= half.middle
                     ORDER BY e.position DESC
                     LIMIT 1
                ), true) AS is_told
                  FROM (VALUES ((s.low + s.high + 1) / 2)) half (middle)
             ) m
             WHERE s.low < s.high
        )
        SELECT low AS position FROM search WHERE low = high
    """
