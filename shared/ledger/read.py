"""Read the ledger by position. Gapless positions make a plain cursor safe."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

__all__ = ["Entry", "head_position", "read_entries"]

_READ = """
SELECT position, recorded_at, occurred_at, day, weight, kind, fact_key, source, external_id,
       employee, account, network, campaign, content, channel, subject, payload
  FROM ledger_entry
 WHERE org_id = $1 AND position > $2
 ORDER BY position
 LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger: ``weight`` +1 states a fact, -1 takes it back."""

    position: int
    recorded_at: datetime
    occurred_at: datetime
    day: date
    weight: int
    kind: str
    fact_key: bytes
    source: str
    external_id: str
    employee: str | None
    account: str | None
    network: str | None
    campaign: str | None
    content: str | None
    channel: str | None
    subject: str | None
    payload: dict[str, Any]


async def read_entries(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    *,
    after: int,
    limit: int,
) -> list[Entry]:
    """Return up to ``limit`` entries whose position is greater than ``after``, in order."""
    rows = await connection.fetch(_READ, org_id, after, limit)
    return [Entry(**{**row, "payload": orjson.loads(row["payload"])}) for row in rows]


async def head_position(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> int:
    """Return the position of the newest entry; 0 for an empty ledger."""
    position: int | None = await connection.fetchval(
        "SELECT position FROM ledger_head WHERE org_id = $1", org_id
    )
    return position or 0
