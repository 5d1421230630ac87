"""Audiences, counted: how many are reached at least and at most, how they grow, what they do."""

from collections.abc import Mapping

from shared.kpis.vocabulary import Dimension
from shared.rollups.gauges import readings
from shared.rollups.holding import gained, level
from shared.rollups.listed import Lines, Listed, has_gauge, has_rows, has_standing, standing
from shared.rollups.people import posts
from shared.rollups.query import MeasureQuery
from shared.rollups.sql import NEVER, Arguments, date_literal

__all__ = ["LISTED"]

#: What a publication says of whose a post is, and where.
_PUBLISHED = ("employee", "account", "network", "campaign", "content")


def _followers() -> str:
    return f"""
        SELECT f.*, '' AS campaign, '' AS content, '' AS channel, f.value AS quantity,
               encode(f.fact_key, 'hex') AS line_key, 'last reading before' AS note
          FROM ({readings("followers", before=NEVER)}) f
    """


def _followers_gained(since: str, until: str) -> str:
    # An account that was not known before has gained nothing yet: its first reading is a level.
    return f"""
        SELECT now.day, now.employee, now.account, now.network, '' AS campaign, '' AS content,
               '' AS channel, now.value - was.value AS quantity, now.fact_key,
               encode(now.fact_key, 'hex') AS line_key,
               trim_scale(now.value) || ' after ' || trim_scale(was.value) AS note
          FROM ({readings("followers", before=until)}) now
          JOIN LATERAL (
            SELECT g.value FROM gauge g
             WHERE g.org_id = $1 AND g.generation = $2 AND g.measure = 'followers'
               AND g.employee = now.employee AND g.account = now.account
               AND g.network = now.network AND g.day < {since}
             ORDER BY g.observed_at DESC, g.fact_key DESC
             LIMIT 1
          ) was ON true
         WHERE now.until >= {until}
    """


def _followers_of_buckets(arguments: Arguments, query: MeasureQuery) -> str:
    told = readings("followers", before=date_literal(query.period.end))
    spans = f"SELECT f.*, '' AS line_key FROM ({told}) f"
    return gained(spans, "x.employee, x.account, x.network", arguments, query)


def _publication(post: str) -> str:
    """Return the one row that says where a post went out, as for all its counters."""
    return f"""
        SELECT {", ".join(_PUBLISHED)} FROM post
         WHERE org_id = $1 AND generation = $2 AND post = {post}
         ORDER BY published_at, fact_key
         LIMIT 1
    """


def _published(reading: str) -> str:
    """Return who and where of a post: its publication's (``p``), where that is known."""
    return ", ".join(f"coalesce(p.{name}, {reading}.{name}) AS {name}" for name in _PUBLISHED)


def _reach(since: str, until: str) -> str:
    """Return the last reach of each post of the brand's accounts that was read in the period."""
    readings = standing(
        "post.metrics",
        since,
        until,
        only="s.body ? 'reach'",
        quantity="(s.body ->> 'reach')::numeric",
        key="s.body ->> 'post'",
        note="'reach of the post so far'",
    )
    return f"""
        SELECT DISTINCT ON (r.line_key) r.day, {_published("r")}, r.channel, r.quantity, r.fact_key,
               r.line_key, r.note, r.occurred_at
          FROM ({readings}) r
          LEFT JOIN LATERAL ({_publication("r.line_key")}) p ON true
         WHERE coalesce(p.account, r.account) <> ''
         ORDER BY r.line_key, r.occurred_at DESC, r.fact_key DESC
    """


def _followed(quantity: str, fact_key: str, note: str) -> Lines:
    """Return the lines of the posts whose reach was read when followers of the account were known.

    A reach has to be set against followers: of an account nobody counted, it is no part of a rate.
    """

    def lines(since: str, until: str) -> str:
        return f"""
        SELECT r.day, r.employee, r.account, r.network, r.campaign, r.content, r.channel,
               {quantity} AS quantity, {fact_key} AS fact_key, r.line_key, {note} AS note
          FROM ({_reach(since, until)}) r
         CROSS JOIN LATERAL (
            SELECT g.value, g.fact_key FROM gauge g
             WHERE g.org_id = $1 AND g.generation = $2 AND g.measure = 'followers'
               AND g.account = r.account AND g.network = r.network
               AND g.observed_at <= r.occurred_at
             ORDER BY g.observed_at DESC, g.fact_key DESC
             LIMIT 1
         ) f
        """

    return lines


