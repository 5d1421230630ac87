"""Repair, rebuild and upkeep at one moment: each keeps its hands off what is another's."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest

from services.metrics import retired
from services.metrics.fold import fold_batch
from services.metrics.rebuild import abort_rebuild, continue_rebuild
from services.metrics.retired import drop_retired
from services.metrics.verify import repair, verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org
from tests.integration.test_rebuild import _FIGURES, begin, found, held, live, share, tell

_WAITING = """
SELECT count(*) FROM pg_locks
 WHERE NOT granted
   AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
"""


async def until_they_wait(database: Database, number: int) -> None:
    """Return as soon as so many transactions wait for another one."""
    async with asyncio.timeout(60):
        waiting = 0
        while waiting < number:
            async with database.transaction() as connection:
                waiting = await connection.fetchval(_WAITING)


async def test_a_repair_that_waited_for_a_rebuild_holds_the_generation_that_is_live_then(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await found(database, org)
    await begin(database, org)
    module = import_module("services.metrics.verify.repair")
    recompute = module.recompute

    async def recompute_while_others_fold(*arguments: Any) -> None:
        await recompute(*arguments)
        await tell(database, org, share(900))
        await catch_up(database, org.id)

    monkeypatch.setattr(module, "recompute", recompute_while_others_fold)
    async with database.transaction(org.id) as connection:
        # What a rebuild writes last, with the live generation in its hands.
        await connection.execute("SELECT FROM organization WHERE id = $1 FOR UPDATE", org.id)
        rebuilding = asyncio.create_task(continue_rebuild(database, org.id))
        await until_they_wait(database, 1)
        repairing = asyncio.create_task(repair(database, org.id))
        await until_they_wait(database, 2)
    assert await rebuilding
    done = await repairing

    assert done.before.generation == await live(database, org) == 2
    assert done.before.mismatches == 0, "it was folded while it was compared"
    await catch_up(database, org.id)
    assert (await verify(database, org.id)).mismatches == 0


async def test_who_drops_slowly_does_not_drop_what_was_built_meanwhile(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await found(database, org)
    figures = await held(database, org, _FIGURES, 1)
    await _give_up_a_rebuild(database, org)
    pick = retired._pick

    async def pick_after_others(*arguments: Any) -> AsyncGenerator[None, None]:
        monkeypatch.setattr(retired, "_pick", pick)
        assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 1
        await begin(database, org)
        assert await continue_rebuild(database, org.id)
        async with aclosing(pick(*arguments)) as steps:
            async for step in steps:
                yield step

    monkeypatch.setattr(retired, "_pick", pick_after_others)
    await drop_retired(database, org.id, retired_for=timedelta(0))

    assert await held(database, org, _FIGURES, await live(database, org)) == figures
    assert (await verify(database, org.id)).mismatches == 0


async def test_a_number_is_given_once_and_forgotten_when_there_is_a_higher_one(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await _give_up_a_rebuild(database, org)
    assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 1
    assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 0, "it has no rows"

    assert await begin(database, org) == 3
    assert await continue_rebuild(database, org.id)
    assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 1
    async with database.transaction(org.id) as connection:
        left = await connection.fetch(
            "SELECT generation, state FROM generation WHERE org_id = $1", org.id
        )
    assert [tuple(row) for row in left] == [(3, "live")]


async def _give_up_a_rebuild(database: Database, org: Org) -> None:
    number = await begin(database, org)
    async with database.transaction(org.id) as connection:
        assert await fold_batch(connection, org.id, number, limit=50) is not None
    async with database.transaction(org.id) as connection:
        assert await abort_rebuild(connection, org.id)
