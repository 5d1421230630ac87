"""Deals that name a lead: from the state of the fold, and from what it has not come to yet."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import asyncpg

__all__ = ["deals_naming"]

# The state is looked up by lead; of the ledger only what the fold has yet to read is searched.
_NAMING: Final = """
WITH live AS (
    SELECT f.generation, f.position
      FROM fold_cursor f JOIN generation g USING (org_id, generation)
     WHERE f.org_id = $1 AND g.state = 'live'
), naming AS (
    SELECT d.position
      FROM live JOIN deal d ON d.org_id = $1 AND d.generation = live.generation
     WHERE d.lead = ANY ($2::text[])
    UNION
    SELECT e.position
      FROM live JOIN ledger_entry e ON e.org_id = $1 AND e.position > live.position
     WHERE e.kind = 'deal.changed' AND e.weight = 1
       AND e.payload::jsonb ->> 'lead' = ANY ($2::text[])
)
SELECT DISTINCT e.external_id
  FROM naming n JOIN ledger_entry e ON e.org_id = $1 AND e.position = n.position
 WHERE e.source = $3
 ORDER BY e.external_id
"""


async def deals_naming(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    leads: Collection[str],
    source: str,
) -> list[str]:
    """Return the external ids of the deals that a source told of and that name one of ``leads``.

    One that has named another lead since may be among them, if the fold has yet to learn that.
    """
    rows = await connection.fetch(_NAMING, org_id, sorted(leads), source)
    return [row["external_id"] for row in rows]
