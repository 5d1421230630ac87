"""Leases of streams, with fencing: of two workers that read one stream, one writes.

A lease is the stream's row with a higher epoch. Whoever holds it repeats the epoch in every write;
a worker that was stopped, and whose lease passed to another meanwhile, finds another epoch and
writes nothing. Only the database's clock decides when a lease has run out.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from shared.db import Database

__all__ = ["FenceLost", "Lease", "acquire", "held", "release", "save_cursor", "settle"]

# Short, so that a killed worker's streams are soon read again; renewed while the holder lives.
_LEASE: Final = timedelta(seconds=30)
_RENEW_EVERY: Final = timedelta(seconds=10)

_ACQUIRE: Final = """
UPDATE sync_state s
   SET epoch = s.epoch + 1, lease_owner = $4, lease_until = clock_timestamp() + $5::interval
  FROM connection c
 WHERE s.org_id = $1 AND s.connection_id = $2 AND s.stream = $3
   AND c.org_id = s.org_id AND c.id = s.connection_id AND c.state IN ('active', 'degraded')
   AND s.next_due_at <= clock_timestamp()
   AND (s.lease_until IS NULL OR s.lease_until < clock_timestamp())
RETURNING s.epoch, s.version, s.cursor, s.attempts, s.interval_seconds
"""
_RENEW: Final = """
UPDATE sync_state SET lease_until = clock_timestamp() + $5::interval
 WHERE org_id = $1 AND connection_id = $2 AND stream = $3 AND epoch = $4
"""
_SAVE: Final = """
UPDATE sync_state SET cursor = $6, version = version + 1
 WHERE org_id = $1 AND connection_id = $2 AND stream = $3 AND epoch = $4 AND version = $5
RETURNING version
"""
_SETTLE: Final = """
UPDATE sync_state
   SET lease_owner = NULL, lease_until = NULL, next_due_at = clock_timestamp() + $5::interval,
       attempts = $6, last_error = $7,
       last_success_at = CASE WHEN $7::text IS NULL THEN clock_timestamp() ELSE last_success_at END
 WHERE org_id = $1 AND connection_id = $2 AND stream = $3 AND epoch = $4
RETURNING stream
"""
_RELEASE: Final = """
UPDATE sync_state SET lease_owner = NULL, lease_until = NULL
 WHERE org_id = $1 AND connection_id = $2 AND stream = $3 AND epoch = $4
"""

_log = structlog.get_logger(__name__)


class FenceLost(Exception):
    """The lease has passed to another worker: what was about to be written must not be."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write one stream, and where it stands.

    ``attempts`` is how many runs in a row have failed.
    """

    org_id: UUID
    connection_id: UUID
    stream: str
    epoch: int
    version: int
    cursor: str | None
    attempts: int
    interval: timedelta

    @property
    def _key(self) -> tuple[UUID, UUID, str, int]:
        return self.org_id, self.connection_id, self.stream, self.epoch


async def acquire(
    database: Database, org_id: UUID, connection_id: UUID, stream: str, *, owner: str
) -> Lease | None:
    """Take the lease of a stream that is due, or return None if it is not due or taken.

    ``owner`` is for people who look at the table; nothing depends on it.
    """
    async with database.transaction(org_id) as connection:
        row = await connection.fetchrow(_ACQUIRE, org_id, connection_id, stream, owner, _LEASE)
    if row is None:
        return None
    return Lease(
        org_id=org_id,
        connection_id=connection_id,
        stream=stream,
        epoch=row["epoch"],
        version=row["version"],
        cursor=row["cursor"],
        attempts=row["attempts"],
        interval=timedelta(seconds=row["interval_seconds"]),
    )


@asynccontextmanager
async def held(database: Database, lease: Lease) -> AsyncIterator[None]:
    """Keep a lease alive while the block runs."""
    renewal = asyncio.create_task(_renew(database, lease))
    try:
        yield
    finally:
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)


async def _renew(database: Database, lease: Lease) -> None:
    while True:
        await asyncio.sleep(_RENEW_EVERY.total_seconds())
        try:
            async with database.transaction(lease.org_id) as connection:
                await connection.execute(_RENEW, *lease._key, _LEASE)
        except Exception as error:
            # Then the lease runs out; whether anything is written is the fence's decision.
            _log.warning("sync.renewal_failed", error=type(error).__name__)


async def save_cursor(
    connection: "asyncpg.Connection[asyncpg.Record]", lease: Lease, cursor: str | None
) -> Lease:
    """Move the cursor inside the transaction that books its page; return the lease as it is then.

    Raises:
        FenceLost: another worker holds the stream, or the connection was changed; roll back.
    """
    version = await connection.fetchval(_SAVE, *lease._key, lease.version, cursor)
    if version is None:
        raise FenceLost
    return replace(lease, version=version, cursor=cursor)


async def settle(
    connection: "asyncpg.Connection[asyncpg.Record]",
    lease: Lease,
    *,
    due_in: timedelta,
    error: str | None,
) -> None:
    """Give the lease back with the outcome of the run: when to run again, and what failed.

    Raises:
        FenceLost: another worker holds the stream; roll back.
    """
    attempts = 0 if error is None else lease.attempts + 1
    if await connection.fetchval(_SETTLE, *lease._key, due_in, attempts, error) is None:
        raise FenceLost


async def release(database: Database, lease: Lease) -> None:
    """Give the lease back without an outcome: the stream is due again at once."""
    async with database.transaction(lease.org_id) as connection:
        await connection.execute(_RELEASE, *lease._key)
