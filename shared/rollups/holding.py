"""Measures of what holds for days, and of what it gained: found once for all buckets.

What is told once and holds for a year is put where it begins and ends, not looked for in each
bucket.
"""

from shared.rollups.listed import Combined, Listed, PlacedOn
from shared.rollups.query import MeasureQuery
from shared.rollups.sql import Arguments, bucket_ends, bucket_starts

__all__ = ["gained", "in_buckets", "level"]


def level(spans: str, combined: Combined, exists: str, placed_on: PlacedOn = "end") -> Listed:
    """Return the measure of what holds at the end of a period, or before it: placed at its start.

    ``spans`` is a relation of lines with two columns more: a line holds at the end of each day from
    ``since`` on, up to and without ``until``.
    """
    is_before = placed_on == "start"

    def lines(since: str, until: str) -> str:
        at = since if is_before else until
        return f"SELECT s.* FROM ({spans}) s WHERE s.since < {at} AND s.until >= {at}"

    def swept(arguments: Arguments, query: MeasureQuery) -> str:
        ends = bucket_starts(query) if is_before else bucket_ends(query)
        return in_buckets(spans, arguments.add(ends))

    return Listed(lines, combined, exists, placed_on, swept=swept)


def in_buckets(spans: str, ends: str) -> str:
    """Return lines that hold at the ends of days with the buckets at whose ends they do.

    ``ends`` is the placeholder of the days after the buckets.
    """
    return f"""
        SELECT s.*, width_bucket(s.since, {ends}::date[]) AS enters,
               width_bucket(s.until, {ends}::date[]) AS leaves
          FROM ({spans}) s
    """


def gained(spans: str, entity: str, arguments: Arguments, query: MeasureQuery) -> str:
    """Return what levels gained in each bucket: the last reading of it, less the last one before.

    ``spans`` is a relation of readings as of :func:`level`, ``entity`` the columns that name whose
    they are. What was not read before a bucket gains nothing in it. Each line says what its entity
    has or had: they add up to the gain.
    """
    starts, last = bucket_starts(query), len(query.buckets)
    bounds = arguments.add([*starts, query.period.end])
    # A reading is the last one before the buckets from ``first`` on, and the last one of the
    # buckets that these follow; of the entity's first bucket there is none before.
    return f"""
        SELECT r.*, part.enters, part.leaves, part.quantity
          FROM (
            SELECT x.*, min(x.first) OVER (PARTITION BY {entity}) AS known
              FROM (
                SELECT s.*, width_bucket(s.since, {bounds}::date[]) AS first,
                       width_bucket(s.until, {bounds}::date[]) AS beyond
                  FROM ({spans}) s
              ) x
             WHERE x.first < x.beyond
          ) r
         CROSS JOIN LATERAL (
            VALUES (r.first, least(r.beyond, {last}), -r.value),
                   (greatest(r.first - 1, r.known), r.beyond - 1, r.value)
         ) part (enters, leaves, quantity)
    """
