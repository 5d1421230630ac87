"""The program, counted: who takes part, cohorts, effort, competence."""

from collections.abc import Mapping

from shared.kpis.assumptions import ACTIVATION_DAYS, EXPERT_INDEX
from shared.kpis.vocabulary import RetentionWeek
from shared.rollups.listed import (
    Begun,
    Lines,
    Listed,
    begun,
    has_gauge,
    has_rows,
    has_standing,
    standing,
)
from shared.rollups.people import (
    first_join_of,
    first_joins,
    member,
    members,
    placement_of,
    posts,
    roster,
)
from shared.rollups.sql import EVER, bucket_end
from shared.rollups.stated import stated, whole

__all__ = ["LISTED"]

_NOWHERE = "'' AS account, '' AS network, '' AS campaign, '' AS content, '' AS channel"
_JOINED = has_rows("membership", "event = 'joined'")
_IS_LEADER = "l.employed AND l.role = 'leader'"
#: The organization's day on which the last folded entry was recorded: what lies later is not known.
_KNOWN_DAY = """(
    SELECT (e.recorded_at AT TIME ZONE o.time_zone)::date
      FROM fold_cursor f
      JOIN organization o ON o.id = f.org_id
      JOIN ledger_entry e ON e.org_id = f.org_id AND e.position = f.position
     WHERE f.org_id = $1 AND f.generation = $2
)"""


def _person(relation: str, *columns: str) -> str:
    """Return a line for each row (employee, day, fact_key, ``columns``) of a relation."""
    return f"""
        SELECT x.day, x.employee, {_NOWHERE}, 1::numeric AS quantity, x.fact_key,
               x.employee AS line_key, '' AS note{"".join(f", x.{column}" for column in columns)}
          FROM ({relation}) x
    """


def _leaders(before: str) -> str:
    return f"""
        SELECT l.employee, l.effective_on AS day, l.fact_key FROM ({roster(before)}) l
         WHERE {_IS_LEADER}
    """


def _engaged(since: str, until: str) -> str:
    logins = standing(
        "login.recorded", since, until, only="s.body ->> 'system' = 'advocacy'", key="s.employee"
    )
    return _person(
        f"SELECT l.employee, l.day, l.fact_key FROM ({logins}) l"
        f" UNION ALL SELECT p.employee, p.day, p.fact_key FROM ({posts(since, until)}) p"
    )


def _trained(since: str, until: str) -> str:
    done = standing("training.completed", EVER, until)
    return _person(
        f"SELECT d.employee, d.day, d.fact_key FROM ({done}) d"
        f" JOIN LATERAL ({member('d.employee', until)}) m ON true"
    )


def _accounts(before: str, system: str) -> str:
    """Return the last state of everybody's account of each network, or of the internal one."""
    states = standing(
        "access.recorded",
        EVER,
        before,
        only=f"s.body ->> 'system' = '{system}'",
        note="s.body ->> 'state'",
    )
    network = "a.network" if system == "network" else "''::text"
    return f"""
        SELECT DISTINCT ON (a.employee, {network}) a.employee, a.day, a.fact_key, a.note AS state
          FROM ({states}) a
         ORDER BY a.employee, {network}, a.occurred_at DESC, a.fact_key DESC
    """


def _connected(since: str, until: str) -> str:
    return _person(
        f"SELECT a.employee, a.day, a.fact_key FROM ({_accounts(until, 'network')}) a"
        f" JOIN LATERAL ({member('a.employee', until)}) m ON true WHERE a.state = 'live'"
    )


def _registered(since: str, until: str) -> str:
    return _person(f"SELECT * FROM ({_accounts(until, 'internal')}) a WHERE a.state = 'live'")


def _leaders_who(doing: Lines) -> Begun:
    def lines(since: str, until: str, ends: str) -> str:
        leads = placement_of("d.employee", bucket_end("d.day", ends))
        return _person(
            f"SELECT d.employee, d.day, d.fact_key, d.day AS begun_on"
            f" FROM ({doing(since, until)}) d JOIN LATERAL ({leads}) l ON {_IS_LEADER}",
            "begun_on",
        )

    return lines


def _reports_opened(since: str, until: str) -> str:
    return standing("login.recorded", since, until, only="s.body ->> 'system' = 'listening'")


def _evenness(since: str, until: str) -> str:
    # Who posted nothing counts, with 0: that is what makes it uneven.
    return f"""
        SELECT m.day, m.employee, {_NOWHERE}, 0::numeric AS quantity, m.fact_key,
               m.employee AS line_key, 'member' AS note
          FROM ({members(until)}) m
        UNION ALL
        SELECT p.day, p.employee, {_NOWHERE}, 1, p.fact_key, p.employee, 'post'
          FROM ({posts(since, until)}) p
          JOIN LATERAL ({member("p.employee", until)}) m ON true
    """


def _index_before(day: str) -> str:
    return f"""
        SELECT DISTINCT ON (g.measure, g.employee) g.measure, g.employee, g.day, g.value, g.fact_key
          FROM gauge g
         WHERE g.org_id = $1 AND g.generation = $2 AND g.measure LIKE 'ssi.%' AND g.day < {day}
         ORDER BY g.measure, g.employee, g.observed_at DESC, g.fact_key DESC
    """


