"""Deliveries that were put aside, and their way back among those that wait."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import asyncpg

__all__ = ["replay_deliveries"]

# As if it had just arrived: what was tried before no longer counts against it.
_REPLAY: Final = """
UPDATE inbox
   SET state = 'received', reason = NULL, attempts = 0, next_attempt_at = clock_timestamp()
 WHERE org_id = $1 AND id = ANY ($2::uuid[]) AND state = 'quarantined'
RETURNING id
"""


async def replay_deliveries(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, ids: Collection[UUID]
) -> frozenset[UUID]:
    """Put quarantined deliveries back among those that wait to be read; return which they were.

    Those that are not quarantined, or of another organization, stay as they are.
    """
    rows = await connection.fetch(_REPLAY, org_id, sorted(ids))
    return frozenset(row["id"] for row in rows)
