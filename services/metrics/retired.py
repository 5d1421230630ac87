"""Retired generations: their rows are deleted in steps that nobody notices."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

import asyncpg

from services.metrics.turn import ENDLESS, Turn
from shared import clock
from shared.db import Database

__all__ = ["GENERATION_TABLES", "READERS_LAST", "drop_retired"]

_STATE = (
    "standing",
    "credit_row",
    "application",
    "deal",
    "lead",
    "person_link",
    "touch",
    "gauge",
    "post_snapshot",
    "post",
    "membership",
    "roster",
)
#: Every table that holds rows of a generation.
GENERATION_TABLES = (
    *(f"{table}_past" for table in _STATE),
    *_STATE,
    "rollup_change",
    "rollup",
    "rollup_slot",
    "cell",
)
#: The log has no index by which a generation's rows come one after another, only one by which
#: pages without any are left out: it is walked through page by page. Nobody writes rows of a
#: retired generation: what has been walked through holds none of them any more.
_WALKED = frozenset({"rollup_change"})
_ROWS_A_STEP = 20_000
_PAGES_A_STEP = 2_000
#: A reader that began before the generations changed places may still be reading the old one.
READERS_LAST = timedelta(minutes=1)

# By the index; and not for longer than it takes to walk a good part of the way.
_BRIEFLY = "SET LOCAL enable_seqscan = off; SET LOCAL statement_timeout = '10s'"

# A generation without a cursor has lost its rows already.
_RETIRED = """
SELECT generation
  FROM generation g JOIN fold_cursor f USING (org_id, generation)
 WHERE org_id = $1 AND g.state = 'retired' AND g.retired_at <= $2
 ORDER BY generation
"""
_LOCK_CURSOR = "SELECT FROM fold_cursor WHERE org_id = $1 AND generation = $2 FOR UPDATE"
_DELETE_CURSOR = "DELETE FROM fold_cursor WHERE org_id = $1 AND generation = $2"
# The highest number stays on record until there is a higher one: given out again, it would name a
# generation whose rows somebody who has been at this for a while still takes for the old one's.
_FORGET = """
DELETE FROM generation g
 WHERE g.org_id = $1 AND g.state = 'retired'
   AND NOT EXISTS (SELECT FROM fold_cursor f
                    WHERE f.org_id = g.org_id AND f.generation = g.generation)
   AND g.generation < (SELECT max(h.generation) FROM generation h WHERE h.org_id = g.org_id)
"""


async def drop_retired(
    database: Database,
    org_id: UUID,
    *,
    retired_for: timedelta = READERS_LAST,
    turn: Turn = ENDLESS,
) -> int:
    """Delete what was retired at least ``retired_for`` ago; return how many generations that was.

    Every step is a short transaction of its own, so a call may be cut short at any point, by the
    end of its turn too, and the next one goes on.
    """
    async with database.transaction(org_id) as connection:
        rows = await connection.fetch(_RETIRED, org_id, clock.now() - retired_for)
    generations: list[int] = [row["generation"] for row in rows]
    for dropped, generation in enumerate(generations):
        await _outlast_folds(database, org_id, generation)
        for table in GENERATION_TABLES:
            delete = _walk if table in _WALKED else _pick
            async with aclosing(delete(database, org_id, generation, table)) as steps:
                async for _ in steps:
                    if turn.is_over:
                        return dropped
        await _forget(database, org_id, generation)
    return len(generations)


async def _outlast_folds(database: Database, org_id: UUID, generation: int) -> None:
    """Wait for the fold that had begun before the generation was retired; no other one begins."""
    async with database.transaction(org_id) as connection:
        await connection.execute("SET LOCAL lock_timeout = 0")
        await connection.execute(_LOCK_CURSOR, org_id, generation)


async def _forget(database: Database, org_id: UUID, generation: int) -> None:
    async with database.transaction(org_id) as connection:
        await connection.execute(_DELETE_CURSOR, org_id, generation)
        await connection.execute(_FORGET, org_id)


async def _pick(
    database: Database, org_id: UUID, generation: int, table: str
) -> AsyncGenerator[None, None]:
    """Delete the rows of a table, some at a time; yield after each step."""
    statement = f"""
    DELETE FROM {table} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM {table} WHERE org_id = $1 AND generation = $2 LIMIT {_ROWS_A_STEP}))
    """
    while True:
        async with database.transaction(org_id) as connection:
            # By key: from end to end, each step would first read past what the ones before deleted.
            await connection.execute("SET LOCAL enable_seqscan = off")
            done = await connection.execute(statement, org_id, generation)
        if done == "DELETE 0":
            return
        yield


async def _walk(
    database: Database, org_id: UUID, generation: int, table: str
) -> AsyncGenerator[None, None]:
    """Delete the rows of a table that has no key, stretch by stretch; yield after each step.

    A step leaves word of how far it came, and the next one goes on there, in a later call too: a
    walk that always began anew could be too long for any turn.
    """
    delete = f"""
    DELETE FROM {table}
     WHERE org_id = $1 AND generation = $2
       AND ctid >= format('(%s,0)', $3::bigint)::tid AND ctid < format('(%s,0)', $4::bigint)::tid
    """
    leave_word = """
    UPDATE fold_cursor SET walked_to = $3, walked_file = $4
     WHERE org_id = $1 AND generation = $2
    """
    while True:
        # Found again when all were walked through: the table may have been rewritten meanwhile.
        file, stretches = await _stretches(database, org_id, generation, table)
        if not stretches:
            return
        for stretch in stretches:
            until = stretch + _PAGES_A_STEP
            async with database.transaction(org_id) as connection:
                await connection.execute(delete, org_id, generation, stretch, until)
                await connection.execute(leave_word, org_id, generation, until, file)
            yield


async def _stretches(
    database: Database, org_id: UUID, generation: int, table: str
) -> tuple[int, Sequence[int]]:
    """Return the file that the table is, and the first pages of the stretches still to be walked.

    Those that hold rows of the generation, or the table would be read once for every generation of
    every organization; all of them if so many do that to find out takes long.
    """
    place = f"""
    SELECT f.now AS file, CASE WHEN walked_file = f.now THEN walked_to ELSE 0 END AS page,
           pg_relation_size('{table}') / current_setting('block_size')::integer AS pages
      FROM fold_cursor, pg_relation_filenode('{table}') f (now)
     WHERE org_id = $1 AND generation = $2
    """
    find = f"""
    SELECT DISTINCT h.page - h.page % $4::bigint AS stretch
      FROM (SELECT (ctid::text::point)[0]::bigint AS page
              FROM {table} WHERE org_id = $1 AND generation = $2) h
     WHERE h.page >= $3
     ORDER BY 1
    """
    async with database.transaction(org_id) as connection:
        found = await connection.fetchrow(place, org_id, generation)
    # Without a cursor there is nothing left to delete: somebody else was here.
    if found is None:
        return 0, ()
    file: int = found["file"]
    try:
        async with database.transaction(org_id) as connection:
            await connection.execute(_BRIEFLY)
            rows = await connection.fetch(find, org_id, generation, found["page"], _PAGES_A_STEP)
    except asyncpg.QueryCanceledError:
        return file, range(found["page"], found["pages"], _PAGES_A_STEP)
    return file, [row["stretch"] for row in rows]
