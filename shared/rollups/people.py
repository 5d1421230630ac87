"""Relations that several measures start from: posts, members, the roster as of a day.

Of each set there is a query by key as well, for joins: a set that is joined is made anew for each
row of the other one, where the planner takes that for a single row.
"""

from shared.rollups.posted import speaks

__all__ = [
    "first_join_of",
    "first_joins",
    "member",
    "members",
    "memberships",
    "placement_of",
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


def memberships() -> str:
    """Return what the program was told of everybody, each as of its days [``since``, ``until``).

    The last word on a day is what holds from it on, and of words at one instant that of the larger
    key. So a second join or a second leave changes nothing, and no day holds two words: what was
    overtaken on its own day has none.
    """
    return """
        SELECT employee, event, fact_key, day AS since,
               lead(day, 1, 'infinity'::date)
                   OVER (PARTITION BY employee ORDER BY happened_at, fact_key) AS until
          FROM membership
         WHERE org_id = $1 AND generation = $2
    """


def members(before: str) -> str:
    """Return who is in the program at the end of the day before ``before``, with their join.

    That is, whose last word by then is a join: each person once.
    """
    return f"""
        SELECT m.employee, m.fact_key, m.since AS day
          FROM ({memberships()}) m
         WHERE m.event = 'joined' AND m.since < {before} AND m.until >= {before}
    """


def member(employee: str, before: str) -> str:
    """Return the row of :func:`members` of one employee (``day``, ``fact_key``), if they have one.

    Days follow instants, so the last word by then is the last one of the days before ``before``.
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


def first_join_of(employee: str, before: str) -> str:
    """Return the first join of one employee, of the days before ``before``, if there is one.

    Columns: ``happened_at``, ``day``, ``fact_key``.
    """
    return f"""
        SELECT happened_at, day, fact_key FROM membership
         WHERE org_id = $1 AND generation = $2 AND membership.employee = {employee}
           AND event = 'joined' AND day < {before}
         ORDER BY happened_at, fact_key
         LIMIT 1
    """


def roster(before: str) -> str:
    """Return the roster's row of everybody in force on the day before ``before``."""
    return f"""
        SELECT DISTINCT ON (r.employee) r.employee, r.effective_on, r.fact_key, r.employed, r.team,
               r.role
          FROM roster r
         WHERE r.org_id = $1 AND r.generation = $2 AND r.effective_on < {before}
         ORDER BY r.employee, r.effective_on DESC, r.fact_key DESC
    """


def placement_of(employee: str, before: str) -> str:
    """Return the row of :func:`roster` of one employee, if they have one."""
    return f"""
        SELECT effective_on, fact_key, employed, team, role FROM roster
         WHERE org_id = $1 AND generation = $2 AND roster.employee = {employee}
           AND effective_on < {before}
         ORDER BY effective_on DESC, fact_key DESC
         LIMIT 1
    """
