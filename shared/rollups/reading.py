"""What a reader of a measure is asked, and what it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import asyncpg

from shared.rollups.query import MeasureQuery, Slicing
from shared.rollups.sql import Arguments

__all__ = ["Found", "Reader", "Reading"]

#: (bucket index, group) → value; the group is "" where nothing is grouped.
Found = Mapping[tuple[int, str], Decimal | Fraction | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """One measure, asked for in the rollups of one generation: in which buckets, and how sliced."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    org_id: UUID
    generation: int
    query: MeasureQuery
    plan: Slicing

    def arguments(self) -> Arguments:
        """Return the arguments that every statement of a reading begins with."""
        return Arguments(self.org_id, self.generation)

    async def exists(self, condition: str, *values: object) -> bool:
        """Tell whether a condition holds in the generation; ``$3`` is the first of ``values``."""
        found: bool = await self.connection.fetchval(
            f"SELECT {condition}", self.org_id, self.generation, *values
        )
        return found


#: Answers a reading; None if the organization has no facts of the measure.
Reader = Callable[[Reading], Awaitable[Found | None]]
