"""Generations that were begun under older rules than these: what they hold is not what it would be.

They are answered from as ever. Nobody rebuilds them unasked: figures that were published would be
told by the new rules, too, and when is for a person to decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from shared.db import Database
from shared.rollups.rules import CATALOGUE_VERSION

__all__ = ["Outdated", "count_outdated", "outdated"]

# Like positions, rules are nobody's data: these tables are outside row-level security.
_OUTDATED = """
SELECT o.id, o.name, live.generation, live.catalogue_version, begun.catalogue_version AS begun
  FROM generation live
  JOIN organization o ON o.id = live.org_id
  LEFT JOIN generation begun ON begun.org_id = live.org_id AND begun.state = 'building'
 WHERE live.state = 'live' AND live.catalogue_version < $1
 ORDER BY o.created_at, o.id
"""
_COUNT = "SELECT count(*) FROM generation WHERE state = 'live' AND catalogue_version < $1"


@dataclass(frozen=True, slots=True)
class Outdated:
    """An organization whose live generation was begun under older rules.

    ``begun_under`` are the rules of the rebuild that is under way, if there is one.
    """

    org_id: UUID
    organization: str
    generation: int
    rules: int
    begun_under: int | None

    @property
    def is_mended_soon(self) -> bool:
        """Whether the rebuild that is under way brings the newest rules."""
        return self.begun_under is not None and self.begun_under >= CATALOGUE_VERSION


async def outdated(connection: "asyncpg.Connection[asyncpg.Record]") -> Sequence[Outdated]:
    """Return every organization whose live generation is older than the rules, the first first."""
    rows = await connection.fetch(_OUTDATED, CATALOGUE_VERSION)
    return [Outdated(*row.values()) for row in rows]


async def count_outdated(database: Database) -> int:
    """Return how many organizations that are."""
    async with database.transaction() as connection:
        count: int = await connection.fetchval(_COUNT, CATALOGUE_VERSION)
    return count
