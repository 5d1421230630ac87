"""The anchor of everything that writes: COPY into a heap without any key, as fast as it gets."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

__all__ = ["HEAP", "copy_seconds", "entries_after", "make_heap"]

HEAP = "plain_heap"


async def make_heap(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Create the table of the anchor: the ledger's columns, no key, no index, no check."""
    await connection.execute(f"CREATE TABLE IF NOT EXISTS {HEAP} (LIKE ledger_entry)")


async def entries_after(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, position: int
) -> list[tuple[Any, ...]]:
    """Return the ledger's rows after a position, ready to be copied."""
    rows = await connection.fetch(
        "SELECT * FROM ledger_entry WHERE org_id = $1 AND position > $2 ORDER BY position",
        org_id,
        position,
    )
    return [tuple(row.values()) for row in rows]


async def copy_seconds(
    connection: "asyncpg.Connection[asyncpg.Record]",
    rows: Sequence[tuple[Any, ...]],
    *,
    batch: int,
) -> float:
    """Copy rows in batches, each committed; return the seconds that took.

    The table is emptied first: the anchor never extends a file that others have filled.
    """
    await connection.execute(f"TRUNCATE {HEAP}")
    started = time.perf_counter()
    for start in range(0, len(rows), batch):
        await connection.copy_records_to_table(HEAP, records=rows[start : start + batch])
    return time.perf_counter() - started
