"""Deliveries whose vendor does not answer wait for it, and are given up in the end or never."""

from collections.abc import Mapping
from uuid import UUID

import pytest
import stamina

from services.collector.inbox import MOST_ATTEMPTS
from shared.db import Database
from shared.observability import metrics
from shared.orgs import Org
from shared.queue import Task
from tests.integration.fake_hubspot import FakeHubSpot
from tests.integration.hubspot_deliveries import delivery, event, rotate_secrets
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


async def make_streams_due(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE sync_state SET next_due_at = now()")


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
