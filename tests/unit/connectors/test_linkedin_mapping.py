"""LinkedIn's statistics as facts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from services.collector.connectors.declaration import Frame, Page, TrackedPost, Window
from services.collector.connectors.linkedin.connector import LINKEDIN, LinkedInConfig
from services.collector.connectors.linkedin.mapping import LinkedInContext
from services.collector.digest import Digest, digest, record_bytes
from services.collector.http.errors import BadPayload
from services.collector.http.message import Answer
from services.collector.quarantine import kept_record
from shared.facts import AudienceRecorded, EngagementDaily, PostMetrics, Retraction
from tests.unit.connectors.fixtures import fixture

NOW = datetime(2025, 4, 1, 10, 42, tzinfo=UTC)
WINDOW = Window(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 4, 2, tzinfo=UTC))
PAGE = LinkedInContext("linkedin", account="golden-ratio")
MEMBER = LinkedInContext("linkedin-e007", employee="E007")


def read(stream: str, main: Any, context: LinkedInContext, **companions: Any) -> Digest:
    return digest(LINKEDIN.stream(stream), Page(WINDOW, main, companions), context)


def test_a_page_day_is_the_brands_engagement_and_may_be_negative() -> None:
    found = read("page_days", fixture("linkedin/share-days"), PAGE)

    assert found.rejected == ()
    first, negative, nothing = found.items
    assert first == EngagementDaily(
        source="linkedin",
        external_id="golden-ratio:2025-03-01",
        occurred_at=datetime(2025, 3, 1, tzinfo=UTC),
        day=date(2025, 3, 1),
        account="golden-ratio",
        network="linkedin",
        channel="brand",
        impressions=1500,
        reactions=30,
        comments=4,
        reshares=2,
        clicks=21,
    )
    assert isinstance(negative, EngagementDaily)
    assert negative.reactions == -1
    assert isinstance(nothing, Retraction)
    assert nothing.identity.external_id == "golden-ratio:2025-03-04"


@pytest.mark.parametrize(
    "change",
    [
        {"totalShareStatistics": {}},
        {"totalShareStatistics": None},
        {"timeRange": {"start": "1740787200000"}},
        {"timeRange": {"start": 1740787200001}},
    ],
)
def test_a_page_day_that_cannot_be_read_is_rejected_alone(change: dict[str, Any]) -> None:
    document = fixture("linkedin/share-days")
    document["elements"][0] |= change

    found = read("page_days", document, PAGE)

    assert (len(found.items), len(found.rejected)) == (2, 1)


def test_member_metrics_meet_in_one_fact_per_day() -> None:
    answers = fixture("linkedin/member-days")
    found = read("member_days", answers.pop("IMPRESSION"), MEMBER, **answers)
    first, second, nothing = found.items

    assert isinstance(first, EngagementDaily)
    assert isinstance(second, EngagementDaily)
    assert (first.impressions, first.reactions, first.comments, first.reshares) == (200, 3, 1, 0)
    assert (second.impressions, second.reactions, second.reshares) == (55, 0, 1)
    assert (first.employee, first.channel) == ("E007", "employee_advocacy")
    assert isinstance(nothing, Retraction)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metricType": "REACTION"}, "bad_elements"),
        ({"dateRange": None}, "bad_elements"),
        ({"dateRange": {"start": {"year": 2025, "month": 2, "day": 30}}}, "bad_elements"),
    ],
)
def test_a_member_day_of_unknown_place_spoils_the_page(change: dict[str, Any], reason: str) -> None:
    answers = fixture("linkedin/member-days")
    answers["COMMENT"]["elements"][0] |= change

    with pytest.raises(BadPayload, match=reason):
        read("member_days", answers.pop("IMPRESSION"), MEMBER, **answers)


def test_an_answer_with_more_pages_than_one_is_not_taken_for_the_whole() -> None:
    answers = fixture("linkedin/member-days")
    answers["REACTION"]["paging"]["links"] = [{"rel": "next", "href": "/rest/x?start=10"}]

    with pytest.raises(BadPayload, match="unexpected_paging"):
        read("member_days", answers.pop("IMPRESSION"), MEMBER, **answers)


def test_a_count_of_another_type_is_never_taken_for_zero() -> None:
    answers = fixture("linkedin/member-days")
    answers["REACTION"]["elements"][0]["count"] = None

    found = read("member_days", answers.pop("IMPRESSION"), MEMBER, **answers)

    assert [entry.record.key for entry in found.rejected] == ["2025-03-01"]


def test_an_audience_is_one_reading_a_day() -> None:
    window = Window(NOW, NOW)
    page = digest(
        LINKEDIN.stream("page_followers"), Page(window, fixture("linkedin/network-size")), PAGE
    )
    member = digest(
        LINKEDIN.stream("member_audience"),
        Page(window, fixture("linkedin/member-followers")),
        MEMBER,
    )

    (followers,), (connections,) = page.items, member.items
    assert isinstance(followers, AudienceRecorded)
    assert isinstance(connections, AudienceRecorded)
    assert (followers.metric, followers.count) == ("followers", 10450)
    assert followers.external_id == "followers:golden-ratio:2025-04-01"
    assert followers.occurred_at == datetime(2025, 4, 1, 10, tzinfo=UTC)
    assert (connections.metric, connections.count, connections.employee) == (
        "connections",
        987,
        "E007",
    )


def test_the_counters_of_a_post_are_cumulative_at_the_hour_they_were_read() -> None:
    answers = fixture("linkedin/post-totals")
    post = TrackedPost("urn:li:share:7001", "E007", "spring", "article-1")
    page = Page(Window(NOW, NOW, post), answers.pop("IMPRESSION"), answers)

    (counters,) = digest(LINKEDIN.stream("member_posts"), page, MEMBER).items

    assert isinstance(counters, PostMetrics)
    assert counters.external_id == "urn:li:share:7001@2025-04-01T10:00:00+00:00"
    assert (counters.impressions, counters.reactions, counters.reshares) == (900, 12, 0)
    assert (counters.campaign, counters.content) == ("spring", "article-1")


@pytest.mark.parametrize(
    ("stream", "name", "context"),
    [
        ("page_days", "share-days", PAGE),
        ("page_followers", "network-size", PAGE),
        ("member_audience", "member-followers", MEMBER),
        ("member_days", "member-days", MEMBER),
        ("member_posts", "post-totals", MEMBER),
    ],
)
def test_a_record_that_was_put_aside_still_says_the_same(
    stream: str, name: str, context: LinkedInContext
) -> None:
    found = fixture(f"linkedin/{name}")
    main, companions = (found.pop("IMPRESSION"), found) if "IMPRESSION" in found else (found, {})
    window = Window(NOW, NOW, TrackedPost("urn:li:share:7001", "E007", "spring", "article-1"))
    read_as = LINKEDIN.stream(stream)
    record = read_as.records(Page(window, main, companions))[0]

    kept = kept_record(orjson.dumps({"key": record.key}).decode(), record_bytes(record))

    assert read_as.to_facts(kept, context) == read_as.to_facts(record, context)


def _frame(**config: Any) -> Frame[LinkedInConfig]:
    return Frame(
        config=LinkedInConfig(**config), source="l", now=NOW, currency="USD", person_of=str
    )


def test_queries_are_written_as_the_vendor_wants_them() -> None:
    page = LINKEDIN.stream("page_days").request(
        _frame(organization="urn:li:organization:5150"), WINDOW
    )
    member = LINKEDIN.stream("member_days").request(_frame(employee="E007"), WINDOW)
    posts = LINKEDIN.stream("member_posts").request(
        _frame(employee="E007"), Window(NOW, NOW, TrackedPost("urn:li:share:7001", "E007"))
    )

    base = "https://api.linkedin.com/rest/"
    assert page.url == (
        f"{base}organizationalEntityShareStatistics?q=organizationalEntity"
        "&organizationalEntity=urn%3Ali%3Aorganization%3A5150"
        "&timeIntervals=(timeRange:(start:1740787200000,end:1743552000000),"
        "timeGranularityType:DAY)"
    )
    assert member.url == (
        f"{base}memberCreatorPostAnalytics?q=me&queryType=IMPRESSION&aggregation=DAILY"
        "&dateRange=(start:(day:1,month:3,year:2025),end:(day:2,month:4,year:2025))"
    )
    assert posts.url == (
        f"{base}memberCreatorPostAnalytics?q=entity&entity=(share:urn%3Ali%3Ashare%3A7001)"
        "&queryType=IMPRESSION&aggregation=TOTAL"
    )


def test_a_connection_reads_daily_sums_or_posts_and_never_both() -> None:
    def streams(**config: Any) -> list[str]:
        return [stream.name for stream in LINKEDIN.streams_of(LinkedInConfig(**config))]

    assert streams(organization="urn:li:organization:1") == ["page_days", "page_followers"]
    assert streams(employee="E007") == ["member_days", "member_audience"]
    assert streams(employee="E007", member_detail="posts") == ["member_posts", "member_audience"]
    for wrong in ({}, {"organization": "urn:li:organization:1", "employee": "E007"}):
        with pytest.raises(ValidationError):
            LinkedInConfig(**wrong)


def test_a_limit_ends_at_midnight_utc() -> None:
    wait = LINKEDIN.rules.rate_limit_wait(Answer(429, {}, {}), NOW)
    assert NOW + wait == datetime(2025, 4, 2, tzinfo=UTC) + timedelta(minutes=1)