def _index_change(since: str, until: str) -> str:
    # Both readings in one pass: joined, the one list was made again for each row of the other, and
    # all of it for each day of a series.
    latest = "ORDER BY g.observed_at DESC, g.fact_key DESC"
    return f"""
        SELECT i.day, i.employee, {_NOWHERE}, i.value - i.was AS quantity, i.fact_key,
               i.employee AS line_key, i.measure || ' was ' || trim_scale(i.was) AS note
          FROM (
            SELECT g.measure, g.employee,
                   (array_agg(g.day {latest}))[1] AS day,
                   (array_agg(g.value {latest}))[1] AS value,
                   (array_agg(g.fact_key {latest}))[1] AS fact_key,
                   (array_agg(g.value {latest}) FILTER (WHERE g.day < {since}))[1] AS was
              FROM gauge g
             WHERE g.org_id = $1 AND g.generation = $2 AND g.measure LIKE 'ssi.%'
               AND g.day < {until}
             GROUP BY g.measure, g.employee
          ) i
         WHERE i.was IS NOT NULL
    """


def _invitees(since: str, until: str) -> str:
    told = standing("member.invited", EVER, until)
    return f"""
        SELECT i.* FROM (
            SELECT DISTINCT ON (s.employee) s.employee, s.day, s.occurred_at, s.fact_key
              FROM ({told}) s
             ORDER BY s.employee, s.occurred_at, s.fact_key
        ) i
         WHERE i.day >= {since}
    """


def _invited_enrolled(since: str, until: str) -> str:
    # Who joined without an invitation accepted none: else a rate could exceed the whole.
    return _person(
        f"SELECT i.employee, j.day, j.fact_key FROM ({_invitees(EVER, until)}) i"
        f" JOIN LATERAL ({first_join_of('i.employee', until)}) j ON true"
    )


def _activated(since: str, until: str, ends: str) -> str:
    invited = f"SELECT employee, occurred_at AS at, day FROM ({_invitees(since, until)}) i"
    after = posts(since, f"({until} + w.most + 1)")
    return _person(
        f"""
        SELECT b.employee, b.day, b.fact_key, b.first_day AS begun_on
          FROM (
            SELECT array_agg(s.days ORDER BY s.until) AS days, max(s.days) AS most
              FROM (
                SELECT e.until, {whole(ACTIVATION_DAYS, "e.until")} AS days
                  FROM unnest({ends}) e (until)
              ) s
            OFFSET 0
          ) w
         CROSS JOIN LATERAL ({_posts_after(invited, after)}) b
         WHERE b.day <= b.first_day + w.days[width_bucket(b.first_day, {ends}) + 1]
        """,
        "begun_on",
    )


def _first_shares(since: str, until: str, ends: str) -> str:
    joined = f"SELECT employee, happened_at AS at, day FROM ({first_joins(since, until)}) j"
    return f"""
        SELECT DISTINCT ON (p.employee) p.day, p.employee, {_NOWHERE},
               extract(epoch FROM p.published_at - p.since) / 3600 AS quantity, p.fact_key,
               p.employee AS line_key, 'hours from joining to the first post' AS note,
               p.first_day AS begun_on
          FROM ({_posts_after(joined, posts(since, "'infinity'::date"))}) p
         ORDER BY p.employee, p.published_at, p.fact_key
    """


def _posts_after(beginnings: str, after: str) -> str:
    """Return people's posts (the query ``after``) from when something of theirs began.

    ``beginnings`` is a query of one row for each person: employee, at, day. The posts have
    ``since`` and ``first_day`` beside them: the moment and the day of it.
    """
    # Neither can be looked up by a person. So both are laid together and sorted, not joined.
    return f"""
        SELECT t.employee, t.day, t.fact_key, t.published_at, t.since, t.first_day
          FROM (
            SELECT u.*, min(u.at) OVER person AS since, min(u.began_on) OVER person AS first_day
              FROM (
                SELECT b.employee, NULL::date AS day, NULL::bytea AS fact_key,
                       NULL::timestamptz AS published_at, b.at, b.day AS began_on
                  FROM ({beginnings}) b
                UNION ALL
                SELECT p.employee, p.day, p.fact_key, p.published_at, NULL, NULL FROM ({after}) p
              ) u
            WINDOW person AS (PARTITION BY u.employee)
          ) t
         WHERE t.published_at >= t.since
    """


def _cohort(week: int) -> Lines:
    def lines(since: str, until: str) -> str:
        return _person(
            f"SELECT j.employee, j.day, j.fact_key FROM ({first_joins(since, until)}) j"
            f" WHERE j.day + {7 * (week + 1)} <= {_KNOWN_DAY}"
        )

    return lines


