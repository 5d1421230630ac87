"""The program, counted: who takes part, cohorts, effort, competence."""

from collections.abc import Mapping

from shared.kpis.assumptions import ACTIVATION_DAYS
from shared.kpis.vocabulary import RetentionWeek
from shared.rollups.holding import level
from shared.rollups.listed import (
    NOWHERE,
    Begun,
    Lines,
    Listed,
    begun,
    each_person,
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
from shared.rollups.sql import EVER, NEVER, bucket_end, until_overtaken
from shared.rollups.stated import whole

__all__ = ["LISTED", "posted_by_members"]

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


def _engaged(since: str, until: str) -> str:
    logins = standing(
        "login.recorded", since, until, only="s.body ->> 'system' = 'advocacy'", key="s.employee"
    )
    return each_person(
        f"SELECT l.employee, l.day, l.fact_key FROM ({logins}) l"
        f" UNION ALL SELECT p.employee, p.day, p.fact_key FROM ({posts(since, until)}) p"
    )


def _held(relation: str) -> str:
    """Return a line for each row that also says at the ends of which days it holds."""
    return each_person(relation, "since", "until")


def _held_on_networks(relation: str) -> str:
    """Return the same of rows that say on which network."""
    return f"""
        SELECT x.day, x.employee, '' AS account, x.network, '' AS campaign, '' AS content,
               '' AS channel, 1::numeric AS quantity, x.fact_key, x.employee AS line_key,
               '' AS note, x.since, x.until
          FROM ({relation}) x
    """


def _while_member(relation: str, *columns: str) -> str:
    """Return rows (employee, day, fact_key, ``columns``, since, until), while one is a member."""
    return f"""
        SELECT d.employee, d.day, d.fact_key, {"".join(f"d.{column}, " for column in columns)}
               greatest(d.since, m.since) AS since, least(d.until, m.until) AS until
          FROM ({relation}) d
         CROSS JOIN LATERAL ({members("membership.employee = d.employee")}) m
    """


def _on_roster(condition: str) -> str:
    return f"""
        SELECT l.employee, l.since AS day, l.fact_key, l.since, l.until
          FROM ({roster()}) l
         WHERE {condition}
    """


def _trained() -> str:
    done = standing("training.completed", EVER, NEVER)
    return f"SELECT t.*, t.day AS since, {NEVER} AS until FROM ({done}) t"


def _accounts(system: str) -> str:
    """Return what everybody's live account of each network, or of the internal one, was told by."""
    states = standing(
        "access.recorded",
        EVER,
        NEVER,
        only=f"s.body ->> 'system' = '{system}'",
        note="s.body ->> 'state'",
    )
    account = "a.employee, a.network" if system == "network" else "a.employee"
    until = until_overtaken("a.day", account, "a.occurred_at DESC, a.fact_key DESC")
    return f"""
        SELECT a.*
          FROM (
            SELECT a.employee, a.network, a.day, a.fact_key, a.note AS state, a.day AS since,
                   {until} AS until
              FROM ({states}) a
          ) a
         WHERE a.state = 'live' AND a.since < a.until
    """


def _on_every_network() -> str:
    """Return the members once for each network of which accounts were told, and once besides."""
    return f"""
        SELECT m.*, n.network
          FROM ({members()}) m
         CROSS JOIN (
            SELECT '' AS network
            UNION
            SELECT network FROM standing
             WHERE org_id = $1 AND generation = $2 AND kind = 'access.recorded'
               AND body ->> 'system' = 'network'
         ) n
    """


def _leaders_who(doing: Lines) -> Begun:
    def lines(since: str, until: str, ends: str) -> str:
        leads = placement_of("d.employee", bucket_end("d.day", ends))
        return each_person(
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
        SELECT m.day, m.employee, {NOWHERE}, 0::numeric AS quantity, m.fact_key,
               m.employee AS line_key, 'member' AS note
          FROM ({members()}) m
         WHERE m.since < {until} AND m.until >= {until}
        UNION ALL
        SELECT p.day, p.employee, {NOWHERE}, 1, p.fact_key, p.employee, 'post'
          FROM ({posts(since, until)}) p
          JOIN LATERAL ({member("p.employee", until)}) m ON true
    """


def posted_by_members(since: str, until: str, ends: str) -> str:
    """Return a line for each post of who is in the program at the end of its bucket."""
    is_member = member("p.employee", bucket_end("p.day", ends))
    return each_person(
        f"SELECT p.employee, p.day, p.fact_key, p.day AS begun_on"
        f" FROM ({posts(since, until)}) p JOIN LATERAL ({is_member}) m ON true",
        "begun_on",
    )


def _first_invitations() -> str:
    """Return by whose invitation one counts as invited at the ends of [``since``, ``until``)."""
    until = until_overtaken("s.day", "s.employee", "s.occurred_at, s.fact_key")
    return f"""
        SELECT s.*
          FROM (
            SELECT s.employee, s.day, s.occurred_at, s.fact_key, s.day AS since, {until} AS until
              FROM ({standing("member.invited", EVER, NEVER)}) s
          ) s
         WHERE s.since < s.until
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


def _invited_enrolled() -> str:
    # Who joined without an invitation accepted none: else a rate could exceed the whole.
    return f"""
        SELECT i.employee, j.day, j.fact_key, greatest(i.since, j.since) AS since, j.until
          FROM (
            SELECT s.employee, min(s.day) AS since
              FROM ({standing("member.invited", EVER, NEVER)}) s
             GROUP BY s.employee
          ) i
         CROSS JOIN LATERAL ({first_join_of("i.employee")}) j
    """


def _activated(since: str, until: str, ends: str) -> str:
    invited = f"SELECT employee, occurred_at AS at, day FROM ({_invitees(since, until)}) i"
    after = posts(since, f"({until} + w.most + 1)")
    return each_person(
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
        SELECT DISTINCT ON (p.employee) p.day, p.employee, {NOWHERE},
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
        return each_person(
            f"SELECT j.employee, j.day, j.fact_key FROM ({first_joins(since, until)}) j"
            f" WHERE j.day + {7 * (week + 1)} <= {_KNOWN_DAY}"
        )

    return lines


def _cohort_active(week: int) -> Begun:
    def lines(since: str, until: str, ends: str) -> str:
        joined = f"SELECT employee, happened_at AS at, day FROM ({first_joins(since, until)}) j"
        after = posts(since, f"({until} + {7 * (week + 1)})")
        return each_person(
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
    "enrolled": level(_held(members()), "count", _JOINED),
    "invited_enrolled": level(_held(_invited_enrolled()), "count", _JOINED),
    "invited": level(_held(_first_invitations()), "count", has_standing("member.invited")),
    "enrolled_at_start": level(_held(members()), "count", _JOINED, "start"),
    "headcount_at_start": level(
        _held(_on_roster("l.employed")), "count", has_rows("roster"), "start"
    ),
    "trained": level(_held(_while_member(_trained())), "count", has_standing("training.completed")),
    "connected": level(
        _held_on_networks(_while_member(_accounts("network"), "network")),
        "count",
        has_standing("access.recorded", "body ->> 'system' = 'network'"),
    ),
    "connectable": level(_held_on_networks(_on_every_network()), "count", _JOINED),
    "leaders": level(_held(_on_roster(_IS_LEADER)), "count", _LEADERS_KNOWN),
    "leaders_sharing": begun(_leaders_who(posts), "count", _ADVOCATES_POSTED),
    "leaders_listening": begun(
        _leaders_who(_reports_opened),
        "count",
        has_standing("login.recorded", "body ->> 'system' = 'listening'"),
    ),
    "evenness": Listed(_evenness, "evenness", _JOINED),
    "invitees": Listed(
        lambda since, until: each_person(_invitees(since, until)),
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
        is_by_day=True,
    ),
    "esn_registered": level(
        _held(_accounts("internal")),
        "count",
        has_standing("access.recorded", "body ->> 'system' = 'internal'"),
    ),
}
