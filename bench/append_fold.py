"""ledger.append_fold: from the bytes of ``POST /v1/facts`` to committed rollups, all operators.

As in a deployment, appending and folding are processes of their own: one appends batch after batch,
the other folds whatever is waiting. A round ends when the last entry is in the rollups.
"""

import asyncio
import time

import orjson

from bench.check import check_rollups
from bench.clients import Clients, clients
from bench.context import Context
from bench.copying import copy_seconds, entries_after, make_heap
from bench.history import Past
from bench.result import Result, from_rates
from services.metrics.worker import BATCH
from shared.ledger import head_position

__all__ = ["run"]

_BATCH = 10_000
_BATCHES = 10
_REQUEST = 500
_PAUSE_SECONDS = 0.01


async def run(context: Context) -> Result:
    """Measure facts a second, append and fold beside each other, against COPY of the same rows."""
    ours, anchors = [], []
    async with (
        context.histories.copy(context.scale.small, "append_fold") as past,
        context.server.owner(past.database) as owner,
        clients(
            1, address=context.server.address(past.database), org_id=past.tenant.org.id
        ) as posting,
    ):
        await make_heap(owner)
        await _append_and_fold(past, posting)
        for _ in range(context.scale.rounds):
            position = await head_position(owner, past.tenant.org.id)
            ours.append(_BATCHES * _BATCH / await _append_and_fold(past, posting))
            rows = await entries_after(owner, past.tenant.org.id, position)
            anchors.append(len(rows) / await copy_seconds(owner, rows, batch=_BATCH))
        await check_rollups(owner, past.tenant.org.id)
    return from_rates("facts/s", ours, anchors)


async def _append_and_fold(past: Past, posting: Clients) -> float:
    batches = [
        [orjson.dumps(past.program.today(_REQUEST)) for _ in range(_BATCH // _REQUEST)]
        for _ in range(_BATCHES)
    ]
    started = time.perf_counter()
    appending = asyncio.create_task(posting.post(batches))
    is_over = False
    while not is_over:
        # Asked before the fold: what it then finds is all there is.
        is_over = appending.done()
        if not await past.tenant.fold(BATCH):
            await asyncio.wait([appending], timeout=_PAUSE_SECONDS)
    seconds = time.perf_counter() - started
    await appending
    return seconds
