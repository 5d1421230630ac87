"""Rebuild: fold a new generation from position 0 beside the live one, then let it take over.

The generation under way is a row in the database, not a process: whoever finds it goes on from its
cursor, so a killed rebuild loses one batch at most, and a worker finishes what a command began. The
live generation keeps folding and answering all the while. The two change places in one transaction
that holds the live cursor, when the new one has folded at least as much: no reader ever sees less
of the ledger than before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import asyncpg

from services.metrics.fold import fold_batch
from services.metrics.half_life import MOST_DAYS, HalfLife, measured_half_life
from services.metrics.turn import ENDLESS, Turn
from shared import clock
from shared.db import Database
from shared.orgs import HalfLifeSource
from shared.rollups.rules import CATALOGUE_VERSION

__all__ = [
    "REBUILD_BATCH",
    "TEMP_BUFFERS",
    "PeriodsPublished",
    "Progress",
    "RebuildAborted",
    "RebuildUnderWay",
    "abort_rebuild",
    "continue_rebuild",
    "has_published",
    "start_rebuild",
    "under_way",
]

#: Entries a rebuild folds at once. The same cells are then written once for all of them; a larger
#: batch gains little more, and its working tables would no longer fit in memory.
REBUILD_BATCH = 200_000
#: What they fit in, of a pool that is there for rebuilds: each is read a dozen times.
TEMP_BUFFERS = "512MB"

# A batch of a rebuild is large and nobody waits for it: what the fold hashes should fit in memory.
_MEMORY = "SET LOCAL hash_mem_multiplier = 8"

_LIMITS = {"window_days": 730, "half_life_days": MOST_DAYS}

_START = """
INSERT INTO generation (org_id, generation, state, catalogue_version, window_days, half_life_days,
                        half_life_source, half_life_deals, created_at)
SELECT o.id, (SELECT max(generation) + 1 FROM generation WHERE org_id = o.id), 'building', $2,
       coalesce($3, o.attribution_window_days), $4, $5, $6, $7
  FROM organization o
 WHERE o.id = $1
    ON CONFLICT DO NOTHING
RETURNING generation
"""
_UNDER_WAY = """
SELECT g.generation, f.position, h.position AS head
  FROM generation g
  JOIN fold_cursor f USING (org_id, generation)
  JOIN ledger_head h USING (org_id)
 WHERE g.org_id = $1 AND g.state = 'building'
"""
_LOCK_LIVE = """
SELECT f.position
  FROM fold_cursor f JOIN generation g USING (org_id, generation)
 WHERE f.org_id = $1 AND g.state = 'live'
   FOR UPDATE OF f
"""
_RETIRE = """
UPDATE generation SET state = 'retired', retired_at = $3
 WHERE org_id = $1 AND state = $2
RETURNING generation
"""
_PROMOTE = """
UPDATE generation SET state = 'live'
 WHERE org_id = $1 AND generation = $2 AND state = 'building'
RETURNING window_days, CASE half_life_source WHEN 'stated' THEN half_life_days END
"""
_PARAMETERS = """
UPDATE organization SET attribution_window_days = $2, attribution_half_life_days = $3 WHERE id = $1
"""
_CHOSEN = "SELECT attribution_half_life_days FROM organization WHERE id = $1"
_HAS_PUBLISHED = """
SELECT EXISTS (
    SELECT FROM publication p
     WHERE p.org_id = $1
       AND NOT EXISTS (SELECT FROM publication_withdrawal w
                        WHERE w.org_id = p.org_id AND w.publication_id = p.id)
)
"""
# What was published before a repair of values and log stays as it was told by a delta that this
# generation alone has: told from the facts, it would be another figure.
_HAS_MENDED = """
SELECT EXISTS (
    SELECT FROM publication p
      JOIN rollup_repair r ON r.org_id = p.org_id AND r.repaired_at >= p.known_until
       AND r.day < p.ends_on AND r.logged <> r.recomputed
      JOIN generation g ON g.org_id = r.org_id AND g.generation = r.generation
     WHERE p.org_id = $1 AND g.state = 'live'
       AND NOT EXISTS (SELECT FROM publication_withdrawal w
                        WHERE w.org_id = p.org_id AND w.publication_id = p.id)
)
"""
_CHANGES = """
SELECT (begun.window_days, begun.half_life_days) <> (live.window_days, live.half_life_days)
           AS credit,
       begun.catalogue_version <> live.catalogue_version AS rules
  FROM generation begun JOIN generation live USING (org_id)
 WHERE begun.org_id = $1 AND begun.generation = $2 AND live.state = 'live'
"""
_IN_FORCE = """
SELECT half_life_days, half_life_source, half_life_deals
  FROM generation WHERE org_id = $1 AND state = 'live'
"""


class RebuildUnderWay(RuntimeError):
    """The organization has a generation under way already; there is one at most."""


class PeriodsPublished(RuntimeError):
    """Figures are frozen that would be told anew: publications are withdrawn first, on record."""


class RebuildAborted(RuntimeError):
    """The generation that was being built was given up by somebody else."""


class _Overtaken(RuntimeError):
    """The generation under way was aborted or finished by somebody else."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the generation under way has come; ``head`` is the end of the ledger, for now."""

    generation: int
    position: int
    head: int


