"""From deltas to rollups: expand each delta to its slices, and apply them once.

Cells are kept at the finest useful grain and pre-summed for what dashboards ask. Every slice is
the sum of the finest cells it covers; a team's is the sum over the people who were in it that day.
"""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import asyncpg

from services.metrics.keyed.roster import TEAM_MOVES
from services.metrics.sql import BY_KEY, run
from shared.rollups.contributions import DIMENSIONS
from shared.rollups.layout import Place, assign, each_slot

__all__ = ["apply_corrections", "apply_deltas"]

_HAS_VALUE = f"num_nonnulls({each_slot('q{slot}')}) > 0"
_WHERE = ", ".join(DIMENSIONS)
_CELL = "employee, account, team, network, campaign, content, channel"

_UNPLACED = """
SELECT DISTINCT d.measure FROM fold_delta d
 WHERE NOT EXISTS (
    SELECT FROM rollup_slot s WHERE s.org_id = $1 AND s.generation = $2 AND s.measure = d.measure
 )
"""
_PLACES = "SELECT measure, family, slot FROM rollup_slot WHERE org_id = $1 AND generation = $2"
_PLACE = """
INSERT INTO rollup_slot (org_id, generation, measure, family, slot)
SELECT $1, $2, * FROM unnest($3::text[], $4::smallint[], $5::smallint[])
"""

# Measures that share a row of the rollups share one from here on. A delta that cancels out leaves
# no value, as if there had been none. OFFSET 0, here and below: or each value is worked out again
# for the condition.
_SUM = f"""
INSERT INTO fold_sum
SELECT * FROM (
    SELECT {_WHERE}, s.family, d.day,
           {each_slot("nullif(sum(d.quantity) FILTER (WHERE s.slot = {slot}), 0) AS q{slot}")}
      FROM fold_delta d
      JOIN rollup_slot s ON s.org_id = $1 AND s.generation = $2 AND s.measure = d.measure
     GROUP BY {_WHERE}, s.family, d.day
    OFFSET 0
) summed
 WHERE {_HAS_VALUE}
"""

# The team depends on the day, so it is a list of its own. People whose team is unknown form the
# team ''.
_TEAM = """
INSERT INTO fold_team
SELECT p.employee, p.day, coalesce(r.team, '')
  FROM (SELECT DISTINCT employee, day FROM fold_sum WHERE employee <> '') p
  LEFT JOIN LATERAL (
    SELECT r.team FROM roster r
     WHERE r.org_id = $1 AND r.generation = $2 AND r.employee = p.employee
       AND r.effective_on <= p.day
     ORDER BY r.effective_on DESC, r.fact_key DESC
     LIMIT 1
  ) r ON true
"""

# Which dimensions name the cells of a slice. A team is not one of them: it is looked up.
_SLICES: Mapping[str, tuple[str, ...]] = {
    "total": (),
    **{dimension: (dimension,) for dimension in DIMENSIONS},
    "finest": tuple(dimension for dimension in DIMENSIONS if dimension != "content"),
}


def _slice_name() -> str:
    """Return the expression that names the slice of a grouping set."""
    names = []
    for name, named_by in _SLICES.items():
        absent = "".join("01"[dimension not in named_by] for dimension in DIMENSIONS)
        names.append(f"WHEN {int(absent, 2)} THEN '{name}'")
    return f"CASE grouping({_WHERE}) {' '.join(names)} END"


_SUMS = each_slot(
    # The filter looks idle, but a sum that is begun costs memory even for nothing.
    "nullif(sum(q{slot}) FILTER (WHERE q{slot} IS NOT NULL), 0) AS q{slot}"
)


def _net(summed: str, condition: str = "true") -> str:
    """Return the statement that keeps the sums of ``summed``, each with the number of its cell.

    A cell is looked up by its key, one probe each. A new one has no number yet.
    """
    return f"""
    INSERT INTO fold_net
    SELECT w.*, c.cell
      FROM ({summed} OFFSET 0) w
      LEFT JOIN LATERAL (
        SELECT c.cell FROM cell c
         WHERE c.org_id = $1 AND c.generation = $2 AND c.slice = w.slice
           AND c.employee = w.employee AND c.account = w.account AND c.team = w.team
           AND c.network = w.network AND c.campaign = w.campaign AND c.content = w.content
           AND c.channel = w.channel
         LIMIT 1
      ) c ON true
     WHERE {_HAS_VALUE} AND {condition}
    """


# Every slice in one pass. A slice of one dimension exists for a value, not for its absence.
_NET = _net(
    f"""
    SELECT {_slice_name()} AS slice, coalesce(employee, '') AS employee,
           coalesce(account, '') AS account, '' AS team, coalesce(network, '') AS network,
           coalesce(campaign, '') AS campaign, coalesce(content, '') AS content,
           coalesce(channel, '') AS channel, family, day, {_SUMS}
      FROM fold_sum
     GROUP BY family, day,
              GROUPING SETS ({", ".join(f"({', '.join(named)})" for named in _SLICES.values())})
    """,
    "(slice IN ('total', 'finest') OR (employee, account, network, campaign, content, channel)"
    " <> ('', '', '', '', '', ''))",
)
_NET_OF_TEAMS = _net(
    f"""
    SELECT 'team' AS slice, '' AS employee, '' AS account, team, '' AS network, '' AS campaign,
           '' AS content, '' AS channel, family, day, {_SUMS}
      FROM (
        SELECT t.team, s.family, s.day, {each_slot("s.q{slot}")}
          FROM (SELECT * FROM fold_sum OFFSET 0) s -- or it starts from the days, which all share
          JOIN fold_team t ON t.employee = s.employee AND t.day = s.day
        UNION ALL
        SELECT team, family, day, {each_slot("q{slot}")} FROM fold_move
      ) every
     GROUP BY team, family, day
    """
)

