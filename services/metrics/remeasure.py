"""Organizations that chose no half-life: look whether their sales cycle has moved since."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

import asyncpg
import structlog

from services.metrics.half_life import HalfLife, measured_half_life
from services.metrics.rebuild import RebuildUnderWay, has_published, start_rebuild
from shared import clock
from shared.db import Database
from shared.orgs import HalfLifeSource

__all__ = ["Remeasurer", "remeasure"]

#: A rebuild folds a whole history: not for a day more or less, and not twice a week.
_MATERIAL: Final = 5  # a fifth of the half-life in force
_LEAST_AGE: Final = timedelta(days=7)
_EVERY: Final = timedelta(hours=6)
_log = structlog.get_logger(__name__)

_UNCHOSEN = """
SELECT g.org_id
  FROM generation g JOIN organization o ON o.id = g.org_id
 WHERE g.state = 'live' AND o.attribution_half_life_days IS NULL
 ORDER BY g.org_id
"""
_IN_FORCE = """
SELECT g.half_life_days, g.half_life_source, g.created_at
  FROM generation g JOIN organization o ON o.id = g.org_id
 WHERE g.org_id = $1 AND g.state = 'live' AND o.attribution_half_life_days IS NULL
"""
# Another half-life would tell published periods anew, too: that is for a person to decide. Who is
# publishing at this moment is waited for.
_OUTLAST_PUBLICATION = "SELECT FROM organization WHERE id = $1 FOR KEY SHARE"


class Remeasurer:
    """Names the organizations to look at every few hours, for one worker's sweep."""

    def __init__(self, database: Database, *, chance: Random | None = None) -> None:
        self._database = database
        # Not at once: workers that start together would all measure while everybody is busy.
        spread = (chance or Random()).random()  # noqa: S311 - a choice of moments, no secret
        self._due_at: datetime = clock.now() + _EVERY * spread

    async def due(self) -> Sequence[UUID]:
        """Return the organizations that chose no half-life, once every few hours."""
        now = clock.now()
        if now < self._due_at:
            return ()
        self._due_at = now + _EVERY
        async with self._database.transaction() as connection:
            return [row["org_id"] for row in await connection.fetch(_UNCHOSEN)]


async def remeasure(database: Database, org_id: UUID) -> bool:
    """Start a rebuild if the sales cycle has moved materially since the half-life was measured.

    Return whether one was started. Nothing is done for an organization that chose a half-life, that
    has published figures, or whose half-life was measured a few days ago.
    """
    async with database.transaction(org_id) as connection:
        row = await connection.fetchrow(_IN_FORCE, org_id)
        if row is None:
            return False
        measured = await measured_half_life(connection, org_id)
        if not _is_material(measured, row):
            return False
        await connection.execute(_OUTLAST_PUBLICATION, org_id)
        if await has_published(connection, org_id):
            return False
        try:
            await start_rebuild(connection, org_id)
        except RebuildUnderWay:
            return False
    _log.info("half_life.moved", was=row["half_life_days"], now=measured.days, deals=measured.deals)
    return True


def _is_material(measured: HalfLife, held: asyncpg.Record) -> bool:
    if measured.source is not HalfLifeSource.MEASURED:
        return False
    is_recent = clock.now() - held["created_at"] < _LEAST_AGE
    if is_recent and held["half_life_source"] == HalfLifeSource.MEASURED:
        return False
    was: int = held["half_life_days"]
    return abs(measured.days - was) * _MATERIAL >= was
