"""Relations of deals: what several measures start from.

A deal may be known to several sources. One row speaks for it (``converting.current_deal``), and it
is that row which has to be in the days asked about. The columns are those of ``current_deal``.
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
    return _deals(f"{{0}}.opened_day >= {since} AND {{0}}.opened_day < {until}")


def open_deals(until: str) -> str:
    """Return the deals open at the end of the day before ``until``, one row each."""
    # Some systems give an open deal the day on which it may close: only what is decided has closed.
    is_undecided = f"({{0}}.state = 'open' OR {{0}}.closed_day >= {until})"
    return _deals(f"{{0}}.opened_day < {until} AND {is_undecided}")


def _closed(state: str, since: str, until: str) -> str:
    in_days = f"{{0}}.closed_day >= {since} AND {{0}}.closed_day < {until}"
    return _deals(f"{{0}}.state = '{state}' AND {in_days}")


def _deals(condition: str) -> str:
    """Return the deals of which a condition (``{0}`` the alias) holds."""
    return f"""
        SELECT d.* FROM (
            SELECT DISTINCT k.deal FROM deal k
             WHERE k.org_id = $1 AND k.generation = $2 AND {condition.format("k")}
        ) k
          JOIN LATERAL ({converting.current_deal("k.deal")}) d ON {condition.format("d")}
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
