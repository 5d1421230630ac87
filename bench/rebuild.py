"""rebuild: a whole generation from position 0, against recomputing everything it holds in SQL."""

import time
from uuid import UUID

from bench.context import Context
from bench.recomputing import recompute_seconds
from bench.result import Result, from_rates
from services.metrics.rebuild import TEMP_BUFFERS, continue_rebuild, start_rebuild
from shared.db import Database
from shared.ledger import head_position

__all__ = ["run"]


async def run(context: Context) -> Result:
    """Measure entries a second through a rebuild against those of the recomputation."""
    ours, anchors = [], []
    scale = context.scale
    async with (
        context.histories.copy(scale.large, "rebuild") as past,
        context.server.owner(past.database) as owner,
        # As the commands that do it have it, `earned rebuild` and `earned verify`.
        context.server.pool(past.database, temp_buffers=TEMP_BUFFERS) as pool,
    ):
        org_id = past.tenant.org.id
        entries = await head_position(owner, org_id)
        for round_ in range(1, scale.recomputations + 1):
            ours.append(entries / await _rebuild_seconds(pool, org_id))
            is_last = round_ == scale.recomputations
            seconds = await recompute_seconds(pool, org_id, is_compared=is_last)
            anchors.append(entries / seconds)
    return from_rates("entries/s", ours, anchors)


async def _rebuild_seconds(pool: Database, org_id: UUID) -> float:
    async with pool.transaction(org_id) as connection:
        await start_rebuild(connection, org_id)
    started = time.perf_counter()
    assert await continue_rebuild(pool, org_id), "nobody else folds here"
    return time.perf_counter() - started
