"""The fold: apply the ledger to the rollups, each entry exactly once.

One transaction per batch. The cursor's row is locked first, so one worker folds a generation at a
time; rollups, change log, operator state and cursor commit together or not at all. A worker that
dies leaves the cursor where it was, and the next one does the same work to the same result.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.metrics.journeys import credit_touched
from services.metrics.keyed import CREDITED_KINDS, KEYED_OPERATORS, KeyedOperator
from services.metrics.slices import apply_deltas
from services.metrics.sql import BY_SET, run
from services.metrics.stage import Batch, create_working_tables, stage_batch
from shared import clock
from shared.money import exponent
from shared.rollups import contributions
from shared.rollups.layout import each_slot
from shared.rollups.rules import CATALOGUE_VERSION
from shared.rollups.told import told

__all__ = ["FoldResult", "fold_batch"]

_LOCK_CURSOR = """
SELECT f.position, g.window_days, g.half_life_days, g.catalogue_version, o.time_zone, o.currency
  FROM fold_cursor f
  JOIN generation g USING (org_id, generation)
  JOIN organization o ON o.id = f.org_id
 WHERE f.org_id = $1 AND f.generation = $2 AND g.state <> 'retired'
   FOR UPDATE OF f SKIP LOCKED
"""
# Older code may come upon what newer code began, while both run or when an upgrade was taken back.
# What it folds there is by its own rules, and a generation is no better than the oldest in it.
_MARK_AS_OLDER = """
UPDATE generation SET catalogue_version = $3 WHERE org_id = $1 AND generation = $2
"""
_ENTRIES = f"""(
    SELECT position, weight, kind, fact_key, occurred_at, day,
           {", ".join(contributions.DIMENSIONS)}, subject, body
      FROM fold_batch
)"""
_WHERE = ", ".join(contributions.DIMENSIONS)


def _deltas(query: str, sign: str = "") -> str:
    """Return the statement that takes the contributions of ``query`` as deltas.

    They are not summed here: deltas are summed once, when all of them are there.
    """
    return f"INSERT INTO fold_delta SELECT measure, day, {_WHERE}, {sign} quantity FROM ({query}) c"


def _rows(query: str, sign: str = "") -> str:
    """Return the same for measures that are told side by side."""
    quantities = each_slot(f"{sign} q{{slot}}")
    return f"INSERT INTO fold_row SELECT family, day, {_WHERE}, {quantities} FROM ({query}) c"


_LINEAR = (
    _rows(contributions.side_by_side(_ENTRIES)),
    _deltas(contributions.singly(_ENTRIES)),
    _deltas(told(_ENTRIES)),
)


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What one call folded; ``position`` is how far the generation has come."""

    entries: int
    position: int

    @property
    def stretch(self) -> dict[str, int]:
        """Return the positions that were folded, as fields of a log line: they have no gaps."""
        return {"first_position": self.position - self.entries + 1, "last_position": self.position}


async def fold_batch(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    limit: int = 20_000,
    folded_at: datetime | None = None,
) -> FoldResult | None:
    """Fold up to ``limit`` entries in the caller's open transaction.

    Returns None when another worker holds the cursor, or the generation is retired. The batch may
    be shorter than ``limit`` even when more is waiting: call again until nothing is folded. It is
    longer by one where it would end inside a correction.
    """
    cursor = await connection.fetchrow(_LOCK_CURSOR, org_id, generation)
    if cursor is None:
        return None
    await create_working_tables(connection)
    await connection.execute(BY_SET)
    batch = await stage_batch(
        connection,
        org_id,
        after=cursor["position"],
        limit=limit,
        time_zone=cursor["time_zone"],
    )
    if batch is None:
        return FoldResult(entries=0, position=cursor["position"])
    if cursor["catalogue_version"] > CATALOGUE_VERSION:
        await connection.execute(_MARK_AS_OLDER, org_id, generation, CATALOGUE_VERSION)
    minor_digits = exponent(cursor["currency"])
    for statement in _LINEAR:
        await run(connection, statement, minor_digits)
    await _fold_keys(connection, org_id, generation, batch, cursor["window_days"])
    if batch.kinds & CREDITED_KINDS:
        await credit_touched(
            connection,
            org_id,
            generation,
            position=batch.until,
            window_days=cursor["window_days"],
            half_life_days=cursor["half_life_days"],
            exponent=minor_digits,
        )
    await apply_deltas(
        connection,
        org_id,
        generation,
        position=batch.until,
        known_on=batch.known_on,
        has_roster_change="employee.recorded" in batch.kinds,
    )
    await connection.execute(
        "UPDATE fold_cursor SET position = $3, folded_at = $4"
        " WHERE org_id = $1 AND generation = $2",
        org_id,
        generation,
        batch.until,
        folded_at or clock.now(),
    )
    return FoldResult(entries=batch.entries, position=batch.until)


async def _fold_keys(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    batch: Batch,
    window_days: int,
) -> None:
    """Apply new − old of every key the batch touched."""
    operators = [operator for operator in KEYED_OPERATORS if operator.kinds & batch.kinds]
    arguments = (org_id, generation, window_days)
    for operator in operators:
        for statement in operator.touch:
            await run(connection, statement, *arguments)
    before = [_signed(o, o.held or o.contributions, "-") for o in operators if o.contributions]
    after = [_signed(o, o.contributions, "") for o in operators if o.contributions]
    update = [statement for operator in operators for statement in operator.update]
    for statement in (*before, *update, *after):
        await run(connection, statement, *arguments)


def _signed(operator: KeyedOperator, query: str, sign: str) -> str:
    return _rows(query, sign) if operator.is_side_by_side else _deltas(query, sign)
