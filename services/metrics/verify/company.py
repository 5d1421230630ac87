"""What facts about the company and its market contribute, recomputed from scratch.

Surveys, sets, quantiles and cohorts are not here: they are counted when asked for, from the
facts that stand, and ``state`` compares those.
"""

from services.metrics.verify.facts import by_rules

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
    ("leavers", "kind = 'employment.ended'", "1"),
    (
        "adaptation_quits",
        "kind = 'employment.ended' AND body ->> 'reason' = 'adaptation'"
        " AND (body ->> 'in_probation')::boolean",
        "1",
    ),
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
    "employment.ended",
)

COMPANY = by_rules("company", _KINDS, _RULES)