def _cohort_active(week: int) -> Begun:
    def lines(since: str, until: str, ends: str) -> str:
        joined = f"SELECT employee, happened_at AS at, day FROM ({first_joins(since, until)}) j"
        after = posts(since, f"({until} + {7 * (week + 1)})")
        return _person(
            f"""
            SELECT p.employee, p.day, p.fact_key, p.first_day AS begun_on
              FROM ({_posts_after(joined, after)}) p
             WHERE p.day >= p.first_day + {7 * week} AND p.day < p.first_day + {7 * (week + 1)}
               AND p.first_day + {7 * (week + 1)} <= {_KNOWN_DAY}
            """,
            "begun_on",
        )

    return lines


def _released(since: str, until: str) -> str:
    return standing("content.released", since, until, key="s.content")


def _used(since: str, until: str, ends: str) -> str:
    # Each read once: neither can be looked up by a content item. What was released counts if it was
    # used by the end of that bucket.
    return f"""
        WITH used AS MATERIALIZED (
            SELECT p.content, min(p.day) AS first_day FROM ({posts(EVER, until)}) p GROUP BY 1
        ), released AS MATERIALIZED ({_released(since, until)})
        SELECT r.*, r.day AS begun_on
          FROM released r
          JOIN used ON used.content = r.content
                   AND used.first_day < {bucket_end("r.day", ends)}
    """


def _training_hours(since: str, until: str) -> str:
    return standing(
        "training.completed",
        since,
        until,
        only="(s.body ->> 'is_onboarding')::boolean",
        quantity="(s.body ->> 'hours')::numeric",
        key="s.employee",
        note="s.body ->> 'course'",
    )


def _experts(since: str, until: str) -> str:
    mentioned = standing("mention.recorded", since, until, only="s.employee <> ''")
    return _person(f"""
        SELECT m.employee, m.day, m.fact_key FROM ({mentioned}) m
        UNION ALL
        SELECT g.employee, max(g.day), (array_agg(g.fact_key ORDER BY g.day, g.fact_key))[1]
          FROM ({_index_before(until)}) g
         GROUP BY g.employee HAVING sum(g.value) >= {stated(EXPERT_INDEX, until)}
    """)


_LEADERS_KNOWN = has_rows("roster", "role = 'leader'")
_ON_PLATFORM = "body ->> 'system' = 'advocacy'"
_ADVOCATES_POSTED = has_rows("post", "employee <> ''")
LISTED: Mapping[str, Listed] = {
    "engaged_users": Listed(
        _engaged,
        "count",
        f"({has_standing('login.recorded', _ON_PLATFORM)} OR {_ADVOCATES_POSTED})",
        is_by_day=True,
    ),
    "enrolled": Listed(lambda since, until: _person(members(until)), "count", _JOINED),
    "invited_enrolled": Listed(_invited_enrolled, "count", _JOINED),
    "invited": Listed(
        lambda since, until: _person(_invitees(EVER, until)),
        "count",
        has_standing("member.invited"),
    ),
    "enrolled_at_start": Listed(
        lambda since, until: _person(members(since)), "count", _JOINED, "start"
    ),
    "headcount_at_start": Listed(
        lambda since, until: _person(
            f"SELECT r.employee, r.effective_on AS day, r.fact_key FROM ({roster(since)}) r"
            " WHERE r.employed"
        ),
        "count",
        has_rows("roster"),
        "start",
    ),
    "trained": Listed(_trained, "count", has_standing("training.completed")),
    "connected": Listed(
        _connected, "count", has_standing("access.recorded", "body ->> 'system' = 'network'")
    ),
    "leaders": Listed(lambda since, until: _person(_leaders(until)), "count", _LEADERS_KNOWN),
    "leaders_sharing": begun(_leaders_who(posts), "count", _ADVOCATES_POSTED),
    "leaders_listening": begun(
        _leaders_who(_reports_opened),
        "count",
        has_standing("login.recorded", "body ->> 'system' = 'listening'"),
    ),
    "evenness": Listed(_evenness, "evenness", _JOINED),
    "ssi_change": Listed(_index_change, "mean", has_gauge("ssi.brand")),
    "invitees": Listed(
        lambda since, until: _person(_invitees(since, until)),
        "count",
        has_standing("member.invited"),
        is_by_day=True,
    ),
    "invitees_activated": begun(_activated, "count", has_standing("member.invited")),
    "first_share_hours.median": begun(_first_shares, "median", _JOINED),
    **{
        f"cohort.w{week}": Listed(_cohort(int(week)), "count", _JOINED, is_by_day=True)
        for week in RetentionWeek
    },
    **{
        f"cohort_active.w{week}": begun(_cohort_active(int(week)), "count", _JOINED)
        for week in RetentionWeek
    },
    "content_offered": Listed(_released, "count", has_standing("content.released"), is_by_day=True),
    "content_used": begun(_used, "count", has_standing("content.released")),
    "training_hours.median": Listed(
        _training_hours,
        "median_by_employee",
        has_standing("training.completed", "(body ->> 'is_onboarding')::boolean"),
    ),
    "esn_registered": Listed(
        _registered, "count", has_standing("access.recorded", "body ->> 'system' = 'internal'")
    ),
    "recognized_experts": Listed(
        _experts,
        "count",
        f"({has_gauge('ssi.brand')} OR {has_standing('mention.recorded')})",
    ),
}
