"""Which measures an organization has figures of: what has none is missing, which is not 0."""

from collections.abc import Collection
from uuid import UUID

import asyncpg

__all__ = ["measures_held"]

# A cell that came back to 0 says nothing: whether it was ever written depends on the batching.
_HELD = "SELECT measure FROM measures_held($1, $2, $3)"


async def measures_held(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    measures: Collection[str],
) -> frozenset[str]:
    """Return those of ``measures`` that have a value other than 0 anywhere."""
    rows = await connection.fetch(_HELD, org_id, generation, sorted(set(measures)))
    return frozenset(row["measure"] for row in rows)
