"""What facts about the company and its market contribute, recomputed from scratch.

Surveys, sets, quantiles and cohorts are not here: they are counted when asked for, from the
facts that stand, and ``state`` compares those.
"""

from services.metrics.verify.facts import Family, by_rules, standing

__all__ = ["COMPANY"]

_INTERNAL = {
    "esn_posts": "posts",
    "esn_comments": "comments",
    "esn_events": "events",
    "esn_polls": "polls",
    "esn_suggestions": "suggestions",
    "knowledge_items": "knowledge_items",
    "knowledge_reads": "knowledge_reads",
}


def _number(field: str) -> str:
    return f"(body ->> '{field}')::numeric"


_PROFILED = "kind = 'demographics.recorded'"
_LOGGED = "kind = 'activity.logged'"
_MENTIONED = "kind = 'mention.recorded'"

_RULES = (
    ("stories_submitted", "kind = 'content.submitted'", "1"),
    ("stories_published", "kind = 'content.released' AND employee <> ''", "1"),
    ("content_released", "kind = 'content.released'", "1"),
    ("points", "kind = 'points.awarded'", _number("points")),
    ("hours_logged", _LOGGED, _number("hours")),
    ("contest_entries", f"{_LOGGED} AND body ->> 'activity' = 'contest_entry'", _number("count")),
    (
        "offline_activities",
        f"{_LOGGED} AND body ->> 'activity' <> ALL ('{{program, contest_entry}}')",
        _number("count"),
    ),
    *(
        (f"mentions_{brand}", f"{_MENTIONED} AND body ->> 'brand' = '{brand}'", "1")
        for brand in ("own", "competitor")
    ),
    *(
        (
            f"mentions_{sentiment}",
            f"{_MENTIONED} AND body ->> 'brand' = 'own' AND body ->> 'sentiment' = '{sentiment}'",
            "1",
        )
        for sentiment in ("positive", "neutral", "negative")
    ),
    ("impressions_profiled.", _PROFILED, _number("impressions")),
    (
        "impressions_target.",
        f"{_PROFILED} AND (body ->> 'is_target')::boolean",
        _number("impressions"),
    ),
    (
        "impressions_generation.",
        f"{_PROFILED} AND body ->> 'facet' = 'generation'",
        _number("impressions"),
    ),
    *((measure, "kind = 'internal.daily'", _number(field)) for measure, field in _INTERNAL.items()),
    ("off_channel_incidents", "kind = 'incident.recorded'", _number("count")),
)
_KINDS = (
    "hire.accepted",
    "content.submitted",
    "content.released",
    "points.awarded",
    "activity.logged",
    "mention.recorded",
    "demographics.recorded",
    "internal.daily",
    "incident.recorded",
)

# Of who leaves on a day, whoever tells it, the first telling is the one that counts.
_LEAVING = f"""
    SELECT m.measure, day, employee, '' AS account, '' AS network, '' AS campaign, '' AS content,
           '' AS channel, 1::numeric AS quantity, fact_key
      FROM (
        SELECT f.*, row_number() OVER (
                   PARTITION BY subject, day ORDER BY occurred_at, fact_key) AS place
          FROM ({standing("employment.ended")}) f
      ) told
      JOIN (VALUES ('leavers', NULL), ('adaptation_quits', 'adaptation')) m (measure, reason)
        ON m.reason IS NULL OR m.reason = body ->> 'reason' AND body @> '{{"in_probation": true}}'
     WHERE place = 1
"""

COMPANY = (
    by_rules("company", _KINDS, _RULES),
    Family(name="leaving", measures=("leavers", "adaptation_quits"), query=_LEAVING),
)
