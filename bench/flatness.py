"""fold.flatness: what a batch costs depends on the batch, not on the history it is added to.

As on a server that has been folding: what the fold reads is in memory, its connection has come upon
most of it, and most pages that it writes were written since the last checkpoint, or each would be
logged whole.
"""

import time

from bench.check import check_rollups
from bench.context import Context
from bench.history import Past
from bench.result import Result, from_times

__all__ = ["run_1k", "run_10k"]

_MORE_ROUNDS_OF_1K = 2
_BATCHES_BEFORE, _OF_FACTS = 5, 10_000


async def run_1k(context: Context) -> Result:
    """Compare batches of 1,000 facts."""
    return await _run(context, 1_000, rounds=context.scale.rounds * _MORE_ROUNDS_OF_1K)


async def run_10k(context: Context) -> Result:
    """Compare batches of 10,000 facts."""
    return await _run(context, 10_000, rounds=context.scale.rounds)


async def _run(context: Context, batch: int, *, rounds: int) -> Result:
    scale, server = context.scale, context.server
    purpose = f"flatness_{batch}"
    async with (
        context.histories.copy(scale.small, purpose) as short,
        context.histories.copy(scale.large, purpose) as long,
        server.owner(short.database) as short_owner,
        server.owner(long.database) as long_owner,
    ):
        at_small, at_large = [], []
        for past in (short, long):
            await server.warm(past.database)
            for _ in range(_BATCHES_BEFORE):
                await _fold_ms(past, _OF_FACTS)
        for _ in range(rounds):
            at_small.append(await _fold_ms(short, batch))
            at_large.append(await _fold_ms(long, batch))
        await check_rollups(short_owner, short.tenant.org.id)
        await check_rollups(long_owner, long.tenant.org.id)
    return from_times("ms/batch", at_large, at_small)


async def _fold_ms(past: Past, batch: int) -> float:
    """Append a batch, fold it, and return the milliseconds that the fold alone took."""
    await past.tenant.tell(past.program.today(batch))
    started = time.perf_counter()
    await past.tenant.fold(2 * batch)
    return 1000 * (time.perf_counter() - started)
