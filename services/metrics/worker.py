"""The metrics worker: keeps every organization's rollups level with its ledger."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import asyncpg
import structlog

from services.metrics.batches import BatchSizes
from services.metrics.fold import FoldResult, fold_batch
from services.metrics.outdated import count_outdated
from services.metrics.rebuild import Progress, continue_rebuild
from services.metrics.remeasure import Remeasurer, remeasure
from services.metrics.retired import READERS_LAST, drop_retired
from services.metrics.turn import ENDLESS, Turn
from services.metrics.verify import Sampler
from shared import clock
from shared.db import Database
from shared.observability import metrics
from shared.queue import Due
from shared.rollups.read import live_generation
from shared.settings import MetricsWorkerSettings
from shared.web.process import Work, work
from shared.web.state import Resources

__all__ = ["BATCH", "RUN_TIMEOUT", "TEMP_BUFFERS", "TURN", "catch_up", "main", "tend_generations"]

_log = structlog.get_logger(__name__)

#: Most entries a fold takes at once. What has piled up is folded together: the same cells are then
#: written once, and a large batch costs half as much an entry as a small one.
BATCH = 50_000
#: What the working tables of such a batch fit in. They are read several times each.
TEMP_BUFFERS = "64MB"
#: How long an organization has a worker's hands: work that takes hours ends its turn long before a
#: run is cancelled, and the next turn goes on.
TURN = timedelta(minutes=2)
#: The same of a fold: with more waiting than that takes, an organization lets others go first,
#: whose few new facts would otherwise wait for a million.
_FOLD_TURN = timedelta(seconds=10)
#: A run is cancelled then. It cannot hang, as no statement may last for more than a minute. But one
#: fact may be work for many minutes, if all touches of a person with thousands of leads change.
RUN_TIMEOUT = timedelta(hours=1)
_MOST_ORGS_A_SWEEP = 500

# Positions are no secret and hold nobody's data: these tables are outside row-level security.
# The longest untouched first: where more are behind than a sweep takes, each has its turn.
_BEHIND = """
SELECT f.org_id, f.position
  FROM fold_cursor f
  JOIN generation g USING (org_id, generation)
  JOIN ledger_head h USING (org_id)
 WHERE g.state = 'live' AND f.position < h.position
 ORDER BY f.folded_at
 LIMIT $1
"""
_WITH_GENERATIONS_TO_TEND = """
SELECT DISTINCT org_id
  FROM generation g JOIN fold_cursor f USING (org_id, generation)
 WHERE g.state = 'building' OR (g.state = 'retired' AND g.retired_at <= $2)
 LIMIT $1
