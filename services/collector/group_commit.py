"""Group commit: concurrent requests of one organization share a transaction.

Each request hands in one item and waits. The items that gather while a batch is being written form
the next batch, so under load one commit answers many requests and a lone request waits for nothing.
An item's outcome is returned only after the transaction that holds it has committed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar
from uuid import UUID

import asyncpg

__all__ = ["GroupCommit", "Overloaded"]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

# Errors that one item's values cause: the others of its batch must not fail with it.
_ITEM_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class Overloaded(Exception):
    """More items wait than may: the caller should ask its client to come back later."""


class GroupCommit(Generic[Item, Outcome]):
    """Collects items per organization and writes each collection with one call of ``write``.

    ``write`` opens a transaction, stores the items and returns one outcome per item, in order. When
    it raises, every item of the batch fails with that exception; if the values of a single item are
    to blame, the batch is written again item by item. ``announce`` is called with the organization
    after the answers were given; it must neither raise nor take long.
    """

    def __init__(
        self,
        write: Callable[[UUID, Sequence[Item]], Awaitable[Sequence[Outcome]]],
        *,
        announce: Callable[[UUID], Awaitable[object]],
        batch_size: int = 256,
        most_waiting: int = 2048,
        most_batches: int = 4,
    ) -> None:
        self._write = write
        self._announce = announce
        self._batch_size = batch_size
        self._most_waiting = most_waiting
        self._slots = asyncio.Semaphore(most_batches)
        self._waiting: dict[UUID, list[tuple[Item, asyncio.Future[Outcome]]]] = {}
        self._writers: dict[UUID, asyncio.Task[None]] = {}
        self._count = 0

    async def submit(self, org_id: UUID, item: Item) -> Outcome:
        """Add ``item`` to the organization's next batch and return its outcome once committed.

        Raises:
            Overloaded: too many items wait already; this one was not taken.
            Exception: whatever ``write`` raised; whether the item is stored is then unknown, and
                sending it again must be harmless.
        """
        if self._count >= self._most_waiting:
            raise Overloaded
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(org_id, []).append((item, future))
        self._count += 1
        if org_id not in self._writers:
            # An empty context: a batch belongs to many requests and must not log as one of them.
            self._writers[org_id] = asyncio.create_task(self._drain(org_id), context=Context())
        return await future

    async def close(self) -> None:
        """Wait until everything handed in has been answered."""
        while self._writers:
            await asyncio.gather(*self._writers.values())

    async def _drain(self, org_id: UUID) -> None:
        # No await lies between the last look at the list and the removal of this writer: an item
        # that arrives later finds no writer and starts one.
        try:
            while waiting := self._waiting.get(org_id):
                async with self._slots:
                    batch = waiting[: self._batch_size]
                    del waiting[: self._batch_size]
                    self._count -= len(batch)
                    await self._commit(org_id, batch)
                await self._announce(org_id)
        finally:
            del self._writers[org_id]
            # None are left, unless the process is being ended: nobody may wait for ever.
            for _, future in self._waiting.pop(org_id, []):
                self._count -= 1
                future.cancel()

    async def _commit(
        self, org_id: UUID, batch: Sequence[tuple[Item, asyncio.Future[Outcome]]]
    ) -> None:
        try:
            outcomes = await self._write(org_id, [item for item, _ in batch])
        except _ITEM_ERRORS as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            for entry in batch:
                await self._commit(org_id, [entry])
        except Exception as error:
            _fail(batch, error)
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():  # the request may have been given up meanwhile
                    future.set_result(outcome)


def _fail(batch: Sequence[tuple[Item, asyncio.Future[Outcome]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
