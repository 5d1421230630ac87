"""A polled record that an earlier mapping could not read is mapped again, and counts once."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest_asyncio

from services.api.assumptions.repository import add_statement
from services.collector.connectors.declaration import Record
from services.collector.digest import Rejected
from services.collector.hydration import VendorReader
from services.collector.inbox import Inbox
from services.collector.quarantine import keep_rejected
from shared.db import Database
from shared.deliveries import replay_deliveries
from shared.kpis.vocabulary import Grade
from shared.orgs import Org
from shared.queue import Queue
from tests.integration.sync.hubspot import FakeHubSpot, deal
from tests.integration.vendor_support import Polling, fake_vendor, polling, served

READABLE = {
    "id": "1001",
    "archived": False,
    "properties": {
        "createdate": "2025-01-01T00:00:00.000Z",
        "lastmodifieddate": "2025-01-01T00:01:00.000Z",
        "email": "buyer@client.example",
        "hs_analytics_source": "SOCIAL_MEDIA",
    },
}


@pytest_asyncio.fixture
async def hubspot(database: Database, org: Org) -> AsyncIterator[Polling]:
    with served(fake_vendor(FakeHubSpot())) as url:
        async with polling(
            database,
            org,
            provider="hubspot",
            config={"base_url": url},
            auth={"type": "token", "access_token": "a-token"},
        ) as polled:
            yield polled


async def _put_aside(hubspot: Polling, content: dict[str, Any], stream: str = "contacts") -> UUID:
    rejected = Rejected(Record(str(content["id"]), content), "a rule of yesterday")
    async with hubspot.database.transaction(hubspot.org.id) as connection:
        await keep_rejected(connection, hubspot.org.id, hubspot.connection_id, stream, [rejected])
        found: UUID = await connection.fetchval("SELECT id FROM inbox WHERE body <> ''")
    return found


async def _replayed(hubspot: Polling, delivery_id: UUID) -> None:
    async with hubspot.database.transaction(hubspot.org.id) as connection:
        assert await replay_deliveries(connection, hubspot.org.id, [delivery_id])
    queue = Queue.connect("redis://127.0.0.1:9")
    try:
        await Inbox(hubspot.database, queue, VendorReader(hubspot.access)).process(hubspot.org.id)
    finally:
        await queue.close()


async def test_a_mended_mapping_reads_what_was_put_aside(hubspot: Polling) -> None:
    delivery_id = await _put_aside(hubspot, READABLE)
    await _replayed(hubspot, delivery_id)

    row = await hubspot.one("SELECT state, reason FROM inbox WHERE connection_id = $1")
    entries = await hubspot.entries()
    assert tuple(row) == ("done", None)
    assert [(entry.kind, entry.external_id) for entry in entries] == [("lead.created", "1001")]
    assert entries[0].occurred_at == datetime(2025, 1, 1, tzinfo=UTC)


async def test_a_deal_in_another_currency_is_converted_once_its_rate_is_known(
    hubspot: Polling,
) -> None:
    in_euros = deal(1, deal_currency_code="EUR")
    record = {"id": in_euros["id"], "deal": in_euros, "contacts": []}
    delivery_id = await _put_aside(hubspot, record, "deals")
    await _replayed(hubspot, delivery_id)
    row = await hubspot.one("SELECT state, reason FROM inbox WHERE connection_id = $1")
    assert tuple(row) == ("quarantined", "rejected: currency_mismatch")

    async with hubspot.database.transaction(hubspot.org.id) as connection:
        await add_statement(
            connection,
            hubspot.org.id,
            key="exchange_rate.EUR",
            effective_from=date(2024, 1, 1),
            value=Decimal("1.1"),
            source="European Central Bank",
            grade=Grade.MEASURED,
        )
    await _replayed(hubspot, delivery_id)

    (entry,) = await hubspot.entries()
    assert (entry.payload["amount"], entry.payload["currency"]) == ("110.00", "USD")
    assert entry.payload["told"]["amount"] == "100.00"


async def test_what_is_still_unreadable_goes_back_with_todays_reason(hubspot: Polling) -> None:
    unreadable = {**READABLE, "properties": {**READABLE["properties"], "createdate": None}}  # type: ignore[dict-item]
    delivery_id = await _put_aside(hubspot, unreadable)
    await _replayed(hubspot, delivery_id)

    row = await hubspot.one("SELECT state, reason FROM inbox WHERE connection_id = $1")
    entries = await hubspot.entries()
    assert row["state"] == "quarantined"
    assert row["reason"] == "unreadable: createdate: missing"
    assert entries == []
