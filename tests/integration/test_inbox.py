"""From kept deliveries to facts: once, together, and never held up by a bad one."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import structlog

from services.collector.inbox import MOST_ATTEMPTS
from services.collector.worker import DueWork
from shared.db import Database
from shared.deliveries import replay_deliveries
from shared.observability import metrics
from shared.orgs import Org
from shared.queue import Task
from tests.integration.fake_hubspot import FakeHubSpot
from tests.integration.hubspot_deliveries import delivery, event
from tests.integration.inbox import (
    connection_id,
    deals,
    hubspot,
    keep,
    make_due,
    process,
    rows,
    states,
    tasks,
)

__all__ = ["connection_id", "hubspot", "process", "tasks"]


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
