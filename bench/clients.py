"""Clients in processes of their own: a deployment ingests in several, and so does the bench."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from uuid import UUID

from shared.db import Database
from shared.facts import parse_facts
from shared.ledger import append
from shared.observability.runtime import settle_garbage_collector
from shared.orgs import load_org

__all__ = ["Clients", "clients"]

Batch = Sequence[bytes]


class Clients:
    """Posts batches, each made of request bodies, through several processes at once."""

    def __init__(self, pool: ProcessPoolExecutor, count: int) -> None:
        self._pool = pool
        self._count = count

    async def post(self, batches: Sequence[Batch]) -> None:
        """Return when every batch is committed."""
        loop = asyncio.get_running_loop()
        shares = [batches[start :: self._count] for start in range(self._count)]
        await asyncio.gather(*(loop.run_in_executor(self._pool, _post, share) for share in shares))


@asynccontextmanager
async def clients(count: int, *, address: str, org_id: UUID) -> AsyncIterator[Clients]:
    """Start ``count`` processes that append to one organization."""
    # Spawned, not forked: a process that has an event loop cannot be copied.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_start, initargs=(address, org_id)
    ) as pool:
        yield Clients(pool, count)


class _Client:
    """The state of a client process, made by its initializer."""

    loop: asyncio.AbstractEventLoop
    database: Database
    org_id: UUID


def _start(address: str, org_id: UUID) -> None:
    settle_garbage_collector()
    _Client.loop = asyncio.new_event_loop()
    _Client.database = Database(address, application_name="bench", pool_size=1)
    _Client.org_id = org_id


def _post(batches: Sequence[Batch]) -> None:
    _Client.loop.run_until_complete(_append_all(batches))


async def _append_all(batches: Sequence[Batch]) -> None:
    database, org_id = _Client.database, _Client.org_id
    for bodies in batches:
        facts = [fact for body in bodies for fact in parse_facts(body)]
        async with database.transaction(org_id) as connection:
            await append(connection, await load_org(connection, org_id), facts)
