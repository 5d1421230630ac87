"""The mapping of LinkedIn digests every sample of the answers it asks for."""

from datetime import UTC, datetime

import pytest
import time_machine

from services.collector.connectors.declaration import Page, TrackedPost, Window
from services.collector.connectors.linkedin.connector import LINKEDIN
from services.collector.connectors.linkedin.mapping import METRICS, LinkedInContext
from services.collector.digest import Digest, digest
from services.collector.http.errors import RateLimited, ReauthRequired, Refused
from services.collector.http.message import JsonObject, Request
from services.collector.http.paginators import LinkedPages
from shared.facts import AudienceRecorded, EngagementDaily, PostMetrics, Retraction
from tests.contract.connector_samples import body_of, refusal_of

_RECORDED = datetime(2026, 12, 1, tzinfo=UTC)
_PAGE = LinkedInContext("linkedin", account="page")
_MEMBER = LinkedInContext("linkedin", employee="E001")
_POST = TrackedPost("urn:li:share:7045020441609936898", "E001")


def _digest(stream: str, name: str, context: LinkedInContext) -> Digest:
    main = body_of(f"linkedin/samples/{name}")
    others: dict[str, JsonObject] = {
        metric: {"elements": []} for metric in METRICS if metric != "IMPRESSION"
    }
    with time_machine.travel(_RECORDED):
        page = Page(Window(_RECORDED, _RECORDED, _POST), main, others)
        return digest(LINKEDIN.stream(stream), page, context)


def test_daily_page_statistics() -> None:
    found = _digest("page_days", "share-statistics-daily.reconstructed.exchange.json", _PAGE)

    assert found.rejected == ()
    assert len(found.items) >= 3
    assert all(isinstance(item, EngagementDaily | Retraction) for item in found.items)
    assert any(isinstance(item, EngagementDaily) and item.reactions < 0 for item in found.items)


@pytest.mark.parametrize(
    ("stream", "name", "count"),
    [
        ("page_followers", "network-size-followers.reconstructed.exchange.json", 1843),
        ("member_audience", "member-followers-count.reconstructed.exchange.json", 1204),
    ],
)
def test_audiences(stream: str, name: str, count: int) -> None:
    (audience,) = _digest(stream, name, _PAGE if "page" in stream else _MEMBER).items

    assert isinstance(audience, AudienceRecorded)
    assert audience.count == count


def test_daily_member_analytics() -> None:
    reactions = body_of(
        "linkedin/samples/member-post-analytics-reaction-daily.reconstructed.exchange.json"
    )
    with time_machine.travel(_RECORDED):
        page = Page(
            Window(_RECORDED, _RECORDED),
            {"elements": []},
            {"REACTION": reactions, "COMMENT": {"elements": []}, "RESHARE": {"elements": []}},
        )
        found = digest(LINKEDIN.stream("member_days"), page, _MEMBER)

    days = [item for item in found.items if isinstance(item, EngagementDaily)]
    assert [day.reactions for day in days] == [14, 3]


def test_totals_of_one_post() -> None:
    name = "member-post-analytics-impression-total.reconstructed.exchange.json"
    (counters,) = _digest("member_posts", name, _MEMBER).items

    assert isinstance(counters, PostMetrics)
    assert counters.impressions == 2391


def test_the_older_form_of_the_metrics_name() -> None:
    legacy = body_of(
        "linkedin/samples/member-post-analytics-legacy-metrictype.reconstructed.exchange.json"
    )
    with time_machine.travel(_RECORDED):
        page = Page(Window(_RECORDED, _RECORDED, _POST), {"elements": []}, {"REACTION": legacy})
        (counters,) = digest(LINKEDIN.stream("member_posts"), page, _MEMBER).items

    assert isinstance(counters, PostMetrics)
    assert counters.reactions == 77


def test_the_links_of_a_finder_lead_from_page_to_page() -> None:
    request = Request("GET", "https://api.linkedin.com/rest/posts?q=author")
    first = body_of("linkedin/samples/posts-by-author-page1.reconstructed.exchange.json")
    second = body_of("linkedin/samples/posts-by-author-page2.reconstructed.exchange.json")

    following = LinkedPages().follow(request, first)

    assert following is not None
    assert following.url.startswith("https://api.linkedin.com/rest/posts?")
    assert "start=2" in following.url
    assert LinkedPages().follow(following, second) is None


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("error-401-expired", ReauthRequired, "credentials_refused"),
        ("error-401-revoked", ReauthRequired, "credentials_refused"),
        ("error-426-nonexistent-version", Refused, "api_version_retired"),
        ("error-429-throttle", RateLimited, "rate_limited"),
        ("share-statistics-not-authorized-403", Refused, "access_denied"),
    ],
)
def test_every_recorded_error_means_one_thing(
    name: str, error: type[Exception], reason: str
) -> None:
    found = refusal_of(f"linkedin/samples/{name}.reconstructed.exchange.json", 0, LINKEDIN.rules)

    assert type(found) is error
    assert found.reason == reason
