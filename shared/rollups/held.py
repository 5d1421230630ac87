"""Which measures an organization has figures of: what has none is missing, which is not 0."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

from shared.rollups.layout import each_slot

__all__ = ["measures_held"]

# A cell that came back to 0 says nothing: whether it was ever written depends on the batching.
# The order of the key and LIMIT make it a walk along the index up to the first value; left to
# guess, the planner reads the rollups of every organization instead.
_HELD = f"""
SELECT s.measure
  FROM rollup_slot s
 CROSS JOIN LATERAL (
    SELECT FROM rollup r
     WHERE r.org_id = $1 AND r.generation = $2 AND r.family = s.family
       AND CASE s.slot {each_slot("WHEN {slot} THEN r.v{slot}", " ")} END <> 0
     ORDER BY r.org_id, r.generation, r.family, r.cell, r.day
     LIMIT 1
 ) first
 WHERE s.org_id = $1 AND s.generation = $2 AND s.measure = ANY ($3::text[])
"""


async def measures_held(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    measures: Collection[str],
) -> frozenset[str]:
    """Return those of ``measures`` that have a value other than 0 anywhere."""
    rows = await connection.fetch(_HELD, org_id, generation, sorted(set(measures)))
    return frozenset(row["measure"] for row in rows)
