"""Goals as they were stated: each change appends a version, and none is ever overwritten."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from shared.kpis.goals import Target, goal_period
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Direction

__all__ = [
    "AFTER_ALL",
    "GoalVersion",
    "add_version",
    "current_goal",
    "current_goals",
    "goal_in_use",
    "lock_goal",
    "lock_new_goals",
    "versions_of",
]

#: More than any version: the list of versions goes on below it.
AFTER_ALL: Final = 2**31 - 1

_COLUMNS: Final = """
    id, version, kpi, filters, target, unit, direction, stretch, owner, objective, baseline_on,
    due_on, attainable, forecast_low, forecast_high, is_archived, recorded_at, recorded_by
"""
# Whatever the connection makes of JSON by itself, here it is read as text.
_READ: Final = _COLUMNS.replace("filters", "filters::text AS filters")
_VERSIONS: Final = f"""
SELECT {_READ} FROM goal
 WHERE org_id = $1 AND id = $2 AND version < $3
 ORDER BY version DESC LIMIT $4
"""
# Every goal has a first version: found by it, the last one is one look, however many lie between.
_CURRENT: Final = f"""
SELECT latest.*
  FROM (
    SELECT id FROM goal WHERE org_id = $1 AND version = 1 AND id < $3 ORDER BY id DESC OFFSET 0
  ) stated
 CROSS JOIN LATERAL (
    SELECT {_READ} FROM goal WHERE org_id = $1 AND id = stated.id ORDER BY version DESC LIMIT 1
 ) latest
 WHERE latest.is_archived = $2
 ORDER BY stated.id DESC
 LIMIT $4
"""
# A KPI stays in all versions, days may change.
_OF_KPI: Final = f"""
SELECT latest.*
  FROM (SELECT id FROM goal WHERE org_id = $1 AND version = 1 AND kpi = $2 OFFSET 0) stated
 CROSS JOIN LATERAL (
    SELECT {_READ} FROM goal WHERE org_id = $1 AND id = stated.id ORDER BY version DESC LIMIT 1
 ) latest
 WHERE NOT latest.is_archived AND latest.baseline_on = $3 AND latest.due_on = $4
 ORDER BY stated.id
"""
_ADD: Final = f"""
INSERT INTO goal (org_id, {_COLUMNS})
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""


@dataclass(frozen=True, slots=True)
class GoalVersion:
    """One version of a goal: all of it, who stated it and when.

    ``attainable`` and the interval say how the target stood when the version was accepted.
    """

    id: UUID
    version: int
    kpi: str
    filters: Mapping[str, tuple[str, ...]]
    target: Decimal
    unit: str
    direction: str
    stretch: bool
    owner: str
    objective: str
    baseline_on: date
    due_on: date
    attainable: str
    forecast_low: Decimal | None
    forecast_high: Decimal | None
    is_archived: bool
    recorded_at: datetime
    recorded_by: str

    @property
    def period(self) -> Period:
        """Return the days of the goal."""
        return goal_period(self.baseline_on, self.due_on)

    @property
    def aim(self) -> Target:
        """Return what is to be reached."""
        return Target(Fraction(self.target), Direction(self.direction))

    def says(self, change: Mapping[str, Any]) -> bool:
        """Tell whether it says already what ``change`` would make of it."""
        told = {name: getattr(self, name) for name in change}
        return _plain(told) == _plain(change)


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return parts of a goal with filters by value, in whichever order they are named."""
    filters = told.get("filters")
    if filters is None:
        return dict(told)
    return {**told, "filters": {name: sorted(values) for name, values in filters.items()}}


async def add_version(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, goal: GoalVersion
) -> None:
    """Append a version; the caller holds `lock_goal` unless it is the first one."""
    filters = orjson.dumps({name: list(values) for name, values in goal.filters.items()}).decode()
    await connection.execute(
        _ADD,
        org_id,
        goal.id,
        goal.version,
        goal.kpi,
        filters,
        goal.target,
        goal.unit,
        goal.direction,
        goal.stretch,
        goal.owner,
        goal.objective,
        goal.baseline_on,
        goal.due_on,
        goal.attainable,
        goal.forecast_low,
        goal.forecast_high,
        goal.is_archived,
        goal.recorded_at,
        goal.recorded_by,
    )


async def lock_goal(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, goal_id: UUID
) -> None:
    """Make another change of the same goal wait until this transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"goal/{org_id}/{goal_id}"
    )


async def lock_new_goals(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Make another new goal of the organization wait until this transaction ends."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"goal/{org_id}"
    )


async def versions_of(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    goal_id: UUID,
    *,
    before: int = AFTER_ALL,
    limit: int,
) -> list[GoalVersion]:
    """Return versions of a goal before one, the last one first; none if there is no such goal."""
    rows = await connection.fetch(_VERSIONS, org_id, goal_id, before, limit)
    return [_version(row) for row in rows]


async def current_goal(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, goal_id: UUID
) -> GoalVersion | None:
    """Return a goal as it is now, archived or not."""
    versions = await versions_of(connection, org_id, goal_id, limit=1)
    return versions[0] if versions else None


async def goal_in_use(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, told: Mapping[str, Any]
) -> GoalVersion | None:
    """Return the goal in use that says what is told of a new one, if there is one."""
    days = (told["baseline_on"], told["due_on"])
    rows = await connection.fetch(_OF_KPI, org_id, told["kpi"], *days)
    return next((goal for goal in map(_version, rows) if goal.says(told)), None)


async def current_goals(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    *,
    is_archived: bool,
    after: UUID,
    limit: int,
) -> list[GoalVersion]:
    """Return goals as they are now, the newest first, after the one of id ``after``."""
    rows = await connection.fetch(_CURRENT, org_id, is_archived, after, limit)
    return [_version(row) for row in rows]


def _version(row: asyncpg.Record) -> GoalVersion:
    filters = {name: tuple(values) for name, values in orjson.loads(row["filters"]).items()}
    return GoalVersion(**{**dict(row), "filters": filters})
