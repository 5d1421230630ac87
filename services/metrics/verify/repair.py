"""Repair: give the rollups what they lack, in the open.

Values and log are brought to what the ledger says, each by the delta that it lacks, at the cursor's
position and at this moment: what was answered on past days, or published before, stays what was
answered. Every repaired cell is told in ``rollup_repair``. Where more than values is wrong there is
nothing to add a delta to, and where the log has lost one or says another time, nobody knows any
more when it came: the generation is rebuilt. The heads of facts and what is kept beside the ledger
are of no generation: they are made to say what the entries do.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from services.metrics.rebuild import (
    PeriodsPublished,
    Progress,
    RebuildUnderWay,
    continue_rebuild,
    start_rebuild,
)
from services.metrics.slices import apply_corrections
from services.metrics.stage import create_working_tables
from services.metrics.verify import cells
from services.metrics.verify.beside import mend_beside
from services.metrics.verify.heads import mend_heads
from services.metrics.verify.ledger import mend_ledger
from services.metrics.verify.recompute import EVERYTHING, Target, recompute, target_of
from services.metrics.verify.report import Check, Report
from services.metrics.verify.run import compare_all, verify
from shared import clock
from shared.db import Database
from shared.ids import new_id
from shared.rollups.read import live_generation

__all__ = ["Repair", "repair"]

_POLL_SECONDS: Final = 1.0
_TAKE_A_REBUILD: Final = (Check.STATE, Check.CREDIT, Check.PAST)

_LOCK = "SELECT FROM fold_cursor WHERE org_id = $1 AND generation = $2 FOR UPDATE"
# A cell whose value is right is not in verify_mismatch; one whose log is right is not in the log's.
_CORRECTIONS = f"""
CREATE TEMPORARY TABLE verify_correction ON COMMIT DROP AS
SELECT measure, cell, day, coalesce(wrong.stored, log.stored) AS stored,
       coalesce(log.recomputed, wrong.stored) AS logged,
       coalesce(wrong.recomputed, log.stored) AS due
  FROM (
    SELECT m.measure, m.day, c.cell, m.stored, m.recomputed
      FROM verify_mismatch m
      JOIN cell c USING ({cells.NAMES})
     WHERE c.org_id = $1 AND c.generation = $2
  ) wrong
  FULL JOIN ({cells.LOG_MISMATCHES}) log USING (measure, day, cell)
 WHERE measure = ANY ($3::text[])
"""
# A cell that has no name any more cannot be corrected by its number.
_UNREACHABLE = f"""
SELECT EXISTS (
    SELECT FROM verify_mismatch m
      LEFT JOIN (SELECT * FROM cell WHERE org_id = $1 AND generation = $2) c USING ({cells.NAMES})
      LEFT JOIN verify_correction v
        ON v.measure = m.measure AND v.day = m.day AND v.cell = c.cell
     WHERE v.cell IS NULL
)
"""
# Values and log were wrong alike if the fold was; by itself the log says something else than both.
_LOG_IS_LOST = """
SELECT EXISTS (SELECT FROM verify_correction WHERE logged NOT IN (stored, due))
"""
_TELL = """
INSERT INTO rollup_repair (org_id, id, repaired_at, generation, position, known_on, measure, cell,
                           day, stored, logged, recomputed)
SELECT $1, $3, $4, $2, $5, $6, measure, cell, day, stored, logged, due FROM verify_correction
"""
# Time in the log never runs backwards, even when a clock does, and what is published stays.
_MOMENT = """
SELECT m.moment AS repaired_at, (m.moment AT TIME ZONE o.time_zone)::date AS known_on
  FROM organization o
  JOIN ledger_head h ON h.org_id = o.id
 CROSS JOIN LATERAL (
    SELECT greatest($2::timestamptz, h.recorded_at, max(p.known_until)) AS moment
      FROM publication p WHERE p.org_id = o.id
 ) m
 WHERE o.id = $1
"""


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair did: the report before it and after it, and whether it took a rebuild.

    ``is_waiting``: it takes one, and another one is under way, which makes it right as well.
    ``is_frozen``: it takes one, which would move published figures: by other rules, or because an
    earlier repair left them as they were published.
    """

    before: Report
    after: Report
    is_rebuilt: bool
    is_waiting: bool = False
    is_frozen: bool = False


async def repair(
    database: Database,
    org_id: UUID,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> Repair:
    """Verify the live generation and mend what differs; then verify again.

    The live generation is not folded while its cells are compared and mended; it is read and
    appended to as ever. Where it takes a rebuild and one is under way, what is of no generation is
    mended, and the rest is left to that one; so it is where a rebuild would move what is frozen.
    """
    is_waiting = is_frozen = False
    async with database.transaction(org_id) as connection:
        await connection.execute("SET LOCAL lock_timeout = 0")
        await _hold_live(connection, org_id)
        target = await target_of(connection, org_id)
        before = target.report()
        await recompute(connection, target, EVERYTHING)
        await compare_all(connection, target, before)
        is_mended = await _mend(connection, target, before)
        if not is_mended:
            # Not measured anew: that would be from the very rows that are wrong.
            try:
                async with connection.transaction():
                    await start_rebuild(connection, org_id, half_life_days="kept")
            except RebuildUnderWay:
                is_waiting = True
            except PeriodsPublished:
                is_frozen = True
    is_rebuilt = not (is_mended or is_waiting or is_frozen)
    if is_rebuilt:
        while not await continue_rebuild(database, org_id, on_progress=on_progress):
            await asyncio.sleep(_POLL_SECONDS)  # a worker has taken it up
    return Repair(before, await verify(database, org_id), is_rebuilt, is_waiting, is_frozen)


async def _hold_live(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Let nobody fold the live generation until the transaction ends."""
    held: int | None = None
    # What was waited for may have been a rebuild that took over: then another generation is live.
    while held != (live := await live_generation(connection, org_id)):
        await connection.execute(_LOCK, org_id, live)
        held = live


async def _mend(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, report: Report
) -> bool:
    """Write the deltas that are missing; False when deltas cannot mend it."""
    if report.counts[Check.LEDGER]:
        await mend_ledger(connection, target.org_id)
    if report.counts[Check.HEADS]:
        await mend_heads(connection, target.org_id, target.position)
    if report.counts[Check.BESIDE]:
        await mend_beside(connection, target.org_id)
    if any(report.counts[check] for check in _TAKE_A_REBUILD):
        return False
    of_generation = (target.org_id, target.generation)
    held = await connection.fetch(
        "SELECT measure FROM rollup_slot WHERE org_id = $1 AND generation = $2", *of_generation
    )
    measures = [row["measure"] for row in held if EVERYTHING.covers(row["measure"])]
    await connection.execute(_CORRECTIONS, *of_generation, measures)
    if await connection.fetchval(_UNREACHABLE, *of_generation):
        return False
    if await connection.fetchval(_LOG_IS_LOST):
        return False
    moment = await connection.fetchrow(_MOMENT, target.org_id, clock.now())
    assert moment is not None, "an organization is created together with its ledger head"
    repaired_at, known_on = moment["repaired_at"], moment["known_on"]
    await connection.execute(
        _TELL, *of_generation, new_id(), repaired_at, target.position, known_on
    )
    await create_working_tables(connection)
    await apply_corrections(
        connection,
        *of_generation,
        position=target.position,
        known_on=known_on,
        repaired_at=repaired_at,
        of_values="SELECT measure, cell, day, due - stored FROM verify_correction",
        of_log="SELECT measure, cell, day, due - logged FROM verify_correction",
    )
    return True
