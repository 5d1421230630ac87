"""Contributions of the kinds of facts whose quantities are booked as they are told.

One table: a kind, the measure it adds to, and how much, as SQL over an entry ``e`` of the ledger.
Both the fold and explanations read it, through ``contributions.linear``.
"""

from collections.abc import Iterator, Sequence

__all__ = ["BOOKED_KINDS", "booked"]

#: Comes for everybody and every day: it has a branch of its own, the others share one.
_DAILY = "internal.daily"
_INTERNAL = {
    "esn_posts": "posts",
    "esn_comments": "comments",
    "esn_events": "events",
    "esn_polls": "polls",
    "esn_suggestions": "suggestions",
    "knowledge_items": "knowledge_items",
    "knowledge_reads": "knowledge_reads",
}
_SENTIMENTS = ("positive", "neutral", "negative")


def _number(field: str) -> str:
    return f"(body ->> '{field}')::numeric"


def _when(condition: str, quantity: str = "1") -> str:
    return f"CASE WHEN {condition} THEN {quantity} END"


def _rows() -> Iterator[tuple[str, str, str]]:
    """Yield (kind, measure, quantity); a measure that is not one word is an SQL expression."""
    yield "content.submitted", "'stories_submitted'", "1"
    yield "content.released", "'stories_published'", _when("employee <> ''")
    yield "content.released", "'content_released'", "1"
    yield "points.awarded", "'points'", _number("points")
    yield "activity.logged", "'hours_logged'", _number("hours")
    yield (
        "activity.logged",
        "'contest_entries'",
        _when("body ->> 'activity' = 'contest_entry'", _number("count")),
    )
    yield (
        "activity.logged",
        "'offline_activities'",
        _when("body ->> 'activity' NOT IN ('program', 'contest_entry')", _number("count")),
    )
    yield from _listening()
    for measure, field in _INTERNAL.items():
        yield "internal.daily", f"'{measure}'", _number(field)
    yield "incident.recorded", "'off_channel_incidents'", _number("count")


def _listening() -> Iterator[tuple[str, str, str]]:
    yield "mention.recorded", "'mentions_' || (body ->> 'brand')", "1"
    for sentiment in _SENTIMENTS:
        yield (
            "mention.recorded",
            f"'mentions_{sentiment}'",
            _when(f"body ->> 'brand' = 'own' AND body ->> 'sentiment' = '{sentiment}'"),
        )
    facet = "(body ->> 'facet')"
    views = _number("impressions")
    yield "demographics.recorded", f"'impressions_profiled.' || {facet}", views
    yield (
        "demographics.recorded",
        f"'impressions_target.' || {facet}",
        _when("(body ->> 'is_target')::boolean", views),
    )
    yield (
        "demographics.recorded",
        "'impressions_generation.' || (body ->> 'segment')",
        _when(f"{facet} = 'generation'", views),
    )


_ROWS = tuple(_rows())
BOOKED_KINDS = frozenset(kind for kind, _, _ in _ROWS)


def booked(entries: str) -> str:
    """Return the branches of ``contributions.linear`` over the relation ``entries``."""
    daily = [row for row in _ROWS if row[0] == _DAILY]
    others = [row for row in _ROWS if row[0] != _DAILY]
    return " UNION ALL ".join(_branch(entries, rows) for rows in (daily, others))


def _branch(entries: str, rows: Sequence[tuple[str, str, str]]) -> str:
    kinds = ", ".join(sorted({f"'{kind}'" for kind, _, _ in rows}))
    values = ",\n            ".join(
        f"('{kind}', {measure}, {quantity})" for kind, measure, quantity in rows
    )
    return f"""
        SELECT e.*, m.measure, m.quantity::numeric
          FROM {entries} e
         CROSS JOIN LATERAL (VALUES
            {values}
         ) m (kind, measure, quantity)
         WHERE e.kind IN ({kinds}) AND m.kind = e.kind
    """