"""


async def catch_up(
    database: Database, org_id: UUID, *, turn: Turn = ENDLESS, sizes: BatchSizes | None = None
) -> int:
    """Fold everything an organization's ledger holds; return how many entries that was.

    Each batch is a transaction of its own, so a worker that dies has lost at most one, and a turn
    that is over leaves the rest to the next one, with what ``sizes`` remembers. So does a run that
    is cancelled because its batch took too long.

    Raises:
        asyncpg.QueryCanceledError: a single entry takes too long.
    """
    folded, sizes = 0, sizes or BatchSizes(BATCH)
    while True:
        limit = sizes.of(org_id)
        try:
            result = await _fold(database, org_id, limit)
        except asyncpg.QueryCanceledError as error:
            sizes.shrink(org_id, limit, error)
            continue
        except asyncio.CancelledError as error:
            sizes.shrink(org_id, limit, error)
            raise
        if result is None or result.entries == 0:
            return folded
        folded += result.entries
        # One that ended before, with the day or the ledger, says nothing about larger ones.
        if result.entries >= limit:
            sizes.grow(org_id)
        _log.info("fold.batch", entries=result.entries, **result.stretch)
        if turn.is_over:
            return folded


async def _fold(database: Database, org_id: UUID, limit: int) -> FoldResult | None:
    async with database.transaction(org_id) as connection:
        generation = await live_generation(connection, org_id)
        return await fold_batch(connection, org_id, generation, limit=limit)


async def tend_generations(
    database: Database, org_id: UUID, *, turn: Turn = ENDLESS, sizes: BatchSizes | None = None
) -> None:
    """Go on with the rebuild that is under way, and delete what was retired a while ago.

    Raises:
        asyncpg.QueryCanceledError: a single entry takes too long.
    """
    if await _build(database, org_id, turn, sizes or BatchSizes(BATCH)):
        dropped = await drop_retired(database, org_id, turn=turn)
        if dropped:
            _log.info("rebuild.dropped", generations=dropped)


async def _build(database: Database, org_id: UUID, turn: Turn, sizes: BatchSizes) -> bool:
    """As :func:`continue_rebuild`, in batches as large as they can be."""

    def folded(_: Progress) -> None:
        sizes.grow(org_id)  # for the next turn: this one goes on as it began

    while True:
        limit = sizes.of(org_id)
        try:
            return await continue_rebuild(
                database, org_id, batch=limit, on_progress=folded, turn=turn
            )
        except asyncpg.QueryCanceledError as error:
            sizes.shrink(org_id, limit, error)
        except asyncio.CancelledError as error:
            sizes.shrink(org_id, limit, error)
            raise


async def _organizations_behind(database: Database) -> Sequence[Due]:
    """Return who has unfolded entries, and export how old the oldest of these is."""
    async with database.transaction() as connection:
        rows = await connection.fetch(_BEHIND, _MOST_ORGS_A_SWEEP)
    oldest: datetime | None = None
    for row in rows:
        async with database.transaction(row["org_id"]) as connection:
            recorded_at: datetime | None = await connection.fetchval(
                "SELECT recorded_at FROM ledger_entry WHERE org_id = $1 AND position > $2"
                " ORDER BY position LIMIT 1",
                row["org_id"],
                row["position"],
            )
        if recorded_at is not None and (oldest is None or recorded_at < oldest):
            oldest = recorded_at
    lag = 0.0 if oldest is None else max(0.0, (clock.now() - oldest).total_seconds())
    metrics.WATERMARK_LAG.labels("rollups").set(lag)
    return [("fold", row["org_id"]) for row in rows]


async def _organizations_with_generations_to_tend(database: Database) -> Sequence[Due]:
    async with database.transaction() as connection:
        rows = await connection.fetch(
            _WITH_GENERATIONS_TO_TEND, _MOST_ORGS_A_SWEEP, clock.now() - READERS_LAST
        )
    return [("rebuild", row["org_id"]) for row in rows]


def _make(resources: Resources, *, verify_every: timedelta) -> Work:
    database = resources.database
    sampler = Sampler(database, every=verify_every)
    remeasurer = Remeasurer(database)
    # A rebuild meets again what was folded long ago: what it learns is not about the newest facts.
    folds, rebuilds = BatchSizes(BATCH), BatchSizes(BATCH)

    async def fold(org_id: UUID) -> bool:
        turn = Turn(_FOLD_TURN)
        await catch_up(database, org_id, turn=turn, sizes=folds)
        return turn.is_over

    async def rebuild(org_id: UUID) -> bool:
        turn = Turn(TURN)
        await tend_generations(database, org_id, turn=turn, sizes=rebuilds)
        return turn.is_over

    async def measure(org_id: UUID) -> None:
        await remeasure(database, org_id)

    async def sweep() -> Sequence[Due]:
        sampled = await sampler.due()
        metrics.GENERATIONS_OUTDATED.set(await count_outdated(database))
        return [
            *await _organizations_behind(database),
            *await _organizations_with_generations_to_tend(database),
            *([] if sampled is None else [("verify", sampled)]),
            *(("remeasure", org_id) for org_id in await remeasurer.due()),
        ]

    tasks = {
        "fold": fold,
        "rebuild": rebuild,
        "verify": sampler.verify,
        "remeasure": measure,
    }
    return Work(
        tasks=tasks,
        sweep=sweep,
        background=("rebuild", "verify", "remeasure"),
        run_timeout=RUN_TIMEOUT,
    )


def main(settings: MetricsWorkerSettings) -> None:
    """Run the metrics worker until it is told to stop."""
    make = partial(_make, verify_every=settings.verify_every)
    work(settings, component="metrics-worker", make=make, temp_buffers=TEMP_BUFFERS)
