"""The figures as they were known: recomputed from the ledger up to sampled positions of the past.

When facts arrived decides what was logged, and which credits were given and taken back, so the rows
of the past are not recomputed one by one. What can be asked is: how things stood at the end of a
recorded day, or at a published position. At some of these everything is recomputed again, from the
ledger up to there, and laid beside what the log and the credit of then come to. Nobody can ask
about the time between two batches of one day; but a change that is logged at another one than its
own is told with other causes, so one of these is looked at as well.
"""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Final, NamedTuple

import asyncpg

from services.metrics.verify import cells, facts
from services.metrics.verify.recompute import (
    EVERYTHING,
    FAMILIES,
    NO_NESTED_LOOPS,
    Scope,
    Target,
    recompute,
)
from services.metrics.verify.report import Check, Mismatch, Report
from services.metrics.verify.state import credit_mismatches

__all__ = ["MOST_POSITIONS", "compare_past", "compare_past_of"]

#: Positions looked at in one verification that can be asked about; and of those inside days. Each
#: costs what the present does.
MOST_POSITIONS: Final = 3
_MOST_INSIDE: Final = 1
#: Repairs of that day may be of batches after it: what was ever repaired is not compared there.
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)

_TABLES = re.findall(
    r"CREATE TEMPORARY TABLE (\w+)",
    "".join(
        (
            *(facts.PARAMETERS, facts.WITHDRAWN, cells.CONTRIBUTIONS, cells.TEAMS, cells.CELLS),
            *(statement for family in FAMILIES for statement in family.prepare),
        )
    ),
)
_FORGET = f"DROP TABLE IF EXISTS {', '.join(_TABLES)}"

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
# Where the live generation ended other ones: $3. A batch that changed nothing has left no trace.
_INSIDE = """
SELECT position, known_on, (known_on + 1)::timestamp AT TIME ZONE o.time_zone AS known_until
  FROM (
    SELECT DISTINCT position, known_on
      FROM rollup_change
     WHERE org_id = $1 AND generation = $3 AND position < $2 AND repaired_at IS NULL
  ) batch
  JOIN organization o ON o.id = $1
 ORDER BY position
"""
# From the beginning of the log on, not back from the present: what is wrong in the present values
# is told where these are compared.
_AS_OF = """
SELECT set_config('app.as_of', $1::bigint::text, true),
       set_config('app.as_of_day', $2::date::text, true),
       set_config('app.as_of_repaired', $3::timestamptz::text, true),
       set_config('app.as_of_from', 'start', true)
"""
# What was repaired later was answered as it was: it stays in the past. What is wrong now as well is
# told once. $4 is the moment up to which repairs count, $5 and $6 are the days.
_CELL_MISMATCHES = f"""
SELECT measure, day, {cells.NAMES}, found.stored, found.recomputed
  FROM (
    SELECT measure, day, {cells.NAMES}, coalesce(held.value, 0) AS stored,
           coalesce(due.quantity, 0) AS recomputed
      FROM (
        SELECT {cells.NAMES}, r.measure, r.day, r.value
          FROM known.rollup_value r JOIN cell c USING (org_id, generation, cell)
         WHERE r.org_id = $1 AND r.generation = $2 AND r.measure = ANY ($3::text[])
           AND r.day BETWEEN $5 AND $6
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


class _Cut(NamedTuple):
    """A position, the day on which it was recorded, and up to when repairs count."""

    position: int
    known_on: date
    known_until: datetime
    not_repaired_since: datetime


async def compare_past(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    measures: list[str],
    chance: Random | None = None,
) -> None:
    """Compare what was known at some positions of the past, another choice each time.

    ``measures`` are the stored ones that are recomputed. The tables of the whole recomputation are
    replaced, all but ``verify_mismatch``: call it last.
    """
    chance = chance or Random()  # noqa: S311 - a choice of samples, no secret
    asked, inside = await _cuts(connection, target)
    drawn = []
    for cuts, most, what in (
        (asked, MOST_POSITIONS, "past positions"),
        (inside, _MOST_INSIDE, "batches inside of days"),
    ):
        if len(cuts) > most:
            left_out = f"what was known at {len(cuts) - most} of {len(cuts)} {what}"
            report.unverified = (*report.unverified, left_out)
        drawn += chance.sample(cuts, min(most, len(cuts)))
    for cut in sorted(drawn):
        await _compare_at(connection, target, report, measures, cut, EVERYTHING)


async def compare_past_of(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    measures: list[str],
    scope: Scope,
    chance: Random,
) -> None:
    """As :func:`compare_past`, at one position, for a scope that was compared as of now."""
    cuts = [cut for found in await _cuts(connection, target) for cut in found]
    if cuts:
        await _compare_at(connection, target, report, measures, chance.choice(cuts), scope)


async def _cuts(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target
) -> tuple[list[_Cut], list[_Cut]]:
    """Return the positions that can be asked about, and those of batches inside of days."""
    of_ledger = (target.org_id, target.position)
    asked = [
        _Cut(**row, not_repaired_since=row["known_until"])
        for row in await connection.fetch(_CUTS, *of_ledger)
    ]
    ends = {cut.position for cut in asked}
    inside = [
        _Cut(**row, not_repaired_since=_EVER)
        for row in await connection.fetch(_INSIDE, *of_ledger, target.generation)
        if row["position"] not in ends
    ]
    return asked, inside


async def _compare_at(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    measures: list[str],
    cut: _Cut,
    scope: Scope,
) -> None:
    await connection.execute(_FORGET)
    await recompute(connection, replace(target, position=cut.position), scope)
    await connection.execute(_AS_OF, *cut[:3])
    if scope.has_credit:
        await _compare_credit(connection, target, cut.position, scope, report)
    await connection.execute(NO_NESTED_LOOPS)
    asked = (target.org_id, target.generation, measures, cut.not_repaired_since)
    days = (scope.first_day, scope.last_day)
    async for row in connection.cursor(_CELL_MISMATCHES, *asked, *days):
        report.add(
            Mismatch(
                Check.PAST,
                f"{row['measure']} as of entry {cut.position}",
                str(row["stored"]),
                str(row["recomputed"]),
                day=row["day"],
                cell={name: row[name] for name in cells.NAME if row[name]},
            )
        )


async def _compare_credit(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    position: int,
    scope: Scope,
    report: Report,
) -> None:
    asked = (target.org_id, target.generation, scope.first_day, scope.last_day)
    async for row in connection.cursor(_CREDIT_MISMATCHES, *asked):
        name = f"{row['name']} as of entry {position}"
        report.add(Mismatch(Check.CREDIT, name, row["stored"], row["recomputed"]))
