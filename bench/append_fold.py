"""ledger.append_fold: from typed facts to committed rollups, all operators.

As in a deployment, where they are processes of their own, batches are appended one after another
while the fold takes whatever is waiting. A round ends when the last entry is in the rollups.
"""

import asyncio
import time

from bench.check import check_rollups
from bench.context import Context
from bench.copying import copy_seconds, entries_after, make_heap
from bench.facts import typed
from bench.history import Past
from bench.result import Result, from_rates
from services.metrics.worker import BATCH
from shared.ledger import head_position

__all__ = ["run"]

_BATCH = 10_000
_BATCHES = 10


async def run(context: Context) -> Result:
    """Measure facts a second, append and fold in turn, against COPY of the same rows."""
    ours, anchors = [], []
    async with (
        context.histories.copy(context.scale.small, "append_fold") as past,
        context.server.owner(past.database) as owner,
    ):
        await make_heap(owner)
        await _append_and_fold(past)
        for _ in range(context.scale.rounds):
            position = await head_position(owner, past.tenant.org.id)
            ours.append(_BATCHES * _BATCH / await _append_and_fold(past))
            rows = await entries_after(owner, past.tenant.org.id, position)
            anchors.append(len(rows) / await copy_seconds(owner, rows, batch=_BATCH))
        await check_rollups(owner, past.tenant.org.id)
    return from_rates("facts/s", ours, anchors)


async def _append_and_fold(past: Past) -> float:
    batches = [typed(past.program.today(_BATCH)) for _ in range(_BATCHES)]
    arrived = asyncio.Event()
    is_over = False

    async def append_all() -> None:
        nonlocal is_over
        for facts in batches:
            await past.tenant.append(facts)
            arrived.set()
        is_over = True

    async def fold_all() -> None:
        while not is_over or arrived.is_set():
            await arrived.wait()
            arrived.clear()
            await past.tenant.fold(BATCH)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as both:
        both.create_task(append_all())
        both.create_task(fold_all())
    return time.perf_counter() - started
