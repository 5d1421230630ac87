"""What polling books: each record once, what cannot be read aside, no page that makes no sense."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.collector.hydration import VendorReader
from shared.db import Database
from shared.facts import DealChanged
from shared.orgs import Org
from tests.integration.sync.hubspot import FakeHubSpot, connected, contact, deal
from tests.integration.vendor_support import fake_vendor, served


async def test_the_same_page_twice_adds_nothing(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.contacts, vendor.page_size = [contact(n) for n in range(5)], 2
    async with connected(database, org, url) as hubspot:
        first = await hubspot.run("contacts")
        again = await hubspot.run("contacts")
        entries = await hubspot.entries()

    # Each page begins with the last record of the page before.
    assert (first.totals.pages, first.totals.inserted, first.totals.unchanged) == (4, 5, 3)
    assert (again.totals.inserted, again.totals.unchanged) == (0, 8)
    assert len(entries) == 5


async def test_a_record_that_changes_while_pages_are_read_hides_no_other(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    """It moves to the end of what is searched, and everything behind it one place ahead."""
    vendor.contacts, vendor.page_size = [contact(n) for n in range(6)], 2
    async with connected(database, org, url) as hubspot:
        client = hubspot.access.client
        original = client.call

        async def busy_call(*args: Any, **kwargs: Any) -> Any:
            answer = await original(*args, **kwargs)
            if vendor.searches == 1:
                vendor.contacts[0] = contact(0, lastmodifieddate="2025-03-01T00:00:00.000Z")
            return answer

        client.call = busy_call  # type: ignore[method-assign]
        await hubspot.run("contacts")
        entries = await hubspot.entries()

    assert {entry.external_id for entry in entries} == {str(1000 + n) for n in range(6)}


@pytest.mark.parametrize("others", [(), (1, 2, 20, 21), (1, 20)])
async def test_records_of_one_instant_are_read_though_they_fill_more_than_a_page(
    database: Database, org: Org, vendor: FakeHubSpot, url: str, others: Sequence[int]
) -> None:
    at_once = "2025-01-01T00:03:00.000Z"
    vendor.contacts = [contact(n, lastmodifieddate=at_once) for n in range(3, 10)]
    vendor.contacts += [contact(n) for n in others]
    vendor.page_size = 2
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("contacts")
        entries = await hubspot.entries()

    assert report.outcome == "succeeded"
    assert len({entry.external_id for entry in entries}) == len(entries) == len(vendor.contacts)


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
    assert tuple(row) == ("poll", "contacts", "quarantined", "unreadable: createdate: missing")
    assert len(entries) == 2


async def test_a_fact_the_ledger_refuses_is_put_aside(
    database: Database, org: Org, vendor: FakeHubSpot, url: str
) -> None:
    vendor.deals = [deal(1), deal(2, deal_currency_code="EUR"), deal(3, amount=None)]
    async with connected(database, org, url) as hubspot:
        report = await hubspot.run("deals")
        row = await hubspot.one("SELECT reason FROM inbox WHERE connection_id = $1")

    assert (report.totals.inserted, report.totals.quarantined) == (2, 1)
    assert row["reason"] == "rejected: currency_mismatch"


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
        page = [contact(1, email=f"buyer-{search if reason == 'loop' else 1}@client.example")]
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
        brought = await VendorReader(hubspot.access).read(
            org.id,
            hubspot.connection_id,
            [changed, delivery(4, "contact.deletion", 1001), changed],
        )

    # The contact is withdrawn as a lead and as somebody known by several addresses.
    assert [gone.revision for gone in brought.retractions] == [1735700000000] * 2
    ((stream, found),) = brought.read
    assert stream == "deals"
    assert [type(item) for item in found.items] == [DealChanged]