def _potential(since: str, until: str) -> str:
    return f"""
        SELECT p.day, p.employee, p.account, p.network, p.campaign, p.content, p.channel,
               g.value AS quantity, p.fact_key, encode(p.fact_key, 'hex') AS line_key,
               'connections at the time of the post' AS note
          FROM ({posts(since, until)}) p
         CROSS JOIN LATERAL (
            SELECT g.value FROM gauge g
             WHERE g.org_id = $1 AND g.generation = $2 AND g.measure = 'connections'
               AND g.employee = p.employee AND g.network = p.network
               AND g.observed_at <= p.published_at
             ORDER BY g.observed_at DESC, g.fact_key DESC
             LIMIT 1
         ) g
    """


def _tagged(since: str, until: str) -> str:
    return f"""
        SELECT stepped.*, t.hashtag, encode(stepped.fact_key, 'hex') AS line_key,
               '#' || t.hashtag AS note
          FROM (
            SELECT DISTINCT s.body ->> 'post' AS post,
                   jsonb_array_elements_text(s.body -> 'hashtags') AS hashtag
              FROM standing s
             WHERE s.org_id = $1 AND s.generation = $2 AND s.kind = 'post.published'
               AND s.body ? 'hashtags'
          ) t
         CROSS JOIN LATERAL (
            SELECT s.day, {_published("s")}, '' AS channel, s.fact_key,
                   (s.reactions + s.comments + s.reshares
                    - lag(s.reactions + s.comments + s.reshares, 1, 0::bigint)
                          OVER (ORDER BY s.observed_at, s.fact_key))::numeric AS quantity
              FROM post_snapshot s
              LEFT JOIN ({_publication("t.post")}) p ON true
             WHERE s.org_id = $1 AND s.generation = $2 AND s.post = t.post
            OFFSET 0
         ) stepped
         WHERE stepped.day >= {since} AND stepped.day < {until}
    """


def _replies(since: str, until: str) -> str:
    return standing(
        "mention.recorded",
        since,
        until,
        only="s.body ->> 'brand' = 'own' AND s.body ? 'answered_at'",
        quantity="extract(epoch FROM (s.body ->> 'answered_at')::timestamptz - s.occurred_at)"
        " / 3600",
        note="'hours to the answer'",
    )


def _mentions(only: str) -> Listed:
    """Return the mentions whose facts satisfy a condition; some told of the rest tells of none."""

    def lines(since: str, until: str) -> str:
        return standing("mention.recorded", since, until, only=only)

    of_moods = "body ->> 'brand' = 'own' AND body ? 'sentiment'" if "sentiment" in only else "true"
    return Listed(lines, "sum", has_standing("mention.recorded", of_moods), is_by_day=True)


_OF_ADVOCATE = "employee <> ''"
_REACH_KNOWN = has_standing("post.metrics", "body ? 'reach'")
LISTED: Mapping[str, Listed] = {
    "followers_at_start": level(_followers(), "sum", has_gauge("followers"), "start"),
    "followers_gained": Listed(
        _followers_gained, "sum", has_gauge("followers"), swept=_followers_of_buckets
    ),
    "reach.most": Listed(_reach, "most", _REACH_KNOWN),
    "reach.sum": Listed(_reach, "sum", _REACH_KNOWN),
    "reach.followed": Listed(
        _followed("r.quantity", "r.fact_key", "r.note"), "sum", has_gauge("followers")
    ),
    "reach.followers": Listed(
        _followed(
            "f.value", "f.fact_key", "'followers when the reach of ' || r.line_key || ' was read'"
        ),
        "sum",
        has_gauge("followers"),
    ),
    "potential_reach": Listed(
        _potential,
        "sum",
        f"({has_gauge('connections')} AND {has_rows('post', _OF_ADVOCATE)})",
        "day",
        is_by_day=True,
    ),
    "engagements_tagged": Listed(
        _tagged,
        "sum",
        has_standing("post.published", "body ? 'hashtags'"),
        "day",
        needs=Dimension.HASHTAG,
        is_by_day=True,
    ),
    **{
        f"mentions_{brand}_listed": _mentions(f"s.body ->> 'brand' = '{brand}'")
        for brand in ("own", "competitor")
    },
    **{
        f"mentions_{mood}_listed": _mentions(
            f"s.body ->> 'brand' = 'own' AND s.body ->> 'sentiment' = '{mood}'"
        )
        for mood in ("positive", "neutral", "negative")
    },
    "reply_hours.median": Listed(
        _replies,
        "median",
        has_standing("mention.recorded", "body ? 'answered_at'"),
        is_by_day=True,
    ),
}
