"""Relations of deals: what several measures start from.

A deal may be known to several sources. One row speaks for it (``converting.current_deal``), and it
is that row which has to be in the days asked about. The columns are those of the table.
"""

from shared.rollups import converting

__all__ = ["closings", "lost_deals", "open_deals", "opened_deals", "won_deals"]


def won_deals(since: str, until: str) -> str:
    """Return the won deals closed in the days of [``since``, ``until``), one row each."""
    return _closed("won", since, until)


def lost_deals(since: str, until: str) -> str:
    """Return the lost deals closed in the days of [``since``, ``until``), one row each."""
    return _closed("lost", since, until)


def opened_deals(since: str, until: str) -> str:
    """Return the deals opened in the days of [``since``, ``until``), one row each."""
    return _deals(f"d.opened_day >= {since} AND d.opened_day < {until}")


def open_deals() -> str:
    """Return all deals, one row each, with the days ``since`` and ``until`` of which they are open.

    A deal is open at the end of each day from ``since`` on, up to and without ``until``.
    """
    closed = "coalesce(d.closed_day, 'infinity')"
    return f"SELECT d.*, d.opened_day AS since, {closed} AS until FROM ({_deals('true')}) d"


def _closed(state: str, since: str, until: str) -> str:
    in_days = f"d.closed_day >= {since} AND d.closed_day < {until}"
    return _deals(f"d.state = '{state}' AND {in_days}")


def _deals(condition: str) -> str:
    """Return the deals (alias ``d``) of whose speaking row a condition holds."""
    # The row that speaks is looked for among those that are asked about: one look by key says
    # whether an earlier one speaks instead. OFFSET 0, or all deals are joined for it.
    return f"""
        SELECT d.* FROM deal d
         WHERE d.org_id = $1 AND d.generation = $2 AND {condition}
           AND NOT EXISTS (
            SELECT FROM deal e
             WHERE e.org_id = $1 AND e.generation = $2 AND e.deal = d.deal
               AND (e.opened_at, e.fact_key) < (d.opened_at, d.fact_key)
            OFFSET 0
           )
    """


def closings(since: str, until: str) -> str:
    """Return those of :func:`won_deals` that came of a lead, with the whole days that took.

    Columns: deal, employee, fact_key, closed_day, days (local ones, from the lead to the close).
    """
    return f"""
        SELECT d.deal, d.employee, d.fact_key, d.closed_day, d.closed_day - l.day AS days
          FROM ({won_deals(since, until)}) d
          JOIN LATERAL ({converting.lead_of("d.lead")}) l ON true
    """
