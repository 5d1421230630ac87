"""fold.batch_100k: the fold alone, on one large batch, as after a first synchronization."""

import time

from bench.check import check_rollups
from bench.context import Context
from bench.copying import copy_seconds, entries_after, make_heap
from bench.result import Result, from_rates
from shared.ledger import head_position

__all__ = ["run"]

_BATCH = 100_000
_APPENDED_BY = 20_000
_MOST_ROUNDS = 3


async def run(context: Context) -> Result:
    """Measure entries a second through the fold against COPY of the same rows."""
    ours, anchors = [], []
    async with (
        context.histories.copy(context.scale.small, "fold_batch") as past,
        context.server.owner(past.database) as owner,
    ):
        tenant = past.tenant
        await make_heap(owner)
        for _ in range(min(context.scale.rounds, _MOST_ROUNDS)):
            position = await head_position(owner, tenant.org.id)
            for _ in range(_BATCH // _APPENDED_BY):
                await tenant.tell(past.program.today(_APPENDED_BY))
            started = time.perf_counter()
            entries = await tenant.fold(2 * _BATCH)
            ours.append(entries / (time.perf_counter() - started))
            rows = await entries_after(owner, tenant.org.id, position)
            anchors.append(len(rows) / await copy_seconds(owner, rows, batch=_BATCH))
        await check_rollups(owner, tenant.org.id)
    return from_rates("entries/s", ours, anchors)
