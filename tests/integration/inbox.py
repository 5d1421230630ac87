"""An organization with an inbox that a worker works off, and HubSpot behind a fake."""

from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
from asyncpg import Record

from services.collector.connectors.hubspot.connector import HUBSPOT
from services.collector.connectors.webhooks import Webhooks
from services.collector.http.client import UpstreamClient
from services.collector.webhooks.identity import identify
from services.collector.webhooks.store import Delivery, store_deliveries
from services.collector.worker import make_work
from shared import clock
from shared.db import Database
from shared.orgs import Org
from shared.queue import Queue, Task
from shared.web.state import Resources
from tests.integration.collector_server import NO_REDIS, keyring
from tests.integration.fake_hubspot import FakeHubSpot
from tests.integration.hubspot_deliveries import (
    connect_hubspot,
)


@pytest.fixture
def hubspot() -> FakeHubSpot:
    return FakeHubSpot()


@pytest_asyncio.fixture
async def tasks(database: Database, hubspot: FakeHubSpot) -> AsyncIterator[Mapping[str, Task]]:
    """Return the worker's tasks, wired as in production, with HubSpot behind a fake."""
    queue = Queue.connect(NO_REDIS)
    client = UpstreamClient(allow_private=True, transport=hubspot.transport)
    resources = Resources(database=database, queue=queue, keyring=keyring())
    yield make_work(resources, client).tasks
    await client.aclose()
    await queue.close()


@pytest.fixture
def process(tasks: Mapping[str, Task]) -> Task:
    """Return the task that works off an organization's inbox."""
    return tasks["inbox"]


@pytest_asyncio.fixture
async def connection_id(database: Database, org: Org) -> UUID:
    return await connect_hubspot(database, org)


async def keep(database: Database, org: Org, connection_id: UUID, bodies: Sequence[bytes]) -> None:
    webhooks = HUBSPOT.webhooks
    assert isinstance(webhooks, Webhooks)
    identities = [identify(webhooks, body) for body in bodies]
    await store_deliveries(
        database,
        org.id,
        [
            Delivery(connection_id, found.key, found.content_hash, "{}", body, clock.now())
            for found, body in zip(identities, bodies, strict=True)
        ],
    )


async def rows(database: Database, org: Org, query: str) -> list[Record]:
    async with database.transaction(org.id) as connection:
        return await connection.fetch(query)


async def states(database: Database, org: Org) -> list[tuple[str, str | None, int]]:
    found = await rows(database, org, "SELECT state, reason, attempts FROM inbox ORDER BY id")
    return [(row["state"], row["reason"], row["attempts"]) for row in found]


async def deals(database: Database, org: Org) -> list[tuple[str, int, str]]:
    """Return the ledger's entries: deal, weight and amount."""
    found = await rows(
        database, org, "SELECT external_id, weight, payload FROM ledger_entry ORDER BY position"
    )
    return [
        (row["external_id"], row["weight"], orjson.loads(row["payload"])["amount"]) for row in found
    ]


async def make_due(database: Database, org: Org) -> None:
    """Let the time of the next attempt come."""
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE inbox SET next_attempt_at = now()")
