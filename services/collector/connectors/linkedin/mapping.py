"""LinkedIn's statistics to facts. Pure.

LinkedIn says nothing of a day without activity, or says zero: both are no fact. It corrects a day
by naming it again, or no more; the identity of a fact is (who, day), so a changed number restates
the day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from services.collector.connectors.declaration import Item, Page, Record, TrackedPost
from services.collector.connectors.errors import Unreadable
from services.collector.connectors.reading import read_object, read_whole
from services.collector.http.errors import BadPayload
from services.collector.http.message import JsonObject
from shared.facts import AudienceRecorded, EngagementDaily, Identity, PostMetrics, Retraction

__all__ = [
    "MAIN_METRIC",
    "METRICS",
    "NETWORK",
    "LinkedInContext",
    "follower_facts",
    "follower_records",
    "member_audience_facts",
    "member_audience_records",
    "member_day_facts",
    "member_day_records",
    "post_facts",
    "post_records",
    "share_day_facts",
    "share_day_records",
]

NETWORK = "linkedin"
#: LinkedIn's query type → the field of a fact. One call each; the first is the page's main answer.
METRICS: Mapping[str, str] = {
    "IMPRESSION": "impressions",
    "REACTION": "reactions",
    "COMMENT": "comments",
    "RESHARE": "reshares",
}
MAIN_METRIC = "IMPRESSION"
_DAY_MS = 86_400_000
_SHARE_FIELDS = {
    "impressionCount": "impressions",
    "likeCount": "reactions",
    "commentCount": "comments",
    "shareCount": "reshares",
    "clickCount": "clicks",
}


@dataclass(frozen=True, slots=True)
class LinkedInContext:
    """Whose numbers these are: an account (a company page) or an employee, never both."""

    source: str
    account: str | None = None
    employee: str | None = None

    @property
    def who(self) -> dict[str, str | None]:
        """The envelope fields that name the owner and its channel."""
        channel = "brand" if self.employee is None else "employee_advocacy"
        return {
            "account": self.account,
            "employee": self.employee,
            "network": NETWORK,
            "channel": channel,
        }

    @property
    def owner(self) -> str:
        """The reference that begins the facts' ids."""
        return self.employee or self.account or ""


def share_day_records(page: Page) -> list[Record]:
    """Split a page's share statistics by day."""
    return [
        Record(str(number), element)
        for number, element in enumerate(_elements(page.main, paged=True))
    ]


def share_day_facts(record: Record, context: LinkedInContext) -> Sequence[Item]:
    """Return what the posts of a company page earned on one UTC day; it may be negative.

    Raises:
        Unreadable: a counter is missing, or the element is not one day.
    """
    start = read_whole(read_object(record.content, "timeRange"), "start")
    if start % _DAY_MS:
        raise Unreadable("timeRange: expected a UTC day")
    statistics = read_object(record.content, "totalShareStatistics")
    counts = {ours: read_whole(statistics, theirs) for theirs, ours in _SHARE_FIELDS.items()}
    day = _day_of(start)
    return [_engagement(day, counts, context)]


def follower_records(page: Page) -> list[Record]:
    """Return the size of a page's audience as the one record of the answer."""
    return [_observed(page, page.main)]


def follower_facts(record: Record, context: LinkedInContext) -> Sequence[Item]:
    """Return the followers of a company page as counted now."""
    return [_audience(record, "followers", "firstDegreeSize", context)]


def member_audience_records(page: Page) -> list[Record]:
    """Return the size of a member's audience as the one record of the answer."""
    elements = _elements(page.main)
    if len(elements) != 1:
        raise BadPayload("bad_elements")
    return [_observed(page, elements[0])]


def member_audience_facts(record: Record, context: LinkedInContext) -> Sequence[Item]:
    """Return the audience of a member as counted now."""
    return [_audience(record, "connections", "memberFollowersCount", context)]


def member_day_records(page: Page) -> list[Record]:
    """Gather the answers of all metrics into one record per day.

    A day that cannot be read spoils the page: nobody could say which day would then be booked
    without one of its numbers.
    """
    days: dict[date, JsonObject] = {}
    for metric, document in _answers(page).items():
        for element in _elements(document):
            try:
                day = _first_day(element)
                _check_metric(element, metric)
            except Unreadable:
                raise BadPayload("bad_elements") from None
            if metric in days.setdefault(day, {}):
                raise BadPayload("repeated_day")
            days[day][metric] = element.get("count")
    return [Record(day.isoformat(), days[day]) for day in sorted(days)]


def member_day_facts(record: Record, context: LinkedInContext) -> Sequence[Item]:
    """Return what all posts of a member earned on one day.

    Raises:
        Unreadable: a count is not a whole number.
    """
    counts = {METRICS[metric]: read_whole(record.content, metric) for metric in record.content}
    return [_engagement(date.fromisoformat(record.key), counts, context)]


