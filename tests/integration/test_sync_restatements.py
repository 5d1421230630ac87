"""What a vendor says differently the second time: moved rows, renewed tokens, posts that vanish."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import stamina
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.collector.connections import update_connection
from services.collector.connectors.reading import milliseconds
from services.collector.http.auth import OAuthGrant
from shared import clock
from shared.connections import ConnectionChange
from shared.db import Database
from shared.orgs import Org
from tests.integration.vendor_support import RING, Polling, fake_vendor, polling, served

_COLUMNS = (
    "date",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "sessionManualAdContent",
)
_METRICS = ("sessions", "engagedSessions", "keyEvents")


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class FakeAnalytics:
    """Reports the rows that the test put here."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []
        self.metadata: dict[str, Any] = {}
        self.quota: int = 100_000

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        day = clock.now().strftime("%Y%m%d")
        rows = [
            {
                "dimensionValues": [
                    {"value": value}
                    for value in (day, source, "referral", "(not set)", "(not set)")
                ],
                "metricValues": [{"value": sessions}, {"value": "0"}, {"value": "0"}],
            }
            for source, sessions in self.rows
        ]
        tokens = {"tokensPerDay": {"consumed": 10, "remaining": self.quota}}
        return JSONResponse(
            {
                "dimensionHeaders": [{"name": name} for name in _COLUMNS],
                "metricHeaders": [{"name": name} for name in _METRICS],
                "rows": rows,
                "rowCount": len(rows),
                "metadata": self.metadata,
                "propertyQuota": tokens,
            }
        )


async def _sessions(ga4: Polling) -> dict[str, int]:
    """Return what the ledger holds now: the sum of weights times sessions, by campaign-less row."""
    total: dict[str, int] = {}
    for entry in await ga4.entries():
        total[entry.external_id] = (
            total.get(entry.external_id, 0) + entry.weight * entry.payload["sessions"]
        )
    return {key: value for key, value in total.items() if value}


@pytest.mark.parametrize("is_partial", [False, True])
async def test_a_row_that_analytics_moved_is_withdrawn_unless_it_may_be_withheld(
    database: Database, org: Org, is_partial: bool
) -> None:
    vendor = FakeAnalytics()
    start = (clock.now() - timedelta(days=2)).date().isoformat()
    with served(fake_vendor(vendor)) as url:
        async with polling(
            database,
            org,
            provider="ga4",
            config={"base_url": url, "property_id": "1", "start_on": start},
            auth={"type": "token", "access_token": "a-token"},
        ) as ga4:
            vendor.rows = [("(direct)", "10"), ("partner.example", "5")]
            await ga4.run("sessions")
            # Google finds out that the direct visits came from the partner.
            vendor.rows = [("partner.example", "15")]
            vendor.metadata = {"subjectToThresholding": is_partial}
            await ga4.run("sessions")
            found = await _sessions(ga4)

    assert sorted(found.values()) == ([10, 15] if is_partial else [15])


async def test_careers_pages_that_are_told_apart_no_more_are_not_counted_twice(
    database: Database, org: Org
) -> None:
    vendor = FakeAnalytics()
    start = (clock.now() - timedelta(days=2)).date().isoformat()
    with served(fake_vendor(vendor)) as url:
        plain = {"base_url": url, "property_id": "1", "start_on": start}
        async with polling(
            database,
            org,
            provider="ga4",
            config={**plain, "careers_prefix": "/careers"},
            auth={"type": "token", "access_token": "a-token"},
        ) as ga4:
            vendor.rows = [("partner.example", "10")]
            await ga4.run("sessions")
            vendor.rows = [("partner.example", "3")]
            await ga4.run("careers_sessions")
            apart = await _sessions(ga4)
            async with database.transaction(org.id) as connection:
                change = ConnectionChange(config=plain)
                await update_connection(
                    connection, RING, org.id, ga4.connection_id, change, allow_private=True
                )
            vendor.rows = [("partner.example", "13")]
            await ga4.run("sessions")
            together = await _sessions(ga4)

    assert sorted(apart.values()) == [3, 10]
    assert sorted(together.values()) == [13]


