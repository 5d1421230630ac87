"""Work that is cancelled in the middle of a statement: what is raised, and what is left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio
from asyncpg.transaction import Transaction
from sqlalchemy import text

from shared.db import Database

_NAME = "cancelled-work"
_RUNNING = """
SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND query LIKE '%pg_sleep(60)%'
"""
_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"


@pytest_asyncio.fixture
async def worker(database_url: str) -> AsyncIterator[Database]:
    """Return a pool of one connection, as of a worker."""
    pool = Database(database_url, application_name=_NAME, pool_size=1, max_overflow=0)
    yield pool
    await pool.close()


async def in_transaction(worker: Database) -> None:
    async with worker.transaction() as connection:
        await connection.execute("SELECT pg_sleep(60)")


async def in_snapshot(worker: Database) -> None:
    async with worker.snapshot() as connection:
        await connection.fetch("SELECT pg_sleep(60)")


async def in_session(worker: Database) -> None:
    async with worker.session() as session:
        await (await session.connection()).execute(text("SELECT pg_sleep(60)"))


@pytest_asyncio.fixture
async def watcher(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Return a connection that may see what others run, which the application's role may not."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def _begun(
    watcher: "asyncpg.Connection[asyncpg.Record]", task: "asyncio.Future[None]"
) -> int:
    """Return the server's process of the statement, as soon as it runs it."""
    while not task.done():
        pid: int | None = await watcher.fetchval(_RUNNING, _NAME)
        if pid is not None:
            return pid
    raise AssertionError(task.exception())


@pytest.mark.parametrize("work", [in_transaction, in_snapshot, in_session])
@pytest.mark.parametrize("is_broken", [False, True])
async def test_what_is_raised_is_the_cancellation_and_the_connection_is_gone(
    worker: Database,
    watcher: "asyncpg.Connection[asyncpg.Record]",
    monkeypatch: pytest.MonkeyPatch,
    work: Callable[[Database], Awaitable[None]],
    *,
    is_broken: bool,
) -> None:
    async def rollback(_: Transaction) -> None:
        raise asyncpg.InternalClientError("got result for unknown protocol state 3")

    task = asyncio.ensure_future(work(worker))
    pid = await _begun(watcher, task)
    if is_broken:
        # As the driver has it now and then, when the server's answers cross the cancellation.
        monkeypatch.setattr(Transaction, "rollback", rollback)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()

    async with asyncio.timeout(30):
        while await watcher.fetchval(_BACKENDS, pid):
            pass
    # The one place of the pool is free again.
    async with worker.transaction() as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") != pid
