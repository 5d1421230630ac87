"""ledger.append_fold: from typed facts to committed rollups, all operators, one batch at a time."""

import time

from bench.check import check_rollups
from bench.context import Context
from bench.copying import copy_seconds, entries_after, make_heap
from bench.facts import typed
from bench.history import Past
from bench.result import Result, from_rates
from shared.ledger import head_position

__all__ = ["run"]

_BATCH = 10_000


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
            ours.append(_BATCH / await _append_and_fold(past))
            rows = await entries_after(owner, past.tenant.org.id, position)
            anchors.append(len(rows) / await copy_seconds(owner, rows, batch=_BATCH))
        await check_rollups(owner, past.tenant.org.id)
    return from_rates("facts/s", ours, anchors)


async def _append_and_fold(past: Past) -> float:
    facts = typed(past.program.today(_BATCH))
    started = time.perf_counter()
    await past.tenant.append(facts)
    # Room for the retractions of corrected facts: one batch, one fold.
    await past.tenant.fold(2 * _BATCH)
    return time.perf_counter() - started
