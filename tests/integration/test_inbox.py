"""From kept deliveries to facts: once, together, and never held up by a bad one."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

import orjson
import pytest
import pytest_asyncio
import stamina
import structlog
from asyncpg import Record

from services.collector.connectors.hubspot.connector import HUBSPOT
from services.collector.connectors.webhooks import Webhooks
from services.collector.http.client import UpstreamClient
from services.collector.inbox import MOST_ATTEMPTS
from services.collector.webhooks.identity import identify
from services.collector.webhooks.store import Delivery, store_deliveries
from services.collector.worker import DueWork, make_work
from shared import clock
from shared.db import Database
from shared.deliveries import replay_deliveries
from shared.observability import metrics
from shared.orgs import Org
from shared.queue import Queue, Task
from shared.web.state import Resources
from tests.integration.collector_server import NO_REDIS, keyring
from tests.integration.fake_hubspot import FakeHubSpot
from tests.integration.hubspot_deliveries import (
    connect_hubspot,
    delivery,
    event,
    rotate_secrets,
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


async def make_streams_due(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE sync_state SET next_due_at = now()")


async def test_many_deliveries_about_one_object_lead_to_one_read(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    hubspot.put_deal(2)
    changes = [delivery(event(1, eventId=number)) for number in range(30)]
    await keep(database, org, connection_id, [*changes, delivery(event(1), event(2))])

    await process(org.id)

    assert await states(database, org) == [("done", None, 1)] * 31
    assert hubspot.times_read == {"1": 1, "2": 1}
    assert sorted(await deals(database, org)) == [("1", 1, "1000.00"), ("2", 1, "1000.00")]


async def test_working_again_or_twice_at_once_changes_nothing(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    for number in range(5):
        await keep(database, org, connection_id, [delivery(event(1, eventId=number))])
        await asyncio.gather(process(org.id), process(org.id))

    assert await deals(database, org) == [("1", 1, "1000.00")]
    assert {state for state, _, _ in await states(database, org)} == {"done"}


async def test_a_change_restates_and_a_deletion_withdraws_whatever_comes_first(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1, amount="10000.00")
    await keep(database, org, connection_id, [delivery(event(1))])
    await process(org.id)
    hubspot.put_deal(1, amount="8000.00", hs_lastmodifieddate="2025-03-02T10:00:00.000Z")
    await keep(database, org, connection_id, [delivery(event(1, eventId=2))])
    await process(org.id)
    hubspot.deals.clear()
    deletion = event(1, eventId=3, subscriptionType="deal.deletion")
    late_change = event(1, eventId=4, subscriptionType="deal.propertyChange")
    await keep(database, org, connection_id, [delivery(deletion), delivery(late_change)])
    await process(org.id)

    assert await deals(database, org) == [
        ("1", 1, "10000.00"),
        ("1", -1, "10000.00"),
        ("1", 1, "8000.00"),
        ("1", -1, "8000.00"),
    ]


async def test_a_delivery_nobody_understands_is_quarantined_and_the_others_pass(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    bodies = [b'{"unknown":1}', delivery(event(1)), delivery(event(objectId="x"))]
    await keep(database, org, connection_id, bodies)

    await process(org.id)

    assert await states(database, org) == [
        ("quarantined", "unreadable: expected a list of at most 100 events", 1),
        ("done", None, 1),
        ("quarantined", "unreadable: objectId: expected a whole number", 1),
    ]
    assert len(await deals(database, org)) == 1


async def test_what_is_put_aside_is_counted_as_drift(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    """`SchemaDrift` and its page look for it, of webhooks as of polls."""
    hubspot.put_deal(1)

    drift = metrics.SCHEMA_DRIFT.labels("hubspot")
    before = drift._value.get()
    await keep(database, org, connection_id, [b'{"unknown":1}', delivery(event(1))])

    await process(org.id)

    assert drift._value.get() == before + 1


async def test_what_the_ledger_refuses_is_quarantined_and_the_others_pass(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1, deal_currency_code="EUR")
    hubspot.put_deal(2)
    await keep(database, org, connection_id, [delivery(event(1)), delivery(event(2))])

    await process(org.id)

    assert await states(database, org) == [
        ("done", None, 1),
        ("done", None, 1),
        ("quarantined", "rejected: currency_mismatch", 0),
    ]
    assert await deals(database, org) == [("2", 1, "1000.00")]


async def test_an_object_that_cannot_be_booked_holds_up_nothing_it_is_told_with(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    """HubSpot tells up to a hundred events at once, of objects that have nothing to do with each
    other: a deletion must not wait until somebody states a rate of exchange."""
    hubspot.put_deal(1)
    await keep(database, org, connection_id, [delivery(event(1))])
    await process(org.id)
    hubspot.put_deal(2, amount=None)
    hubspot.put_deal(3, deal_currency_code="EUR")
    hubspot.put_deal(4)
    deletion = event(1, eventId=9, subscriptionType="deal.deletion")
    told = delivery(deletion, event(2), event(3), event(4))
    drift = metrics.SCHEMA_DRIFT.labels("hubspot")
    before = drift._value.get()
    await keep(database, org, connection_id, [told])

    await process(org.id)

    assert await deals(database, org) == [
        ("1", 1, "1000.00"),
        ("4", 1, "1000.00"),
        ("1", -1, "1000.00"),
    ]
    aside = await rows(
        database,
        org,
        "SELECT stream, reason, headers FROM inbox WHERE state = 'quarantined' ORDER BY headers",
    )
    assert [tuple(row) for row in aside] == [
        ("deals", "unreadable: a won deal has closed_at, amount and currency", '{"key":"2"}'),
        ("deals", "rejected: currency_mismatch", '{"key":"3"}'),
    ]
    assert drift._value.get() == before + 2


async def replay(database: Database, org: Org, *ids: UUID) -> frozenset[UUID]:
    async with database.transaction(org.id) as connection:
        return await replay_deliveries(connection, org.id, ids)


async def test_what_was_quarantined_can_be_replayed(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    hubspot.failing = (403, {"category": "MISSING_SCOPES"})
    await keep(database, org, connection_id, [delivery(event(1))])
    await process(org.id)
    (quarantined,) = await rows(database, org, "SELECT id, state, reason FROM inbox")
    assert tuple(quarantined)[1:] == ("quarantined", "refused: scopes_missing")

    hubspot.failing = None
    replayed = await replay(database, org, quarantined["id"], org.id)
    await process(org.id)

    assert replayed == {quarantined["id"]}
    assert await states(database, org) == [("done", None, 1)]
    assert await replay(database, org, quarantined["id"]) == frozenset()
    assert len(await deals(database, org)) == 1


async def test_a_vendor_that_is_away_is_asked_again_later_and_not_for_ever(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.failing = (401, {"status": "error"})
    await keep(database, org, connection_id, [delivery(event(1)), delivery(event(2))])

    await process(org.id)

    (waiting,) = await rows(
        database,
        org,
        "SELECT count(*), min(next_attempt_at) > now() + interval '3 seconds' AS is_later"
        "  FROM inbox WHERE state = 'received' AND attempts = 1",
    )
    assert tuple(waiting) == (2, True)
    for _ in range(MOST_ATTEMPTS - 1):
        await make_due(database, org)
        await process(org.id)
    assert [(state, attempts) for state, _, attempts in await states(database, org)] == [
        ("quarantined", MOST_ATTEMPTS)
    ] * 2
    assert await deals(database, org) == []


async def test_a_limit_of_the_vendor_is_waited_for_however_long_it_lasts(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    hubspot.failing = (429, {"policyName": "DAILY"})
    await keep(database, org, connection_id, [delivery(event(1))])
    for _ in range(2 * MOST_ATTEMPTS):
        await process(org.id)
        await make_due(database, org)
    hubspot.failing = None
    await process(org.id)

    assert [state for state, _, _ in await states(database, org)] == ["done"]


@pytest.mark.parametrize("status", [401, 403, 503])
async def test_what_the_vendor_did_not_answer_is_tried_again_once_the_connection_works(
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    tasks: Mapping[str, Task],
    status: int,
) -> None:
    hubspot.put_deal(1)
    hubspot.failing = (status, {"status": "error"})
    await keep(database, org, connection_id, [delivery(event(1)), b'{"unknown":1}'])
    with stamina.set_testing(True):  # without pauses
        for _ in range(MOST_ATTEMPTS):
            await tasks["inbox"](org.id)
            await make_due(database, org)
            await tasks["sync"](org.id)
            await make_streams_due(database, org)
    assert {state for state, _, _ in await states(database, org)} == {"quarantined"}

    hubspot.failing = None
    if status == 401:
        await rotate_secrets(database, org, connection_id, ["a-secret-of-now"])
    await tasks["sync"](org.id)
    await tasks["inbox"](org.id)

    assert [state for state, _, _ in await states(database, org)] == ["done", "quarantined"]
    assert await deals(database, org) == [("1", 1, "1000.00")]


async def test_a_vendor_that_takes_the_token_no_more_is_not_asked_with_it_again(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    """However much it delivers: each question would look like an attack."""
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE connection SET state = 'reauth_required'")
    await keep(database, org, connection_id, [delivery(event(1))])

    await process(org.id)

    assert not hubspot.was_asked.is_set()
    assert await states(database, org) == [("received", "upstream: credentials_refused", 1)]


async def test_a_delivery_that_ends_the_process_each_time_is_given_up(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    await keep(database, org, connection_id, [delivery(event(1))])
    for _ in range(MOST_ATTEMPTS):
        hubspot.may_answer.clear()
        hubspot.was_asked.clear()
        holder = asyncio.ensure_future(process(org.id))
        await hubspot.was_asked.wait()
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        await make_due(database, org)  # the claim lapses
    hubspot.was_asked.clear()

    await process(org.id)

    assert not hubspot.was_asked.is_set()
    assert [tuple(row)[:2] for row in await states(database, org)] == [
        ("quarantined", "unexpected")
    ]


async def test_a_delivery_that_was_put_off_is_booked_when_the_vendor_is_back(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    hubspot.failing = (429, {"policyName": "DAILY"})
    await keep(database, org, connection_id, [delivery(event(1))])
    await process(org.id)
    hubspot.failing = None

    await make_due(database, org)
    await process(org.id)

    assert await states(database, org) == [("done", None, 1)]
    assert len(await deals(database, org)) == 1


async def test_an_answer_nobody_can_read_is_the_vendors_fault_and_asked_for_again(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    hubspot.failing = (200, {"results": "none of these are pipelines"})
    await keep(database, org, connection_id, [delivery(event(1))])
    unexpected = metrics.UNHANDLED_EXCEPTIONS.labels("collector-worker")
    before = unexpected._value.get()

    await process(org.id)
    assert await states(database, org) == [("received", "upstream: bad_pipelines", 1)]
    assert unexpected._value.get() == before

    hubspot.failing = None
    await make_due(database, org)
    await process(org.id)
    assert await states(database, org) == [("done", None, 2)]


async def test_secrets_that_cannot_be_read_here_are_waited_for(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    await keep(database, org, connection_id, [delivery(event(1))])
    async with database.transaction(org.id) as connection:
        sealed = await connection.fetchval("SELECT credentials FROM connection")
        await connection.execute("UPDATE connection SET credentials = $1", bytes(len(sealed)))

    await process(org.id)
    assert await states(database, org) == [("received", "secret_unreadable", 1)]

    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE connection SET credentials = $1", sealed)
    await make_due(database, org)
    await process(org.id)
    assert await states(database, org) == [("done", None, 2)]


async def test_a_poisonous_delivery_is_given_up_in_the_end_and_never_blocks_the_others(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    hubspot.put_deal(2)
    hubspot.poison = "13"
    await keep(database, org, connection_id, [delivery(event(number)) for number in (1, 13, 2)])

    with structlog.testing.capture_logs() as logged:
        for _ in range(MOST_ATTEMPTS):
            await process(org.id)
            await make_due(database, org)

    put_off = [entry for entry in logged if entry["event"] == "inbox.put_off"]
    assert [entry["quarantined"] for entry in put_off] == [0] * (MOST_ATTEMPTS - 1) + [1]
    assert await states(database, org) == [
        ("done", None, 1),
        ("quarantined", "unexpected", MOST_ATTEMPTS),
        ("done", None, 1),
    ]
    assert len(await deals(database, org)) == 2


async def test_a_claim_whose_holder_died_is_taken_over(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    hubspot.put_deal(1)
    await keep(database, org, connection_id, [delivery(event(1))])
    hubspot.may_answer.clear()
    holder = asyncio.ensure_future(process(org.id))
    await hubspot.was_asked.wait()

    await process(org.id)  # finds nothing: the claim holds
    holder.cancel()
    await asyncio.gather(holder, return_exceptions=True)
    hubspot.may_answer.set()
    await make_due(database, org)  # the claim lapses
    await process(org.id)

    assert await states(database, org) == [("done", None, 2)]
    assert len(await deals(database, org)) == 1


async def test_the_sweep_finds_what_nobody_announced_and_measures_it(
    database: Database, org: Org, connection_id: UUID, hubspot: FakeHubSpot, process: Task
) -> None:
    sweep = DueWork(database).sweep
    await keep(database, org, connection_id, [delivery(event(1)), b'{"unknown":1}'])

    found = await sweep()

    assert [task for task, org_id in found if org_id == org.id] == ["inbox", "sync"]
    assert metrics.WORK_ITEMS.labels("inbox", "ready")._value.get() >= 2
    assert metrics.WORK_OLDEST_READY.labels("inbox")._value.get() > 0
    await process(org.id)
    assert ("inbox", org.id) not in await sweep()
    assert metrics.WORK_ITEMS.labels("inbox", "quarantined")._value.get() >= 1


async def test_the_sync_task_reads_every_due_stream_and_then_none_is_due(
    database: Database, org: Org, connection_id: UUID, tasks: Mapping[str, Task]
) -> None:
    await tasks["sync"](org.id)

    runs = await rows(database, org, "SELECT stream, outcome FROM sync_run ORDER BY stream")
    assert [tuple(run) for run in runs] == [("contacts", "succeeded"), ("deals", "succeeded")]
    assert ("sync", org.id) not in await DueWork(database).sweep()
