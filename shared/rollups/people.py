"""Relations that several measures start from: posts, members, the roster as of a day.

Of each set there is a query by key as well, for joins: a set that is joined is made anew for each
row of the other one, where the planner takes that for a single row.
"""

from shared.rollups.posted import speaks
from shared.rollups.sql import until_overtaken

__all__ = [
    "first_join_of",
    "first_joins",
    "member",
    "members",
    "memberships",
    "placement_of",
    "placements_of",
    "posts",
    "roster",
]

_DAY = "(p.published_at AT TIME ZONE o.time_zone)::date"


def posts(since: str, until: str) -> str:
    """Return advocates' posts of the days of [``since``, ``until``), with their columns and day.

    Each post once: what is told again is the same post.
    """
    # The instants a day and more around let the index on them help; the day itself decides.
    return f"""
        SELECT {_DAY} AS day, p.employee, p.account, p.network, p.campaign, p.content,
               '' AS channel, p.published_at, p.fact_key
          FROM organization o
          JOIN post p ON p.org_id = o.id AND p.org_id = $1 AND p.generation = $2
         WHERE o.id = $1 AND p.employee <> '' AND {speaks("p")}
           AND p.published_at >= ({since} - 1)::timestamp AT TIME ZONE 'UTC'
           AND p.published_at < ({until} + 1)::timestamp AT TIME ZONE 'UTC'
           AND {_DAY} >= {since} AND {_DAY} < {until}
    """


def memberships(whose: str = "true") -> str:
    """Return what the program was told of everybody, each as of its days [``since``, ``until``).

    The last word on a day is what holds from it on, and of words at one instant that of the larger
    key. So a second join or a second leave changes nothing, and no day holds two words: what was
    overtaken on its own day has none. ``whose`` is a condition on the employee.
    """
    until = until_overtaken("day", "employee", "happened_at DESC, fact_key DESC")
    return f"""
        SELECT employee, event, fact_key, day AS since, {until} AS until
          FROM membership
         WHERE org_id = $1 AND generation = $2 AND {whose}
    """


def members(whose: str = "true") -> str:
    """Return who is in the program at the ends of the days [``since``, ``until``), with their join.

    That is, whose last word by then is a join: each person once. ``whose`` is a condition on the
    employee.
    """
    return f"""
        SELECT m.employee, m.fact_key, m.since AS day, m.since, m.until
          FROM ({memberships(whose)}) m
         WHERE m.event = 'joined' AND m.since < m.until
    """


def member(employee: str, before: str) -> str:
    """Return the row of :func:`members` of one employee (``day``, ``fact_key``), if they have one.

    The last word by then is the last one of the days before ``before``.
    """
    return f"""
        SELECT w.day, w.fact_key
          FROM (
            SELECT event, day, fact_key FROM membership
             WHERE org_id = $1 AND generation = $2 AND membership.employee = {employee}
               AND day < {before}
             ORDER BY happened_at DESC, fact_key DESC
             LIMIT 1
          ) w
         WHERE w.event = 'joined'
    """


def first_joins(since: str, until: str) -> str:
    """Return who first joined in the days of [``since``, ``until``), with that join."""
    return f"""
        SELECT j.* FROM (
            SELECT DISTINCT ON (m.employee) m.employee, m.happened_at, m.day, m.fact_key
              FROM membership m
             WHERE m.org_id = $1 AND m.generation = $2 AND m.event = 'joined' AND m.day < {until}
             ORDER BY m.employee, m.happened_at, m.fact_key
        ) j
         WHERE j.day >= {since}
    """


def first_join_of(employee: str) -> str:
    """Return the first join of one employee by the ends of the days [``since``, ``until``).

    Columns besides: ``day``, ``fact_key``.
    """
    until = until_overtaken("day", "employee", "happened_at, fact_key")
    return f"""
        SELECT day, fact_key, day AS since, {until} AS until
          FROM membership
         WHERE org_id = $1 AND generation = $2 AND membership.employee = {employee}
           AND event = 'joined'
    """


def roster() -> str:
    """Return the rows of the roster, each in force on the days [``since``, ``until``)."""
    return """
        SELECT employee, fact_key, employed, team, department, role, linkedin_account,
               effective_on AS since,
               lead(effective_on, 1, 'infinity'::date)
                   OVER (PARTITION BY employee ORDER BY effective_on, fact_key) AS until
          FROM roster
         WHERE org_id = $1 AND generation = $2
    """


def placement_of(employee: str, before: str) -> str:
    """Return the row of one employee in force on the day before ``before``, if there is one."""
    return f"""
        SELECT effective_on, fact_key, employed, team, role FROM roster
         WHERE org_id = $1 AND generation = $2 AND roster.employee = {employee}
           AND effective_on < {before}
         ORDER BY effective_on DESC, fact_key DESC
         LIMIT 1
    """


def placements_of(employee: str) -> str:
    """Return the rows of one employee, each in force on the days [``since``, ``until``)."""
    return f"""
        SELECT employed, team, effective_on AS since,
               lead(effective_on, 1, 'infinity'::date)
                   OVER (ORDER BY effective_on, fact_key) AS until
          FROM roster
         WHERE org_id = $1 AND generation = $2 AND roster.employee = {employee}
    """
