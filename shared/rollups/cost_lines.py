"""The program's costs line by line, as the figures know them.

They are for statements that charge them to other days.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import asyncpg
import orjson

from shared.kpis.costs import CostLine
from shared.kpis.vocabulary import CostCategory
from shared.rollups.explain import IS_PERSONAL

__all__ = ["BookedCost", "read_costs"]

# The last entry of a fact speaks, unless it took the fact back. Not beyond what is folded: lines
# and rollups are of the same moment.
_BOOKED = f"""
SELECT source, external_id, is_personal, position, payload
  FROM (
    SELECT DISTINCT ON (e.fact_key) e.weight, e.source, e.external_id,
           {IS_PERSONAL} AS is_personal, e.position, e.payload, e.channel
      FROM ledger_entry e
     WHERE e.org_id = $1 AND e.kind = 'cost.booked'
       AND e.position <= (SELECT position FROM fold_cursor WHERE org_id = $1 AND generation = $2)
     ORDER BY e.fact_key, e.position DESC
  ) last
 WHERE weight = 1 AND channel IS DISTINCT FROM 'brand'
"""


@dataclass(frozen=True, slots=True)
class BookedCost:
    """A cost as it was booked, and who says so; ``is_personal`` if it is of one employee."""

    line: CostLine
    evidence: str
    owner: str | None
    source: str
    external_id: str
    is_personal: bool
    position: int


async def read_costs(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int
) -> list[BookedCost]:
    """Return every cost of the program, by first day and identity."""
    rows = await connection.fetch(_BOOKED, org_id, generation)
    costs = [_booked(row) for row in rows]
    return sorted(costs, key=lambda cost: (cost.line.starts_on, cost.source, cost.external_id))


def _booked(row: asyncpg.Record) -> BookedCost:
    body = orjson.loads(row["payload"])
    return BookedCost(
        line=CostLine(
            category=CostCategory(body["category"]),
            amount=Decimal(body["amount"]),
            starts_on=date.fromisoformat(body["starts_on"]),
            ends_on=date.fromisoformat(body["ends_on"]),
            is_one_off=body["is_one_off"],
        ),
        evidence=body["evidence"],
        owner=body.get("owner"),
        source=row["source"],
        external_id=row["external_id"],
        is_personal=row["is_personal"],
        position=row["position"],
    )
