"""Credit as it was known: recomputed from the ledger up to sampled positions of the past.

When facts arrived decides which credits were given and taken back, so the rows of the past are not
recomputed one by one. What can be asked is: who was credited at the end of a recorded day, or at
a published position. At some of these the journeys are divided again, from the ledger up to there.
"""

import re
from random import Random
from typing import Final

import asyncpg

from services.metrics.sql import run
from services.metrics.verify import facts
from services.metrics.verify.histories import HISTORIES
from services.metrics.verify.recompute import Target
from services.metrics.verify.report import Check, Mismatch, Report
from services.metrics.verify.state import credit_mismatches

__all__ = ["MOST_POSITIONS", "compare_past_credit"]

#: Positions looked at in one verification. Each costs what the credit of the present does.
MOST_POSITIONS: Final = 3

_PREPARE = (
    facts.WITHDRAWN,
    "ANALYZE verify_withdrawn",
    *(
        statement
        for family in HISTORIES
        if family.name in {"selling", "credit"}
        for statement in family.prepare
    ),
)
_TABLES = re.findall(r"CREATE TEMPORARY TABLE (\w+)", "".join(_PREPARE))
_FORGET = f"DROP TABLE {', '.join(_TABLES)}"

# Where every fold ends a batch: $1 the organization, $2 how far it is folded.
_CUTS = """
SELECT max(e.position) AS position
  FROM ledger_entry e JOIN organization o ON o.id = e.org_id
 WHERE e.org_id = $1 AND e.position <= $2
 GROUP BY (e.recorded_at AT TIME ZONE o.time_zone)::date
HAVING max(e.position) < $2
 UNION
SELECT position FROM publication WHERE org_id = $1 AND position < $2
 ORDER BY position
"""
_AS_OF = "SELECT set_config('app.as_of', $1::bigint::text, true)"
_MISMATCHES = credit_mismatches("known.credit")


async def compare_past_credit(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    chance: Random | None = None,
) -> None:
    """Compare credit as known at up to ``MOST_POSITIONS`` positions, another choice each time.

    The tables of the whole recomputation are replaced: call it last.
    """
    rows = await connection.fetch(_CUTS, target.org_id, target.position)
    cuts: list[int] = [row["position"] for row in rows]
    if len(cuts) > MOST_POSITIONS:
        chance = chance or Random()  # noqa: S311 - a choice of samples, no secret
        left_out = len(cuts) - MOST_POSITIONS
        report.unverified = (
            *report.unverified,
            f"credit as known at {left_out} of {len(cuts)} past positions",
        )
        cuts = sorted(chance.sample(cuts, MOST_POSITIONS))
    for position in cuts:
        await connection.execute(_FORGET)
        for statement in _PREPARE:
            await run(connection, statement, target.org_id, position)
        await connection.execute(_AS_OF, position)
        async for row in connection.cursor(_MISMATCHES, target.org_id, target.generation):
            name = f"{row['name']} as of entry {position}"
            report.add(Mismatch(Check.CREDIT, name, row["stored"], row["recomputed"]))
