"""Recompute rollups from the ledger into temporary tables: all of them, or those of a sample."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import asyncpg

from services.metrics.sql import run
from services.metrics.verify import cells, facts
from services.metrics.verify.company import COMPANY
from services.metrics.verify.facts import LINEAR, Family
from services.metrics.verify.histories import HISTORIES
from services.metrics.verify.report import Report
from shared.money import exponent
from shared.rollups.rules import CATALOGUE_VERSION

__all__ = [
    "EVERYTHING",
    "FAMILIES",
    "NO_NESTED_LOOPS",
    "Scope",
    "Target",
    "recompute",
    "target_of",
]

FAMILIES: tuple[Family, ...] = (*LINEAR, *COMPANY, *HISTORIES)

# The statements read whole histories: what they hash should fit, and what does not goes to disk.
_MEMORY = "SET LOCAL work_mem = '256MB'; SET LOCAL hash_mem_multiplier = 2"
#: For comparing. A generation that was just rebuilt is unknown to the planner until statistics are
#: taken again: it would look through all of its cells for each of its rows. So all of it is read
#: once and hashed.
NO_NESTED_LOOPS = "SET LOCAL enable_nestloop = off"
# For recomputing: of its own tables statistics are taken.
_NESTED_LOOPS = "SET LOCAL enable_nestloop = on"
_TARGET = """
SELECT g.generation, f.position, o.currency, g.catalogue_version
  FROM generation g
  JOIN fold_cursor f USING (org_id, generation)
  JOIN organization o ON o.id = g.org_id
 WHERE g.org_id = $1 AND g.state = 'live'
"""


@dataclass(frozen=True, slots=True)
class Target:
    """What is verified: a generation, as of a position.

    One that is outdated was begun under older rules than it is recomputed by.
    """

    org_id: UUID
    generation: int
    position: int
    minor_digits: int
    is_outdated: bool

    def report(self) -> Report:
        """Return an empty report of it."""
        return Report(self.org_id, self.generation, self.position, is_outdated=self.is_outdated)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cells are recomputed; without ``family`` all measures, without days all days.

    The measures of a family are often fed by another one too; those parts are computed as well.
    """

    family: Family | None = None
    first_day: date = date.min
    last_day: date = date.max

    @property
    def families(self) -> tuple[Family, ...]:
        """Return the families that feed the measures of the scope, with what they need."""
        wanted = self.family
        if wanted is None:
            return FAMILIES
        feeding = [f for f in FAMILIES if f is wanted or set(f.measures) & set(wanted.measures)]
        needed = {name for family in feeding for name in family.needs}
        return tuple(f for f in FAMILIES if f in feeding or f.name in needed)

    def covers(self, measure: str) -> bool:
        """Return whether a measure belongs to the scope."""
        families: Iterable[Family] = FAMILIES if self.family is None else (self.family,)
        return any(family.covers(measure) for family in families)

    @property
    def has_credit(self) -> bool:
        """Return whether all credit of the days is recomputed on the way."""
        return self.family is None or self.family.name == "credit"

    @property
    def condition(self) -> str:
        """Return the test of a contribution's measure and day, as SQL."""
        if self.family is None:
            return "true"
        measures = " OR ".join(
            f"starts_with(measure, '{name}')" if name.endswith(".") else f"measure = '{name}'"
            for name in self.family.measures
        )
        return f"day BETWEEN '{self.first_day}' AND '{self.last_day}' AND ({measures})"


EVERYTHING = Scope()


async def target_of(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> Target:
    """Return the live generation of an organization and how far it is folded."""
    row = await connection.fetchrow(_TARGET, org_id)
    assert row is not None, "an organization is created together with its first generation"
    return Target(
        org_id,
        row["generation"],
        row["position"],
        exponent(row["currency"]),
        is_outdated=row["catalogue_version"] < CATALOGUE_VERSION,
    )


async def recompute(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, scope: Scope
) -> None:
    """Fill ``verify_cell`` with every cell of the scope that is not 0, as the ledger says it.

    The tables vanish with the caller's transaction. Compare with :data:`NO_NESTED_LOOPS`.
    """
    await connection.execute(f"{_MEMORY}; {_NESTED_LOOPS}")
    org_id, position = target.org_id, target.position
    await connection.execute(
        facts.PARAMETERS,
        *(org_id, target.generation, target.minor_digits, scope.first_day, scope.last_day),
    )
    for statement in (facts.WITHDRAWN, cells.CONTRIBUTIONS, cells.TEAMS):
        await run(connection, statement, org_id, position)
    await connection.execute("ANALYZE verify_withdrawn, verify_team")
    for family in scope.families:
        for statement in family.prepare:
            await run(connection, statement, org_id, position)
        collect = cells.COLLECT.format(query=family.query, condition=scope.condition)
        await run(connection, collect, org_id, position)
    await connection.execute("ANALYZE verify_contribution")
    await connection.execute(cells.CELLS)
    await connection.execute("ANALYZE verify_cell")
