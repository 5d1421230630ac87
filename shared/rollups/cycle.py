"""The sales cycle as it was measured, and the half-life of the time decay that follows from it."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from uuid import UUID

import asyncpg

from shared.kpis.quantiles import MEDIAN, quantile
from shared.rollups.deals import closings
from shared.rollups.sql import EVER

__all__ = ["Cycle", "measure_cycle"]

_CLOSED = f"SELECT days FROM ({closings(EVER, '$3::date')}) closed"


@dataclass(frozen=True, slots=True)
class Cycle:
    """How many won deals were looked at, and their median whole days from lead to close."""

    deals: int
    median_days: Fraction

    @property
    def half_life_days(self) -> Fraction:
        """Return half the median, at least a day: a touch a cycle old weighs a quarter."""
        return max(self.median_days / 2, Fraction(1))


async def measure_cycle(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int, until: date
) -> Cycle | None:
    """Return the cycle of the deals that came of a lead and were won before ``until``, if any."""
    rows = await connection.fetch(_CLOSED, org_id, generation, until)
    median = quantile([row["days"] for row in rows], MEDIAN) if rows else None
    return None if median is None else Cycle(len(rows), Fraction(median))
