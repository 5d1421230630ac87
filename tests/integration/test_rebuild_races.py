"""Rebuilds and whatever else happens at the very same moment: refused by name, or right."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from cli import rebuilding
from cli.main import app
from services.api.publications.repository import folded_now
from services.metrics.fold import fold_batch
from services.metrics.rebuild import (
    RebuildUnderWay,
    abort_rebuild,
    continue_rebuild,
    start_rebuild,
    under_way,
)
from services.metrics.retired import drop_retired
from services.metrics.verify import verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Retraction
from shared.orgs import Org
from shared.rollups.read import live_generation
from tests.integration.test_generations_meet import until_they_wait
from tests.integration.test_rebuild import (
    _FIGURES,
    begin,
    fact,
    found,
    held,
    live,
    share,
    state_of,
    tell,
)

pytestmark = pytest.mark.timeout(120)

_HOLD_LIVE = "SELECT FROM fold_cursor WHERE org_id = $1 AND generation = 1 FOR UPDATE"


@asynccontextmanager
async def at_the_flip(database: Database, org: Org) -> AsyncIterator["asyncio.Task[bool]"]:
    """Yield a rebuild that has changed the generations and waits to write the last of it."""
    async with database.transaction(org.id) as connection:
        await connection.execute("SELECT FROM organization WHERE id = $1 FOR UPDATE", org.id)
        flipping = asyncio.create_task(continue_rebuild(database, org.id))
        await until_they_wait(database, 1)
        yield flipping
    await flipping


async def test_of_two_that_begin_at_once_one_is_refused(database: Database, org: Org) -> None:
    await found(database, org)
    async with database.transaction(org.id) as connection:
        assert await start_rebuild(connection, org.id) == 2
        second = asyncio.create_task(begin(database, org))
        await until_they_wait(database, 1)
    with pytest.raises(RebuildUnderWay):
        await second
    assert await state_of(database, org) == {1: "live", 2: "building"}


async def test_if_the_first_of_two_gives_way_the_second_one_begins(
    database: Database, org: Org
) -> None:
    await found(database, org)
    async with database.transaction(org.id) as connection:
        rolled_back = connection.transaction()
        await rolled_back.start()
        assert await start_rebuild(connection, org.id) == 2
        second = asyncio.create_task(begin(database, org))
        await until_they_wait(database, 1)
        await rolled_back.rollback()
    assert await second == 2


async def test_what_arrives_at_the_flip_is_told_at_once_and_folded_after_it(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org)
    async with at_the_flip(database, org) as flipping:
        # A correction, a withdrawal and a fact more; nobody who writes waits for a rebuild.
        moved = fact("employee.recorded", 1, employee="E1", effective_on="2025-02-04", team="T9")
        await tell(database, org, moved, Retraction(share(5).identity), share(700))
        assert await catch_up(database, org.id) == 0, "the generations stand still"
        assert not flipping.done()

    assert await live(database, org) == 2
    assert await catch_up(database, org.id) == 4
    assert not (await verify(database, org.id)).listed


async def test_what_was_folded_before_the_flip_is_caught_up_with_in_as_many_batches_as_it_takes(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org)
    async with database.transaction(org.id) as folding:
        await folding.execute(_HOLD_LIVE, org.id)
        flipping = asyncio.create_task(continue_rebuild(database, org.id, batch=20))
        await until_they_wait(database, 1)
        await tell(database, org, *[share(number) for number in range(700, 750)])
        assert (await fold_batch(folding, org.id, 1, limit=1000)) is not None
    assert await flipping

    assert await live(database, org) == 2
    assert await catch_up(database, org.id) == 0, "no reader has seen less than before"


async def test_a_rebuild_that_is_given_up_at_the_flip_has_taken_over(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org)

    async def abort() -> bool:
        async with database.transaction(org.id) as connection:
            return await abort_rebuild(connection, org.id)

    async with at_the_flip(database, org):
        aborting = asyncio.create_task(abort())
        await until_they_wait(database, 2)
    assert not await aborting
    assert await state_of(database, org) == {1: "retired", 2: "live"}


async def test_who_publishes_at_the_flip_publishes_what_is_live_after_it(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await begin(database, org, window_days=10)
    async with database.transaction(org.id) as connection:
        assert await folded_now(connection, org) is None, "it will credit in another way"

    async def publish() -> Any:
        async with database.transaction(org.id) as connection:
            known = await folded_now(connection, org)
            return known, await live_generation(connection, org.id)

    async with at_the_flip(database, org):
        publishing = asyncio.create_task(publish())
        await until_they_wait(database, 2)
    known, generation = await publishing
    assert (known.position, generation) == (128, 2)


async def test_an_answer_is_of_one_generation_though_that_is_dropped_meanwhile(
    database: Database, org: Org
) -> None:
    await found(database, org)
    before = await held(database, org, _FIGURES, 1)
    await begin(database, org, window_days=10)
    async with database.snapshot(org.id) as reader:
        assert await live_generation(reader, org.id) == 1
        assert await continue_rebuild(database, org.id)
        assert await drop_retired(database, org.id, retired_for=timedelta(0)) == 1

        assert await live_generation(reader, org.id) == 1
        assert {tuple(row) for row in await reader.fetch(_FIGURES, org.id, 1)} == before
    assert await held(database, org, _FIGURES, 1) == set()
    assert await held(database, org, _FIGURES, 2) != before


async def test_two_that_drop_at_once_leave_what_is_live(database: Database, org: Org) -> None:
    await found(database, org)
    for _ in range(2):
        await begin(database, org)
        assert await continue_rebuild(database, org.id)
    both = (drop_retired(database, org.id, retired_for=timedelta(0)) for _ in range(2))
    assert max(await asyncio.gather(*both)) == 2

    assert await state_of(database, org) == {3: "live"}
    assert not (await verify(database, org.id)).listed


def earned(database_url: str, org: Org) -> Result:
    arguments = ["rebuild", "--organization", str(org.id), "--database-url", database_url]
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_command_whose_rebuild_was_given_up_does_not_end_well(
    database: Database,
    org: Org,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_begun: bool,
) -> None:
    await found(database, org)
    if is_begun:
        await begin(database, org)

    async def after_it_was_given_up(own: Database, org_id: Any, **options: Any) -> bool:
        async with own.transaction(org_id) as connection:
            assert await under_way(connection, org_id) is not None
            assert await abort_rebuild(connection, org_id)
        return await continue_rebuild(own, org_id, **options)

    monkeypatch.setattr(rebuilding, "continue_rebuild", after_it_was_given_up)
    done = await asyncio.to_thread(earned, database_url, org)
    assert done.exit_code == 1
    assert "earned: the rebuild was given up; nothing has changed" in done.output
    assert await live(database, org) == 1


async def test_a_command_that_loses_the_database_ends_with_a_sentence(
    database: Database, org: Org, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(own: Database, org_id: Any, **_: Any) -> bool:
        async with own.transaction(org_id) as connection:
            me = await connection.fetchval("SELECT pg_backend_pid()")
            other = await asyncpg.connect(database_url)
            await other.execute("SELECT pg_terminate_backend($1)", me)
            await other.close()
            await connection.fetchval("SELECT 1")
        return True

    monkeypatch.setattr(rebuilding, "continue_rebuild", lost)
    done = await asyncio.to_thread(earned, database_url, org)
    assert done.exit_code == 1
    assert "earned: the database refuses: " in done.output
