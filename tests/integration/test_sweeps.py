"""The sweeps of the workers: who comes first, and what they measure on the way."""

from datetime import datetime, timedelta

import pytest

from services.collector.worker import DueWork
from services.metrics import worker
from shared import clock
from shared.db import Database
from shared.ledger import append
from shared.observability import metrics
from shared.orgs import Org, create_org
from shared.security.rotation import organizations
from tests.integration.hubspot_deliveries import connect_hubspot
from tests.integration.test_rebuild import share


async def _behind_since(database: Database, folded_at: datetime) -> Org:
    async with database.transaction() as connection:
        org = await create_org(connection, name="Behind", time_zone="UTC", currency="USD")
    async with database.transaction(org.id) as connection:
        await append(connection, org, [share(1)])
        await connection.execute(
            "UPDATE fold_cursor SET folded_at = $2 WHERE org_id = $1", org.id, folded_at
        )
    return org


_STATES = ("current", "late")


async def _nobody_else_connected(database: Database) -> None:
    for org_id in await organizations(database):
        async with database.transaction(org_id) as connection:
            await connection.execute("DELETE FROM sync_state")


async def test_of_more_than_a_sweep_takes_the_longest_untouched_come_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    ages = (timedelta(minutes=1), timedelta(hours=1), timedelta(0))
    waiting = [await _behind_since(database, now - age) for age in ages]

    found = []
    for most in (1, 2, 3):
        monkeypatch.setattr(worker, "_MOST_ORGS_A_SWEEP", most)
        due = await worker._organizations_behind(database)
        found.append([org_id for _, org_id in due])

    longest, middle, shortest = (waiting[place].id for place in (1, 0, 2))
    assert found == [[longest], [longest, middle], [longest, middle, shortest]]


async def test_a_stream_that_nobody_reads_any_more_is_not_late(
    database: Database, org: Org
) -> None:
    await connect_hubspot(database, org)
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE sync_state SET last_success_at = clock_timestamp()")
    sweep = DueWork(database).sweep
    last_success = metrics.COLLECTOR_LAST_SUCCESS.labels("hubspot", "deals")
    await sweep()
    assert last_success._value.get() > 0

    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE connection SET state = 'paused'")
    await sweep()
    assert last_success._value.get() == 0


@pytest.mark.parametrize("state", ["paused", "reauth_required"])
async def test_a_stream_that_waits_for_a_person_is_no_work_that_nobody_takes(
    database: Database, org: Org, state: str
) -> None:
    sweep = DueWork(database).sweep
    oldest = metrics.WORK_OLDEST_READY.labels("sync")
    await _nobody_else_connected(database)
    await connect_hubspot(database, org)
    await sweep()
    assert oldest._value.get() > 0

    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE connection SET state = $1", state)
    await sweep()

    assert oldest._value.get() == 0
    assert metrics.WORK_ITEMS.labels("sync", "ready")._value.get() == 0


async def test_a_connection_that_never_worked_does_not_hide_that_others_are_late(
    database: Database, org: Org
) -> None:
    await _nobody_else_connected(database)
    await connect_hubspot(database, org)
    late = clock.now() - timedelta(days=2)
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE sync_state SET last_success_at = $1", late)
    async with database.transaction() as connection:
        other = await create_org(connection, name="New", time_zone="UTC", currency="USD")
    await connect_hubspot(database, other)

    await DueWork(database).sweep()

    last_success = metrics.COLLECTOR_LAST_SUCCESS.labels("hubspot", "deals")
    assert last_success._value.get() == pytest.approx(late.timestamp(), abs=1)


async def test_streams_are_late_after_a_day_or_a_day_after_their_connection(
    database: Database, org: Org
) -> None:
    await _nobody_else_connected(database)
    connection_id = await connect_hubspot(database, org)
    streams = {
        state: metrics.COLLECTOR_STREAMS.labels("hubspot", "deals", state) for state in _STATES
    }

    async def counted(succeeded: str | None, connected: str) -> dict[str, float]:
        async with database.transaction(org.id) as connection:
            await connection.execute(
                "UPDATE sync_state SET last_success_at = now() - $1::text::interval", succeeded
            )
            await connection.execute(
                "UPDATE connection SET created_at = now() - $2::text::interval WHERE id = $1",
                connection_id,
                connected,
            )
        await DueWork(database).sweep()
        return {state: gauge._value.get() for state, gauge in streams.items()}

    current, late = {"current": 1, "late": 0}, {"current": 0, "late": 1}
    assert await counted("23 hours", "30 days") == current
    assert await counted("25 hours", "30 days") == late
    assert await counted(None, "23 hours") == current
    assert await counted(None, "25 hours") == late

    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE connection SET state = 'paused'")
    await DueWork(database).sweep()
    assert {gauge._value.get() for gauge in streams.values()} == {0}
