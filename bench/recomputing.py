"""What a refresh and a rebuild are compared with: everything recomputed in PostgreSQL."""

import time
from uuid import UUID

from bench.history import Past
from services.metrics.verify.recompute import EVERYTHING, recompute, target_of
from services.metrics.verify.report import Report
from services.metrics.verify.run import compare_all
from shared.db import Database

__all__ = ["BATCH", "recompute_seconds", "refresh_seconds"]

BATCH = 10_000


async def recompute_seconds(pool: Database, org_id: UUID, *, is_compared: bool) -> float:
    """Recompute every cell of every slice, credit included, into temporary tables; return seconds.

    The statements are those of ``earned verify``: set-based, from the standing facts, without an
    index or a log to keep, and nothing of it durable. What ``is_compared`` is then laid beside what
    is stored, off the clock: one difference ends the run.
    """
    async with pool.snapshot(org_id) as connection:
        target = await target_of(connection, org_id)
        started = time.perf_counter()
        await recompute(connection, target, EVERYTHING)
        seconds = time.perf_counter() - started
        if is_compared:
            report = Report(org_id, target.generation, target.position)
            await compare_all(connection, target, report)
            assert not report.mismatches, report.listed[0]
    return seconds


async def refresh_seconds(past: Past) -> float:
    """Append 10,000 facts, and return the seconds that folding them took."""
    await past.tenant.tell(past.program.today(BATCH))
    started = time.perf_counter()
    await past.tenant.fold(2 * BATCH)
    return time.perf_counter() - started