_NAME_NEW_CELLS = f"""
WITH named AS (
    INSERT INTO cell (org_id, generation, cell, slice, {_CELL})
    SELECT $1, $2, f.next_cell - 1 + row_number() OVER (), slice, {_CELL}
      FROM (SELECT DISTINCT slice, {_CELL} FROM fold_net WHERE cell IS NULL) w
     CROSS JOIN (
        SELECT next_cell FROM fold_cursor WHERE org_id = $1 AND generation = $2
     ) f
    RETURNING cell, slice, {_CELL}
), counted AS (
    UPDATE fold_cursor SET next_cell = next_cell + (SELECT count(*) FROM named)
     WHERE org_id = $1 AND generation = $2 AND EXISTS (SELECT FROM named)
)
INSERT INTO fold_cell SELECT slice, {_CELL}, cell FROM named
"""

_CHANGE = f"""
INSERT INTO fold_change
SELECT family, coalesce(n.cell, c.cell), day, {each_slot("q{slot}")}
  FROM fold_net n
  LEFT JOIN fold_cell c USING (slice, {_CELL})
 ORDER BY 1, 2, 3
"""

_LOG = f"""
INSERT INTO rollup_change (org_id, generation, position, known_on, cell, day, family,
                           {each_slot("d{slot}")})
SELECT $1, $2, $3, $4, cell, day, family, {each_slot("q{slot}")} FROM fold_change
"""

# The cursor's lock makes this the only writer of the generation, so a plain look before the write
# is enough, and cheaper than an upsert, which is prepared for a writer beside it. Rows come in the
# order of the key.
_ADDED = (
    "v{slot} = CASE WHEN d.q{slot} IS NULL THEN r.v{slot}"
    " ELSE coalesce(r.v{slot}, 0) + d.q{slot} END"
)
_APPLY = f"""
MERGE INTO rollup r
USING fold_change d
   ON r.org_id = $1 AND r.generation = $2 AND r.family = d.family AND r.cell = d.cell
  AND r.day = d.day
 WHEN MATCHED THEN UPDATE SET {each_slot(_ADDED)}
 WHEN NOT MATCHED THEN
      INSERT (org_id, generation, cell, day, family, {each_slot("v{slot}")})
      VALUES ($1, $2, d.cell, d.day, d.family, {each_slot("d.q{slot}")})
"""

# As a change of the fold, but of cells by their numbers: nothing is expanded to other slices.
_CORRECT = f"""
INSERT INTO fold_change
SELECT s.family, c.cell, c.day,
       {each_slot("sum(c.quantity) FILTER (WHERE s.slot = {slot}) AS q{slot}")}
  FROM ({{corrections}}) c (measure, cell, day, quantity)
  JOIN rollup_slot s ON s.org_id = $1 AND s.generation = $2 AND s.measure = c.measure
 WHERE c.quantity <> 0
 GROUP BY s.family, c.cell, c.day
"""


async def apply_deltas(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    position: int,
    known_on: date,
    has_roster_change: bool,
) -> None:
    """Add what ``fold_delta`` holds to every slice it belongs to, and log each change."""
    await _place_new_measures(connection, org_id, generation)
    for statement in (_SUM, _TEAM):
        await run(connection, statement, org_id, generation)
    if has_roster_change:
        # The cells as they stood before this batch move with their people; the batch's own
        # deltas are booked under the new roster already.
        await run(connection, TEAM_MOVES, org_id, generation)
    for statement in (_NET, _NET_OF_TEAMS, _NAME_NEW_CELLS, _CHANGE):
        await run(connection, statement, org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on)
    await connection.execute(BY_KEY)
    await run(connection, _APPLY, org_id, generation)


async def apply_corrections(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    position: int,
    known_on: date,
    of_values: str,
    of_log: str,
) -> None:
    """Add to single cells what they lack, and to the log what it lacks: the two may differ.

    ``of_values`` and ``of_log`` are queries of (measure, cell, day, quantity). For repairs alone: a
    change of the fold is the same in both.
    """
    await connection.execute("TRUNCATE fold_change")
    await run(connection, _CORRECT.format(corrections=of_log), org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on)
    await connection.execute("TRUNCATE fold_change")
    await run(connection, _CORRECT.format(corrections=of_values), org_id, generation)
    await run(connection, _APPLY, org_id, generation)


async def _place_new_measures(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int
) -> None:
    unplaced = await connection.fetch(_UNPLACED, org_id, generation)
    if not unplaced:
        return
    rows = await connection.fetch(_PLACES, org_id, generation)
    held = {row["measure"]: Place(row["family"], row["slot"]) for row in rows}
    places = assign(held, (row["measure"] for row in unplaced))
    columns = zip(*((measure, *place) for measure, place in places.items()), strict=True)
    await connection.execute(_PLACE, org_id, generation, *map(list, columns))