def post_records(page: Page) -> list[Record]:
    """Return the counters of one post as they stand now, as the one record of the answers."""
    assert page.window.post is not None
    counters: JsonObject = {}
    for metric, document in _answers(page).items():
        elements = _elements(document)
        if len(elements) > 1:
            raise BadPayload("bad_elements")
        for element in elements:
            try:
                _check_metric(element, metric)
            except Unreadable:
                raise BadPayload("bad_elements") from None
            counters[metric] = element.get("count")
    observed = _observed(page, counters)
    return [
        Record(
            f"{page.window.post.post}@{observed.key}",
            {**observed.content, "post": asdict(page.window.post)},
        )
    ]


def post_facts(record: Record, context: LinkedInContext) -> Sequence[Item]:
    """Return the cumulative counters of one post at the instant they were read.

    Raises:
        Unreadable: a count is not a whole number.
    """
    post = TrackedPost(**record.content["post"])
    values = record.content["values"]
    counts = {METRICS[metric]: read_whole(values, metric) for metric in values}
    return [
        PostMetrics.model_validate(
            {
                "source": context.source,
                "external_id": record.key,
                "occurred_at": datetime.fromisoformat(record.content["observed_at"]),
                "post": post.post,
                "campaign": post.campaign,
                "content": post.content,
                **context.who,
                **counts,
            }
        )
    ]


def _engagement(day: date, counts: Mapping[str, int], context: LinkedInContext) -> Item:
    external_id = f"{context.owner}:{day}"
    if not any(counts.values()):
        # Nothing happened. Should the day have been booked with something, that is taken back.
        return Retraction(Identity(context.source, "engagement.daily", external_id))
    return EngagementDaily.model_validate(
        {
            "source": context.source,
            "external_id": external_id,
            "occurred_at": datetime.combine(day, time(), tzinfo=UTC),
            "day": day,
            **context.who,
            **counts,
        }
    )


def _audience(record: Record, metric: str, name: str, context: LinkedInContext) -> AudienceRecorded:
    observed_at = datetime.fromisoformat(record.content["observed_at"])
    return AudienceRecorded.model_validate(
        {
            "source": context.source,
            # One reading a day: a second one of the same day replaces the first.
            "external_id": f"{metric}:{context.owner}:{observed_at.date()}",
            "occurred_at": observed_at,
            "metric": metric,
            "count": read_whole(record.content["values"], name),
            **context.who,
        }
    )


def _observed(page: Page, values: JsonObject) -> Record:
    # To the hour, so that the same reading twice is the same fact.
    observed_at = page.window.end.replace(minute=0, second=0, microsecond=0)
    instant = observed_at.isoformat()
    return Record(instant, {"observed_at": instant, "values": values})


def _answers(page: Page) -> dict[str, JsonObject]:
    return {MAIN_METRIC: page.main, **page.companions}


def _elements(document: JsonObject, *, paged: bool = False) -> list[JsonObject]:
    """Return the elements of an answer; one that is not ``paged`` must be complete by itself."""
    elements = document.get("elements")
    if not isinstance(elements, list) or not all(isinstance(found, dict) for found in elements):
        raise BadPayload("bad_elements")
    if not paged and _has_next(document.get("paging")):
        raise BadPayload("unexpected_paging")
    return elements


def _has_next(paging: Any) -> bool:
    links = paging.get("links") if isinstance(paging, dict) else None
    return isinstance(links, list) and any(
        isinstance(link, dict) and link.get("rel") == "next" for link in links
    )


def _check_metric(element: JsonObject, expected: str) -> None:
    """Check the metric's name: a text since version 202605, an object with one key before."""
    found = element.get("metricType")
    if isinstance(found, dict) and len(found) == 1:
        found = next(iter(found.values()))
    if found != expected:
        raise Unreadable("metricType: another metric")


def _first_day(element: JsonObject) -> date:
    date_range = read_object(element, "dateRange")
    start = _calendar_day(read_object(date_range, "start"))
    if _calendar_day(read_object(date_range, "end")) != start + timedelta(days=1):
        raise Unreadable("dateRange: expected one day")
    return start


def _calendar_day(values: Mapping[str, Any]) -> date:
    try:
        return date(
            read_whole(values, "year"), read_whole(values, "month"), read_whole(values, "day")
        )
    except (ValueError, OverflowError):
        raise Unreadable("date: expected a day of the calendar") from None


def _day_of(milliseconds: int) -> date:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).date()
    except OverflowError:
        raise Unreadable("timeRange: out of range") from None
