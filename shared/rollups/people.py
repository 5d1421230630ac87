"""Relations that several measures start from: posts, members, the roster as of a day."""

__all__ = ["first_joins", "members", "posts", "roster"]

_DAY = "(p.published_at AT TIME ZONE o.time_zone)::date"


def posts(since: str, until: str) -> str:
    """Return advocates' posts of the days of [``since``, ``until``), with their columns and day."""
    # The instants a day and more around let the index on them help; the day itself decides.
    return f"""
        SELECT {_DAY} AS day, p.employee, p.account, p.network, p.campaign, p.content,
               '' AS channel, p.published_at, p.fact_key
          FROM organization o
          JOIN post p ON p.org_id = o.id AND p.org_id = $1 AND p.generation = $2
         WHERE o.id = $1 AND p.employee <> ''
           AND p.published_at >= ({since} - 1)::timestamp AT TIME ZONE 'UTC'
           AND p.published_at < ({until} + 1)::timestamp AT TIME ZONE 'UTC'
           AND {_DAY} >= {since} AND {_DAY} < {until}
    """


def members(before: str) -> str:
    """Return who is in the program on the day before ``before``, with their last join."""
    return f"""
        SELECT m.employee,
               (array_agg(m.fact_key ORDER BY m.happened_at DESC, m.fact_key DESC)
                    FILTER (WHERE m.event = 'joined'))[1] AS fact_key,
               max(m.day) FILTER (WHERE m.event = 'joined') AS day
          FROM membership m
         WHERE m.org_id = $1 AND m.generation = $2 AND m.day < {before} AND m.employee <> ''
         GROUP BY m.employee
        HAVING sum(CASE m.event WHEN 'joined' THEN 1 ELSE -1 END) > 0
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


def roster(before: str) -> str:
    """Return the roster's row of everybody in force on the day before ``before``."""
    return f"""
        SELECT DISTINCT ON (r.employee) r.employee, r.effective_on, r.fact_key, r.employed, r.team,
               r.role
          FROM roster r
         WHERE r.org_id = $1 AND r.generation = $2 AND r.effective_on < {before}
         ORDER BY r.employee, r.effective_on DESC, r.fact_key DESC
    """
