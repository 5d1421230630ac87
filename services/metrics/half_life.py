"""The half-life that a generation is computed with: the organization's choice, or half its cycle.

It is settled when a generation begins and holds for all of its credit, whatever is told later: so
what is maintained equals what is recomputed, however the cycle moves.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor
from typing import Final
from uuid import UUID

import asyncpg

from shared.orgs import DEFAULT_HALF_LIFE_DAYS, HalfLifeSource
from shared.rollups.cycle import measure_cycle
from shared.rollups.read import live_generation

__all__ = ["LEAST_DEALS", "MOST_DAYS", "HalfLife", "measured_half_life"]

#: Won deals with a lead that a median is taken from; fewer say too little of the next ones.
LEAST_DEALS: Final = 20
MOST_DAYS: Final = 365
_NEVER: Final = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class HalfLife:
    """A half-life in whole days, who chose it, and from how many deals it was measured."""

    days: int
    source: HalfLifeSource
    deals: int | None = None


async def measured_half_life(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID
) -> HalfLife:
    """Return half the median time from lead to won deal, of all deals known; the default of few."""
    generation = await live_generation(connection, org_id)
    cycle = await measure_cycle(connection, org_id, generation, _NEVER)
    if cycle is None or cycle.deals < LEAST_DEALS:
        return HalfLife(DEFAULT_HALF_LIFE_DAYS, HalfLifeSource.DEFAULT)
    days = min(floor(cycle.half_life_days + Fraction(1, 2)), MOST_DAYS)
    return HalfLife(days, HalfLifeSource.MEASURED, cycle.deals)