async def test_a_quota_that_runs_low_ends_the_run_after_its_page(
    database: Database, org: Org
) -> None:
    vendor = FakeAnalytics()
    vendor.rows, vendor.quota = [("partner.example", "5")], 20
    with served(fake_vendor(vendor)) as url:
        async with polling(
            database,
            org,
            provider="ga4",
            config={"base_url": url, "property_id": "1", "start_on": "2025-01-01"},
            auth={"type": "token", "access_token": "a-token"},
        ) as ga4:
            report = await ga4.run("sessions")

    assert (report.outcome, report.reason) == ("rate_limited", "quota_low")
    assert (report.totals.pages, report.totals.inserted) == (1, 1)


class RotatingTokens:
    """Voids a refresh token on its first use, and serves only the newest access token."""

    def __init__(self) -> None:
        self.renewals = 0

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        if request.url.path == "/token":
            return self._renew(request)
        if request.headers["authorization"] != f"Bearer access-{self.renewals}":
            return JSONResponse({}, 401)
        if request.url.path.endswith("/pipelines/deals"):
            return JSONResponse({"results": []})
        return JSONResponse({"results": []})

    def _renew(self, request: Request) -> Response:
        form = dict(pair.split("=") for pair in request._body.decode().split("&"))
        if form["refresh_token"] != f"refresh-{self.renewals}":
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.renewals += 1
        return JSONResponse(
            {
                "access_token": f"access-{self.renewals}",
                "refresh_token": f"refresh-{self.renewals}",
                "expires_in": 1800,
            }
        )


async def test_two_streams_renew_a_rotating_token_once_and_store_it(
    database: Database, org: Org
) -> None:
    vendor = RotatingTokens()
    grant = {
        "type": "oauth2",
        "client_id": "app",
        "client_secret": "app-secret",
        "refresh_token": "refresh-0",
    }
    with served(fake_vendor(vendor)) as url:
        async with polling(
            database,
            org,
            provider="hubspot",
            config={"base_url": url, "token_url": f"{url}/token"},
            auth=grant,
        ) as hubspot:
            reports = await asyncio.gather(hubspot.run("contacts"), hubspot.run("deals"))
            session = await hubspot.access.open(org.id, hubspot.connection_id, "contacts")

    assert [report.outcome for report in reports] == ["succeeded", "succeeded"]
    assert vendor.renewals == 1
    stored = session.stored.credentials.auth
    assert isinstance(stored, OAuthGrant)
    assert stored.refresh_token.get_secret_value() == "refresh-1"


class FakePage:
    """Tells of a company page's days what the test put here, and nothing of the others."""

    def __init__(self) -> None:
        self.impressions: dict[date, int] = {}

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        return JSONResponse({"elements": [self._element(*day) for day in self.impressions.items()]})

    def _element(self, day: date, impressions: int) -> dict[str, Any]:
        start = milliseconds(datetime.combine(day, time(), tzinfo=UTC))
        others = ("likeCount", "commentCount", "shareCount", "clickCount")
        return {
            "timeRange": {"start": start, "end": start + 86_400_000},
            "totalShareStatistics": {"impressionCount": impressions, **dict.fromkeys(others, 0)},
        }


async def _impressions(linkedin: Polling) -> list[int]:
    standing: dict[str, int] = {}
    for entry in await linkedin.entries():
        counted = standing.setdefault(entry.external_id, 0)
        standing[entry.external_id] = counted + entry.weight * entry.payload["impressions"]
    return sorted(count for count in standing.values() if count)


