"""Connections, their streams and their runs, as they are stored. No secret is ever selected."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

__all__ = [
    "connections_after",
    "find_connection",
    "make_due",
    "runs_after",
    "set_state",
    "streams_of",
]

_Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_COLUMNS = """
    id, provider, source, name, config, credentials IS NOT NULL AS has_credentials, state,
    state_reason, created_at, updated_at
"""
_LIST = f"""
SELECT {_COLUMNS} FROM connection
 WHERE org_id = $1 AND id < $2
 ORDER BY id DESC LIMIT $3
"""
_FIND = f"SELECT {_COLUMNS} FROM connection WHERE org_id = $1 AND id = $2"
_STREAMS = """
SELECT connection_id, stream, interval_seconds, next_due_at, last_success_at, attempts, last_error
  FROM sync_state
 WHERE org_id = $1 AND connection_id = ANY ($2::uuid[])
 ORDER BY connection_id, stream
"""
_SET_STATE = """
UPDATE connection SET state = $3, state_reason = $4, updated_at = $5
 WHERE org_id = $1 AND id = $2
"""
# By the clock that decides what is due: by that of a host that is ahead, it would be due later.
_MAKE_DUE = """
UPDATE sync_state SET next_due_at = clock_timestamp(), attempts = 0
 WHERE org_id = $1 AND connection_id = $2
"""
_RUNS = """
SELECT id, stream, started_at, finished_at, outcome, pages, inserted, unchanged, corrected,
       deleted, quarantined, error
  FROM sync_run
 WHERE org_id = $1 AND connection_id = $2 AND id < $3
 ORDER BY id DESC LIMIT $4
"""


async def connections_after(
    connection: _Connection, org_id: UUID, *, after: UUID, limit: int
) -> list[asyncpg.Record]:
    """Return connections, the newest first."""
    return await connection.fetch(_LIST, org_id, after, limit)


async def find_connection(
    connection: _Connection, org_id: UUID, connection_id: UUID
) -> asyncpg.Record | None:
    """Return one connection of the organization, or None."""
    return await connection.fetchrow(_FIND, org_id, connection_id)


async def streams_of(
    connection: _Connection, org_id: UUID, connection_ids: Sequence[UUID]
) -> dict[UUID, list[asyncpg.Record]]:
    """Return the streams of several connections in one statement."""
    streams: dict[UUID, list[asyncpg.Record]] = defaultdict(list)
    for row in await connection.fetch(_STREAMS, org_id, list(connection_ids)):
        streams[row["connection_id"]].append(row)
    return streams


async def set_state(
    connection: _Connection,
    org_id: UUID,
    connection_id: UUID,
    *,
    state: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Set a connection's state."""
    await connection.execute(_SET_STATE, org_id, connection_id, state, reason, now)


async def make_due(connection: _Connection, org_id: UUID, connection_id: UUID) -> None:
    """Make every stream of a connection due now; a run in progress keeps its lease."""
    await connection.execute(_MAKE_DUE, org_id, connection_id)


async def runs_after(
    connection: _Connection,
    org_id: UUID,
    connection_id: UUID,
    *,
    after: UUID,
    limit: int,
) -> list[asyncpg.Record]:
    """Return runs of a connection, the newest first."""
    return await connection.fetch(_RUNS, org_id, connection_id, after, limit)
