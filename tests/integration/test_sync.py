"""Polling a vendor that misbehaves: what is booked, what is put aside, when it is tried again."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import stamina
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.collector.hydration import VendorReader
from shared.db import Database
from shared.facts import DealChanged, Retraction
from shared.orgs import Org
from tests.integration.vendor_support import Polling, fake_vendor, polling, served

_PIPELINES = {
    "results": [
        {
            "id": "default",
            "stages": [
                {"id": "open", "metadata": {"isClosed": "false", "probability": "0.4"}},
                {"id": "won", "metadata": {"isClosed": "true", "probability": "1.0"}},
                {"id": "lost", "metadata": {"isClosed": "true", "probability": "0.0"}},
            ],
        }
    ]
}


def contact(number: int, **properties: Any) -> dict[str, Any]:
    """Return a contact as HubSpot shows it, modified ``number`` minutes into 2025."""
    modified = f"2025-01-01T{number // 60:02}:{number % 60:02}:00.000Z"
    return {
        "id": str(1000 + number),
        "archived": False,
        "properties": {
            "createdate": "2025-01-01T00:00:00.000Z",
            "email": f"buyer-{number}@client.example",
            "hs_analytics_source": "SOCIAL_MEDIA",
            "lastmodifieddate": modified,
            **properties,
        },
    }


def deal(number: int, **properties: Any) -> dict[str, Any]:
    """Return an open deal as HubSpot shows it."""
    return {
        "id": str(9000 + number),
        "archived": False,
        "properties": {
            "amount": "100.00",
            "closedate": None,
            "createdate": "2025-01-01T00:00:00.000Z",
            "deal_currency_code": "USD",
            "dealstage": "open",
            "hs_lastmodifieddate": "2025-01-02T00:00:00.000Z",
            "pipeline": "default",
            **properties,
        },
    }


class FakeHubSpot:
    """Answers searches with what the test put here; ``answer`` replaces the next answers."""

    def __init__(self) -> None:
        self.contacts: list[dict[str, Any]] = []
        self.deals: list[dict[str, Any]] = []
        self.page_size = 200
        self.searches = 0
        self.answer: Any = None
        self.gate: asyncio.Event | None = None

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        path = request.url.path
        if path.endswith("/pipelines/deals"):
            return JSONResponse(_PIPELINES)
        if "/associations/" in path:
            results = [
                {"from": {"id": entry["id"]}, "to": [{"toObjectId": 1002}, {"toObjectId": 1001}]}
                for entry in body["inputs"]
            ]
            return JSONResponse({"status": "COMPLETE", "results": results}, 207)
        records = self.contacts if "/contacts/" in path else self.deals
        if path.endswith("/batch/read"):
            wanted = {entry["id"] for entry in body["inputs"]}
            return JSONResponse({"results": [r for r in records if r["id"] in wanted]})
        self.searches += 1
        if self.answer is not None:
            response: Response = self.answer(self.searches)
            return response
        start = int(body.get("after", "0"))
        page = records[start : start + self.page_size]
        found: dict[str, Any] = {"total": len(records), "results": page}
        if start + self.page_size < len(records):
            found["paging"] = {"next": {"after": str(start + self.page_size)}}
        return JSONResponse(found)


@pytest.fixture
def vendor() -> FakeHubSpot:
    return FakeHubSpot()


@pytest.fixture
def url(vendor: FakeHubSpot) -> Iterator[str]:
    with served(fake_vendor(vendor)) as url:
        yield url


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def connected(database: Database, org: Org, url: str) -> AbstractAsyncContextManager[Polling]:
    return polling(
        database,
        org,
        provider="hubspot",
        config={"base_url": url},
        auth={"type": "token", "access_token": "a-token"},
    )


async def test_the_same_page_twice_adds_nothing(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.contacts, vendor.page_size = [contact(n) for n in range(5)], 2
    async with connected(database, org, url) as hubspot:
        first = await hubspot.run("contacts")
        again = await hubspot.run("contacts")
        entries = await hubspot.entries()

    assert (first.totals.pages, first.totals.inserted) == (3, 5)
    assert (again.totals.inserted, again.totals.unchanged) == (0, 5)
    assert len(entries) == 5


async def test_a_changed_record_is_restated(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.deals = [deal(1)]
    async with connected(database, org, url) as hubspot:
        await hubspot.run("deals")
        vendor.deals = [
            deal(
                1,
                dealstage="won",
                closedate="2025-02-01T00:00:00.000Z",
                hs_lastmodifieddate="2025-02-01T00:00:00.000Z",
            )
        ]
        report = await hubspot.run("deals")
        entries = await hubspot.entries()

    assert report.totals.corrected == 1
    assert [entry.weight for entry in entries] == [1, -1, 1]
    assert entries[-1].payload["lead"] == "hubspot:1001"


async def test_an_unreadable_record_is_put_aside_once_and_the_rest_is_booked(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.contacts = [contact(1), contact(2, createdate=None), contact(3)]
    async with connected(database, org, url) as hubspot:
        first = await hubspot.run("contacts")
        again = await hubspot.run("contacts")
        row = await hubspot.one(
            "SELECT origin, stream, state, reason FROM inbox WHERE connection_id = $1"
        )
        entries = await hubspot.entries()

    assert (first.outcome, first.totals.inserted, first.totals.quarantined) == ("succeeded", 2, 1)
    assert again.totals.quarantined == 0
    assert tuple(row) == ("poll", "contacts", "quarantined", "createdate: missing")
    assert len(entries) == 2


async def test_a_fact_the_ledger_refuses_is_put_aside(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.deals = [deal(1), deal(2, deal_currency_code="EUR"), deal(3, amount=None)]
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("deals")
        row = await hubspot.one("SELECT reason FROM inbox WHERE connection_id = $1")

    assert (report.totals.inserted, report.totals.quarantined) == (2, 1)
    assert row["reason"] == "currency_mismatch"


async def test_a_won_deal_without_an_amount_is_never_booked_as_zero(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.deals = [deal(1, dealstage="won", amount=None, closedate="2025-02-01T00:00:00.000Z")]
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("deals")

    assert (report.totals.inserted, report.totals.quarantined) == (0, 1)


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<html>Sign in</html>"),
        Response(b"", media_type="application/json"),
        Response(b'{"results": [', media_type="application/json"),
        Response('{"results": []}'.encode("utf-16"), media_type="application/json"),
        JSONResponse([1]),
        JSONResponse({"results": "none"}),
    ],
    ids=["html", "empty", "cut", "utf-16", "no object", "no list"],
)
async def test_an_unreadable_page_is_rejected_as_a_whole(
    database: Database, org: Org, vendor: FakeHubSpot, url: str, answer: Response
) -> None:
    vendor.contacts, vendor.page_size = [contact(n) for n in range(4)], 2
    async with connected(database, org, url) as hubspot:
        vendor.answer = lambda _: answer
        report = await hubspot.run("contacts")
        stream = await hubspot.state("contacts")
        state = await hubspot.one("SELECT state, state_reason FROM connection WHERE id = $1")
        vendor.answer = None
        recovered = await hubspot.run("contacts")
        state_after = await hubspot.one("SELECT state, state_reason FROM connection WHERE id = $1")

    assert report.outcome == "bad_payload"
    assert (stream["cursor"], stream["attempts"]) == (None, 1)
    assert stream["lease_until"] is None
    assert state["state"] == "degraded"
    assert recovered.totals.inserted == 4
    assert tuple(state_after) == ("active", None)


@pytest.mark.parametrize("reason", ["loop", "repeated_page"])
async def test_paging_that_does_not_end_is_aborted(
    database: Database, org: Org, vendor: FakeHubSpot, url: str, reason: str
) -> None:
    def endless(search: int) -> Response:
        after = "1" if reason == "loop" else str(search)
        page = [contact(search if reason == "loop" else 1)]
        return JSONResponse({"results": page, "paging": {"next": {"after": after}}})

    vendor.answer = endless
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")
        run = await hubspot.one("SELECT outcome, error FROM sync_run WHERE connection_id = $1")

    assert (report.outcome, report.reason) == ("pagination_aborted", reason)
    assert tuple(run) == ("pagination_aborted", reason)
    assert vendor.searches < 5


async def test_a_search_is_continued_beyond_the_vendors_limit(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    searches: list[dict[str, Any]] = []

    def limited(request: Request, body: dict[str, Any]) -> Response:
        searches.append(body)
        first = len(searches) == 1
        page = [contact(1), contact(2)] if first else [contact(2), contact(3)]
        paging = {"paging": {"next": {"after": "10000"}}} if first else {}
        return JSONResponse({"results": page, **paging})

    with served(fake_vendor(limited)) as limited_url:
        async with connected(database, org, limited_url) as hubspot:
            report = await hubspot.run("contacts")

    since = searches[1]["filterGroups"][0]["filters"][0]["value"]
    assert since == str(int(datetime(2025, 1, 1, 0, 2, tzinfo=UTC).timestamp()) * 1000)
    assert "after" not in searches[1]
    assert (report.totals.inserted, report.totals.unchanged) == (3, 1)


async def test_of_two_runners_one_writes(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    """The first is overtaken while it waits for its page, as if it had been stopped."""
    overtaking = asyncio.Event()
    vendor.contacts = [contact(1)]
    async with connected(database, org, url) as hubspot:
        client = hubspot.access.client
        original = client.call

        async def slow_call(*args: Any, **kwargs: Any) -> Any:
            answer = await original(*args, **kwargs)
            if not overtaking.is_set():
                overtaking.set()
                await hubspot.one(
                    "UPDATE sync_state SET lease_until = clock_timestamp() - interval '1 s' "
                    "WHERE connection_id = $1 AND stream = 'contacts' RETURNING 1"
                )
                second = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")
                assert second is not None
                assert (second.outcome, second.totals.inserted) == ("succeeded", 1)
            return answer

        client.call = slow_call  # type: ignore[method-assign]
        first = await hubspot.run("contacts")
        entries = await hubspot.entries()
        runs = await hubspot.one("SELECT count(*) FROM sync_run WHERE connection_id = $1")

    assert (first.outcome, first.totals.inserted) == ("fenced", 0)
    assert len(entries) == 1
    assert runs[0] == 1


async def test_a_leased_or_early_stream_is_left_alone(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.contacts = [contact(1)]
    async with connected(database, org, url) as hubspot:
        await hubspot.run("contacts")
        early = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")

    assert early is None


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "600"}, 600, 630),
        ({"Retry-After": "1000000000"}, 3600, 3780),
        ({}, 3600, 3780),
    ],
)
async def test_a_rate_limit_puts_the_stream_off(
    database: Database,
    org: Org,
    vendor: FakeHubSpot,
    url: str,
    headers: dict[str, str],
    least: int,
    most: int,
) -> None:
    limited = {"status": "error", "policyName": "DAILY"}
    vendor.answer = lambda _: JSONResponse(limited, 429, headers=headers)
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")
        wait = await hubspot.one(
            "SELECT next_due_at - clock_timestamp() FROM sync_state "
            "WHERE connection_id = $1 AND stream = 'contacts'"
        )
        state = await hubspot.one("SELECT state FROM connection WHERE id = $1")

    assert (report.outcome, vendor.searches) == ("rate_limited", 1)
    assert timedelta(seconds=least - 60) < wait[0] < timedelta(seconds=most + 1)
    assert state["state"] == "active"


async def test_a_vendor_in_trouble_is_asked_three_times_and_then_left_alone(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.answer = lambda _: JSONResponse({}, 503)
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")

    assert (report.outcome, report.reason, vendor.searches) == ("transient", "http_503", 3)


async def test_a_revoked_token_asks_for_a_person_and_stops_polling(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.answer = lambda _: JSONResponse({}, 401)
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")
        state = await hubspot.one("SELECT state FROM connection WHERE id = $1")
        await hubspot.make_due("contacts")
        again = await hubspot.sync.run(org.id, hubspot.connection_id, "contacts")

    assert (report.outcome, vendor.searches) == ("reauth_required", 1)
    assert state["state"] == "reauth_required"
    assert again is None


async def test_a_redirect_is_not_followed(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.answer = lambda _: Response(status_code=302, headers={"Location": f"{url}/elsewhere"})
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")

    assert (report.outcome, report.reason, vendor.searches) == ("blocked", "redirected", 1)


async def test_a_stopped_run_gives_its_lease_back(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    async with connected(database, org, url) as hubspot:
        started = asyncio.Event()

        async def hanging(*_: Any, **__: Any) -> Any:
            started.set()
            await asyncio.Event().wait()

        hubspot.access.client.call = hanging  # type: ignore[method-assign]
        run = asyncio.create_task(hubspot.run("contacts"))
        await started.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        stream = await hubspot.state("contacts")

    assert stream["lease_until"] is None
    assert stream["last_error"] is None


async def test_webhooks_are_read_through_the_same_mapping(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.deals = [deal(1)]

    def delivery(event_id: int, kind: str, object_id: int) -> bytes:
        event = {"eventId": event_id, "subscriptionType": kind, "objectId": object_id}
        common = {"portalId": 1, "subscriptionId": 2, "occurredAt": 1735700000000}
        return orjson.dumps([event | common])

    changed = delivery(3, "deal.propertyChange", 9001)
    async with connected(database, org, url) as hubspot:
        items = await VendorReader(hubspot.access).read(
            org.id,
            hubspot.connection_id,
            [changed, delivery(4, "contact.deletion", 1001), changed],
        )

    # The contact is withdrawn as a lead and as somebody known by several addresses.
    assert len(items) == 3
    assert isinstance(items[0], Retraction)
    assert items[0].revision == 1735700000000
    assert isinstance(items[2], DealChanged)