async def test_a_day_of_which_linkedin_says_nothing_any_more_is_a_day_without_activity(
    database: Database, org: Org
) -> None:
    vendor, today = FakePage(), clock.now().date()
    vendor.impressions = {today - timedelta(days=n): 10 + n for n in (1, 2, 9)}
    page = {"organization": "urn:li:organization:1"}
    with served(fake_vendor(vendor)) as url:
        async with polling(
            database,
            org,
            provider="linkedin",
            config={"base_url": url, **page},
            auth={"type": "token", "access_token": "a-token"},
        ) as linkedin:
            await linkedin.run("page_days")
            assert await _impressions(linkedin) == [11, 12, 19]

            # The posts of that day were deleted; of the day before the last week nobody asked.
            vendor.impressions = {today - timedelta(days=2): 12}
            await linkedin.run("page_days")
            found = await _impressions(linkedin)

            # Asked for a whole year, LinkedIn is silent of its first days for another reason.
            vendor.impressions = {}
            async with database.transaction(org.id) as connection:
                await connection.execute("UPDATE sync_state SET cursor = NULL")
            await linkedin.run("page_days")
            after_a_year = await _impressions(linkedin)

            renamed = ConnectionChange(config={"base_url": url, "account": "page", **page})
            async with database.transaction(org.id) as connection:
                await update_connection(
                    connection, RING, org.id, linkedin.connection_id, renamed, allow_private=True
                )
            vendor.impressions = {today - timedelta(days=2): 12}
            await linkedin.run("page_days")
            under_another_name = await _impressions(linkedin)

    assert found == [12, 19]
    assert after_a_year == [12, 19]
    assert under_another_name == [12, 19]


@pytest.mark.parametrize(
    "other", ["urn:li:share:1", "urn:li:activity:1", "https://www.linkedin.com/posts/1", "1"]
)
async def test_a_post_that_is_gone_or_is_none_does_not_stop_the_others(
    database: Database, org: Org, other: str
) -> None:
    def analytics(request: Request, body: dict[str, Any]) -> Response:
        if "share%3A1" in request.url.query:
            return JSONResponse({"status": 404, "code": "RESOURCE_NOT_FOUND"}, 404)
        if "share%3A2" not in request.url.query:
            return JSONResponse({"status": 400, "code": "ILLEGAL_ARGUMENT"}, 400)
        metric = request.query_params["queryType"]
        return JSONResponse({"elements": [{"count": 7, "metricType": metric}]})

    async with database.transaction(org.id) as connection:
        for post in (other, "urn:li:share:2"):
            await connection.execute(
                "INSERT INTO post (org_id, generation, post, fact_key, published_at, employee, "
                "network, position) VALUES ($1, 1, $2, $3, now(), 'E007', 'linkedin', 1)",
                org.id,
                post,
                bytes(16),
            )
    with served(fake_vendor(analytics)) as url:
        async with polling(
            database,
            org,
            provider="linkedin",
            config={"base_url": url, "employee": "E007", "member_detail": "posts"},
            auth={"type": "token", "access_token": "a-token"},
        ) as linkedin:
            report = await linkedin.run("member_posts")
            entries = await linkedin.entries()

    assert report.outcome == "succeeded"
    assert [entry.subject for entry in entries] == ["urn:li:share:2"]


@pytest.mark.parametrize("href", ["https://evil.example/rest?start=10", "//evil.example/rest"])
async def test_a_link_to_another_host_ends_the_run(database: Database, org: Org, href: str) -> None:
    def statistics(request: Request, body: dict[str, Any]) -> Response:
        links = [{"rel": "next", "href": href}]
        return JSONResponse({"elements": [], "paging": {"links": links}})

    with served(fake_vendor(statistics)) as url:
        async with polling(
            database,
            org,
            provider="linkedin",
            config={"base_url": url, "organization": "urn:li:organization:1"},
            auth={"type": "token", "access_token": "a-token"},
        ) as linkedin:
            report = await linkedin.run("page_days")

    assert report.outcome == "blocked"
