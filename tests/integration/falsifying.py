"""Change what is stored behind the product's back, for tests of what finds and mends that."""

from decimal import Decimal
from typing import Any

import asyncpg

from shared.db import Database
from shared.orgs import Org

__all__ = ["by_hand", "falsify"]

_PLACE = """
SELECT s.family, s.slot, c.cell, v.day, v.value
  FROM rollup_slot s
  JOIN rollup_value v USING (org_id, generation, measure)
  JOIN cell c USING (org_id, generation, cell)
 WHERE s.org_id = $1 AND s.measure = $2 AND c.slice = $3 AND v.value <> 0
 ORDER BY v.day, c.cell LIMIT 1
"""


async def by_hand(database_url: str, statement: str, *arguments: Any) -> None:
    """Change something as the schema's owner, past all rules."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def falsify(
    database: Database, database_url: str, org: Org, measure: str, by: int, slice_: str = "total"
) -> Any:
    """Add ``by`` to one stored value and return which."""
    async with database.transaction(org.id) as connection:
        place = await connection.fetchrow(_PLACE, org.id, measure, slice_)
    assert place is not None
    await by_hand(
        database_url,
        f"UPDATE rollup SET v{place['slot']} = v{place['slot']} + $5"
        " WHERE org_id = $1 AND family = $2 AND cell = $3 AND day = $4",
        *(org.id, place["family"], place["cell"], place["day"], Decimal(by)),
    )
    return place
