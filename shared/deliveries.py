"""Deliveries that were put aside, and their way back among those that wait."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import asyncpg

__all__ = ["replay_deliveries", "replay_unanswered"]

# As if it had just arrived: what was tried before no longer counts against it.
_REPLAY: Final = """
UPDATE inbox
   SET state = 'received', reason = NULL, attempts = 0, next_attempt_at = clock_timestamp()
 WHERE org_id = $1 AND state = 'quarantined'
"""
_REPLAY_NAMED: Final = f"{_REPLAY} AND id = ANY ($2::uuid[]) RETURNING id"
_REPLAY_UNANSWERED: Final = f"{_REPLAY} AND connection_id = $2 AND reason ~ '^(upstream|refused): '"


async def replay_deliveries(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, ids: Collection[UUID]
) -> frozenset[UUID]:
    """Put quarantined deliveries back among those that wait to be read; return which they were.

    Those that are not quarantined, or of another organization, stay as they are.
    """
    rows = await connection.fetch(_REPLAY_NAMED, org_id, sorted(ids))
    return frozenset(row["id"] for row in rows)


async def replay_unanswered(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, connection_id: UUID
) -> None:
    """Put back the deliveries of a connection that were given up because its vendor did not answer,
    or refused to: call it when it does again, or may.
    """
    await connection.execute(_REPLAY_UNANSWERED, org_id, connection_id)
