"""The figures as they were known: recomputed from the ledger up to sampled positions of the past.

When facts arrived decides what was logged, and which credits were given and taken back, so the rows
of the past are not recomputed one by one. What can be asked is: how things stood at the end of a
recorded day, or at a published position. At some of these everything is recomputed again, from the
ledger up to there, and laid beside what the log and the credit of then come to.
"""

import re
from dataclasses import replace
from random import Random
from typing import Final

import asyncpg

from services.metrics.verify import cells, facts
from services.metrics.verify.recompute import EVERYTHING, FAMILIES, Target, recompute
from services.metrics.verify.report import Check, Mismatch, Report
from services.metrics.verify.state import credit_mismatches

__all__ = ["MOST_POSITIONS", "compare_past"]

#: Positions looked at in one verification. Each costs what the present does.
MOST_POSITIONS: Final = 3

_TABLES = re.findall(
    r"CREATE TEMPORARY TABLE (\w+)",
    "".join(
        (
            *(facts.PARAMETERS, facts.WITHDRAWN, cells.CONTRIBUTIONS, cells.TEAMS, cells.CELLS),
            *(statement for family in FAMILIES for statement in family.prepare),
        )
    ),
)
_FORGET = f"DROP TABLE {', '.join(_TABLES)}"

# Where every fold ends a batch: $1 the organization, $2 how far it is folded.
_CUTS = """
SELECT DISTINCT ON (position) position, known_on, known_until
  FROM (
    SELECT position, known_on, (known_on + 1)::timestamp AT TIME ZONE time_zone AS known_until
      FROM (
        SELECT max(e.position) AS position, o.time_zone,
               (e.recorded_at AT TIME ZONE o.time_zone)::date AS known_on
          FROM ledger_entry e JOIN organization o ON o.id = e.org_id
         WHERE e.org_id = $1 AND e.position <= $2
         GROUP BY 2, 3
      ) recorded
     UNION ALL
    SELECT position, known_on, known_until FROM publication WHERE org_id = $1
  ) cut
 WHERE position < $2
 ORDER BY position, known_until
"""
# From the beginning of the log on, not back from the present: what is wrong in the present values
# is told where these are compared.
_AS_OF = """
SELECT set_config('app.as_of', $1::bigint::text, true),
       set_config('app.as_of_day', $2::date::text, true),
       set_config('app.as_of_time', $3::timestamptz::text, true),
       set_config('app.as_of_from', 'start', true)
"""
# What was repaired later was answered as it was: it stays in the past. What is wrong now as well is
# told once. $4 is the moment up to which repairs count.
_CELL_MISMATCHES = f"""
SELECT measure, day, {cells.NAMES}, found.stored, found.recomputed
  FROM (
    SELECT measure, day, {cells.NAMES}, coalesce(held.value, 0) AS stored,
           coalesce(due.quantity, 0) AS recomputed
      FROM (
        SELECT {cells.NAMES}, r.measure, r.day, r.value
          FROM known.rollup_value r JOIN cell c USING (org_id, generation, cell)
         WHERE r.org_id = $1 AND r.generation = $2 AND r.measure = ANY ($3::text[])
      ) held
      FULL JOIN verify_cell due USING (measure, day, {cells.NAMES})
     WHERE held.value IS DISTINCT FROM due.quantity
  ) found
  LEFT JOIN (
    SELECT measure, day, {cells.NAMES}, true AS is_told FROM verify_mismatch
     UNION
    SELECT r.measure, r.day, {cells.NAMES}, true
      FROM rollup_repair r JOIN cell c USING (org_id, generation, cell)
     WHERE r.org_id = $1 AND r.generation = $2 AND r.repaired_at >= $4
  ) told USING (measure, day, {cells.NAMES})
 WHERE told.is_told IS NULL
 ORDER BY measure, day, {cells.NAMES}
"""
_CREDIT_MISMATCHES = credit_mismatches("known.credit")
_NESTED_LOOPS = "SET LOCAL enable_nestloop = {}"


async def compare_past(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    measures: list[str],
    chance: Random | None = None,
) -> None:
    """Compare what was known at up to ``MOST_POSITIONS`` positions, another choice each time.

    ``measures`` are the stored ones that are recomputed. The tables of the whole recomputation are
    replaced, all but ``verify_mismatch``: call it last.
    """
    rows = await connection.fetch(_CUTS, target.org_id, target.position)
    cuts = [tuple(row) for row in rows]
    if len(cuts) > MOST_POSITIONS:
        chance = chance or Random()  # noqa: S311 - a choice of samples, no secret
        left_out = len(cuts) - MOST_POSITIONS
        report.unverified = (
            *report.unverified,
            f"what was known at {left_out} of {len(cuts)} past positions",
        )
        cuts = sorted(chance.sample(cuts, MOST_POSITIONS))
    for position, known_on, known_until in cuts:
        await connection.execute(_FORGET)
        await connection.execute(_NESTED_LOOPS.format("on"))
        await recompute(connection, replace(target, position=position), EVERYTHING)
        await connection.execute(_AS_OF, position, known_on, known_until)
        await _compare_credit(connection, target, position, report)
        await connection.execute(_NESTED_LOOPS.format("off"))
        asked = (target.org_id, target.generation, measures, known_until)
        async for row in connection.cursor(_CELL_MISMATCHES, *asked):
            report.add(
                Mismatch(
                    Check.PAST,
                    f"{row['measure']} as of entry {position}",
                    str(row["stored"]),
                    str(row["recomputed"]),
                    day=row["day"],
                    cell={name: row[name] for name in cells.NAME if row[name]},
                )
            )


async def _compare_credit(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, position: int, report: Report
) -> None:
    async for row in connection.cursor(_CREDIT_MISMATCHES, target.org_id, target.generation):
        name = f"{row['name']} as of entry {position}"
        report.add(Mismatch(Check.CREDIT, name, row["stored"], row["recomputed"]))