async def start_rebuild(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    *,
    window_days: int | None = None,
    half_life_days: int | Literal["measured", "kept"] | None = None,
) -> int:
    """Create the generation to be built and return its number.

    Parameters that are not given stay as the organization has them. A half-life that nobody chose,
    or that is to be ``measured`` from now on, is measured here, for the generation; one that is to
    be ``kept`` stays that of the live generation, whoever chose it. The metrics worker finds the
    generation and builds it; :func:`continue_rebuild` does so here and now.

    What was published is told with the parameters of the live generation, and by its rules: while
    any period is frozen, these stay, and a half-life that nobody chose is not measured anew.

    Raises:
        RebuildUnderWay: one is being built already.
        PeriodsPublished: other parameters, or the rules of this version, would move what is frozen,
            or it was repaired since.
        ValueError: a parameter is out of its limits.
    """
    for name, value in (("window_days", window_days), ("half_life_days", half_life_days)):
        if isinstance(value, int) and not 1 <= value <= _LIMITS[name]:
            raise ValueError(f"{name} must be from 1 to {_LIMITS[name]}")
    half_life = await _settle(connection, org_id, half_life_days)
    now = clock.now()
    generation: int | None = await connection.fetchval(
        _START,
        *(org_id, CATALOGUE_VERSION, window_days),
        *(half_life.days, half_life.source, half_life.deals),
        now,
    )
    if generation is None:
        raise RebuildUnderWay("a rebuild of this organization is under way")
    # Its row holds the organization's: nobody publishes from here on until the transaction ends.
    changes = await connection.fetchrow(_CHANGES, org_id, generation)
    assert changes is not None, "an organization always has a live generation"
    if any(changes.values()) and await has_published(connection, org_id):
        cause = "another window or half-life" if changes["credit"] else "the rules of this version"
        raise PeriodsPublished(f"{cause} would move published figures: withdraw them first")
    await _refuse_to_unmend(connection, org_id)
    await connection.execute(
        "INSERT INTO fold_cursor (org_id, generation, position, folded_at) VALUES ($1, $2, 0, $3)",
        org_id,
        generation,
        now,
    )
    return generation


async def _refuse_to_unmend(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    if await connection.fetchval(_HAS_MENDED, org_id):
        raise PeriodsPublished(
            "published figures were repaired since, and stay as they were published until a rebuild"
            " moves them: withdraw them first"
        )


async def has_published(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> bool:
    """Return whether any period of the organization is frozen."""
    is_frozen: bool = await connection.fetchval(_HAS_PUBLISHED, org_id)
    return is_frozen


async def _settle(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    asked: int | Literal["measured", "kept"] | None,
) -> HalfLife:
    """Return the half-life of a generation that begins now."""
    if asked is None:
        asked = await connection.fetchval(_CHOSEN, org_id)
    if asked is None and await has_published(connection, org_id):
        asked = "kept"
    if asked == "kept":
        row = await connection.fetchrow(_IN_FORCE, org_id)
        assert row is not None, "an organization is created together with its first generation"
        return HalfLife(row[0], HalfLifeSource(row[1]), row[2])
    if isinstance(asked, int):
        return HalfLife(asked, HalfLifeSource.STATED)
    return await measured_half_life(connection, org_id)


async def under_way(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID
) -> Progress | None:
    """Return how far the generation under way has come; None when there is none."""
    row = await connection.fetchrow(_UNDER_WAY, org_id)
    return None if row is None else Progress(*row.values())


async def abort_rebuild(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> bool:
    """Give up the generation under way, if there is one; its rows go with the retired ones."""
    return (await connection.fetchval(_RETIRE, org_id, "building", clock.now())) is not None


async def continue_rebuild(
    database: Database,
    org_id: UUID,
    *,
    batch: int = REBUILD_BATCH,
    on_progress: Callable[[Progress], None] | None = None,
    turn: Turn = ENDLESS,
) -> bool:
    """Fold the generation under way up to the live one and let it take over.

    Return True when nothing is under way any more; False while somebody else folds it, in whose
    hands it is good, and when the turn is over. The call may be repeated.

    Raises:
        PeriodsPublished: what is frozen was repaired since the rebuild began. It is given up.
    """
    while True:
        async with database.transaction(org_id) as connection:
            progress = await under_way(connection, org_id)
            if progress is None:
                return True
            await connection.execute(_MEMORY)
            folded = await fold_batch(connection, org_id, progress.generation, limit=batch)
        if folded is None:
            return False
        if on_progress is not None:
            on_progress(Progress(progress.generation, folded.position, progress.head))
        # Not when a batch is short: that ends with each day of recording. A head that is ahead of
        # the ledger is never reached.
        if folded.position >= progress.head or not folded.entries:
            try:
                return await _take_over(database, org_id, progress.generation, batch)
            except _Overtaken:
                return False
            except PeriodsPublished:
                async with database.transaction(org_id) as connection:
                    await abort_rebuild(connection, org_id)
                raise
        if turn.is_over:
            return False


async def _take_over(database: Database, org_id: UUID, generation: int, batch: int) -> bool:
    """Make the generation the live one; False when somebody else folds it just now.

    While the live cursor is locked the live generation stands still, so the few entries that came
    meanwhile can be caught up with. It is read and appended to as ever.
    """
    async with database.transaction(org_id) as connection:
        # The fold that may hold it ends; whoever waits in line comes before the next fold.
        await connection.execute("SET LOCAL lock_timeout = 0")
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
        live: int = await connection.fetchval(_LOCK_LIVE, org_id)
        # Nobody publishes or repairs from here on: either holds this cursor.
        await _refuse_to_unmend(connection, org_id)
        position = -1
        while position < live:
            async with database.transaction(org_id) as other:
                folded = await fold_batch(other, org_id, generation, limit=batch)
            if folded is None:
                return False
            position = folded.position
            # Nor is a cursor that is.
            if not folded.entries:
                break
        await connection.execute(_RETIRE, org_id, "live", clock.now())
        parameters = await connection.fetchrow(_PROMOTE, org_id, generation)
        if parameters is None:
            raise _Overtaken
        await connection.execute(_PARAMETERS, org_id, *parameters.values())
    return True
