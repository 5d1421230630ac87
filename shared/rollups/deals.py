"""Relations of won deals: what several measures start from."""

from shared.rollups import converting

__all__ = ["closings", "won_deals"]


def won_deals(since: str, until: str) -> str:
    """Return the won deals closed in the days of [``since``, ``until``), one row each.

    The columns are those of ``converting.current_deal``.
    """
    return f"""
        SELECT d.* FROM (
            SELECT DISTINCT deal FROM deal
             WHERE org_id = $1 AND generation = $2 AND state = 'won'
               AND closed_day >= {since} AND closed_day < {until}
        ) k
          JOIN LATERAL ({converting.current_deal("k.deal")}) d
            ON d.state = 'won' AND d.closed_day >= {since} AND d.closed_day < {until}
    """


def closings(since: str, until: str) -> str:
    """Return those of :func:`won_deals` that came of a lead, with the whole days that took.

    Columns: fact_key, closed_day, days (local ones, from the lead's creation to the close).
    """
    return f"""
        SELECT d.fact_key, d.closed_day, d.closed_day - l.day AS days
          FROM ({won_deals(since, until)}) d
          JOIN LATERAL ({converting.lead_of("d.lead")}) l ON true
    """
