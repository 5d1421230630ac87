"""What a refresh and a rebuild are compared with: everything recomputed in PostgreSQL."""

import time
from uuid import UUID

from bench.history import Past
from services.metrics.verify.recompute import EVERYTHING, recompute, target_of
from shared.db import Database

__all__ = ["BATCH", "recompute_seconds", "refresh_seconds"]

BATCH = 10_000


async def recompute_seconds(pool: Database, org_id: UUID) -> float:
    """Recompute every cell of every slice, credit included, into temporary tables; return seconds.

    The statements are those of ``earned verify``: set-based, from the standing facts, without an
    index or a log to keep, and nothing of it durable.
    """
    async with pool.snapshot(org_id) as connection:
        target = await target_of(connection, org_id)
        started = time.perf_counter()
        await recompute(connection, target, EVERYTHING)
        return time.perf_counter() - started


async def refresh_seconds(past: Past) -> float:
    """Append 10,000 facts, and return the seconds that folding them took."""
    await past.tenant.tell(past.program.today(BATCH))
    started = time.perf_counter()
    await past.tenant.fold(2 * BATCH)
    return time.perf_counter() - started
