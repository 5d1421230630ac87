"""From deltas to rollups: expand each delta to its slices, and apply them once.

Cells are kept at the finest useful grain and pre-summed for what dashboards ask. Every slice is
the sum of the finest cells it covers; a team's is the sum over the people who were in it that day.
"""

from datetime import date
from uuid import UUID

import asyncpg

from services.metrics.keyed.roster import TEAM_MOVES
from services.metrics.sql import BY_KEY, run
from shared.rollups.layout import Place, assign, each_slot

__all__ = ["apply_deltas"]

_HAS_VALUE = f"num_nonnulls({each_slot('q{slot}')}) > 0"

# Who and where are texts; from here on each combination that the batch knows is a number.
_COMBINE = """
INSERT INTO fold_combination (combination, employee, account, network, campaign, content, channel)
SELECT row_number() OVER (), d.*
  FROM (SELECT DISTINCT employee, account, network, campaign, content, channel FROM fold_delta) d
"""

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
# no value, as if there had been none.
_SUM = f"""
INSERT INTO fold_sum
SELECT * FROM (
    SELECT c.combination, s.family, d.day,
           {each_slot("nullif(sum(d.quantity) FILTER (WHERE s.slot = {slot}), 0) AS q{slot}")}
      FROM fold_delta d
      JOIN rollup_slot s ON s.org_id = $1 AND s.generation = $2 AND s.measure = d.measure
      JOIN fold_combination c
        ON c.employee = d.employee AND c.account = d.account AND c.network = d.network
       AND c.campaign = d.campaign AND c.content = d.content AND c.channel = d.channel
     GROUP BY c.combination, s.family, d.day
    OFFSET 0 -- or each value is worked out again for the condition
) summed
 WHERE {_HAS_VALUE}
"""

# A slice exists for a value, not for its absence, except that people whose team is unknown form
# the team ''. The team depends on the day, so it is a list of its own.
_TEAM = """
INSERT INTO fold_team
SELECT p.employee, p.day, coalesce(r.team, '')
  FROM (
    SELECT DISTINCT c.employee, s.day
      FROM fold_sum s JOIN fold_combination c USING (combination)
     WHERE c.employee <> ''
  ) p
  LEFT JOIN LATERAL (
    SELECT r.team FROM roster r
     WHERE r.org_id = $1 AND r.generation = $2 AND r.employee = p.employee
       AND r.effective_on <= p.day
     ORDER BY r.effective_on DESC, r.fact_key DESC
     LIMIT 1
  ) r ON true
"""

_WANTED = " UNION ALL ".join(
    [
        "SELECT 'total' AS slice, '' AS employee, '' AS account, '' AS team, '' AS network,"
        " '' AS campaign, '' AS content, '' AS channel",
        *(
            f"SELECT DISTINCT '{name}', "
            + ", ".join(
                name if column == name else "''"
                for column in (
                    "employee",
                    "account",
                    "team",
                    "network",
                    "campaign",
                    "content",
                    "channel",
                )
            )
            + f" FROM fold_combination WHERE {name} <> ''"
            for name in ("employee", "account", "network", "campaign", "content", "channel")
        ),
        "SELECT DISTINCT 'finest', employee, account, '', network, campaign, '', channel"
        " FROM fold_combination",
        "SELECT DISTINCT 'team', '', '', team, '', '', '', '' FROM fold_team",
        "SELECT DISTINCT 'team', '', '', team, '', '', '', '' FROM fold_move",
    ]
)

# Cells are looked up by key, one probe each; those not found get the next numbers.
_FIND_CELLS = f"""
INSERT INTO fold_cell
SELECT w.*, coalesce(c.cell, f.next_cell - 1 + row_number() OVER (PARTITION BY c.cell IS NULL)),
       c.cell IS NULL
  FROM (SELECT DISTINCT * FROM ({_WANTED}) w) w
 CROSS JOIN (
    SELECT next_cell FROM fold_cursor WHERE org_id = $1 AND generation = $2
 ) f
  LEFT JOIN LATERAL (
    SELECT c.cell FROM cell c
     WHERE c.org_id = $1 AND c.generation = $2 AND c.slice = w.slice
       AND c.employee = w.employee AND c.account = w.account AND c.team = w.team
       AND c.network = w.network AND c.campaign = w.campaign AND c.content = w.content
       AND c.channel = w.channel
     LIMIT 1
  ) c ON true
"""

_NAME_NEW_CELLS = """
WITH named AS (
    INSERT INTO cell (org_id, generation, cell, slice, employee, account, team, network, campaign,
                      content, channel)
    SELECT $1, $2, cell, slice, employee, account, team, network, campaign, content, channel
      FROM fold_cell WHERE is_new
    RETURNING 1
)
UPDATE fold_cursor SET next_cell = next_cell + (SELECT count(*) FROM named)
 WHERE org_id = $1 AND generation = $2 AND (SELECT count(*) FROM named) > 0
"""

_TARGETS = "INSERT INTO fold_target " + " UNION ALL ".join(
    [
        "SELECT c.combination, k.cell FROM fold_combination c JOIN fold_cell k"
        " ON k.slice = 'total'",
        *(
            f"SELECT c.combination, k.cell FROM fold_combination c JOIN fold_cell k"
            f" ON k.slice = '{name}' AND k.{name} = c.{name}"
            for name in ("employee", "account", "network", "campaign", "content", "channel")
        ),
        "SELECT c.combination, k.cell FROM fold_combination c JOIN fold_cell k"
        " ON k.slice = 'finest' AND k.employee = c.employee AND k.account = c.account"
        " AND k.network = c.network AND k.campaign = c.campaign AND k.channel = c.channel",
    ]
)

_NET = f"""
INSERT INTO fold_change
SELECT * FROM (
    SELECT family, cell, day, {each_slot("nullif(sum(q{slot}), 0) AS q{slot}")}
      FROM (
        SELECT s.family, t.cell, s.day, {each_slot("s.q{slot}")}
          FROM fold_sum s JOIN fold_target t USING (combination)
        UNION ALL
        SELECT s.family, k.cell, s.day, {each_slot("s.q{slot}")}
          FROM (
            SELECT s.*, c.employee
              FROM fold_sum s JOIN fold_combination c USING (combination)
            OFFSET 0 -- or the planner starts from the days, which everybody shares
          ) s
          JOIN fold_team t ON t.employee = s.employee AND t.day = s.day
          JOIN fold_cell k ON k.slice = 'team' AND k.team = t.team
        UNION ALL
        SELECT m.family, k.cell, m.day, {each_slot("m.q{slot}")}
          FROM fold_move m JOIN fold_cell k ON k.slice = 'team' AND k.team = m.team
      ) every
     GROUP BY family, cell, day
    OFFSET 0
) summed
 WHERE {_HAS_VALUE}
 ORDER BY family, cell, day
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
    for statement in (_COMBINE, _SUM, _TEAM):
        await run(connection, statement, org_id, generation)
    if has_roster_change:
        # The cells as they stood before this batch move with their people; the batch's own
        # deltas are booked under the new roster already.
        await run(connection, TEAM_MOVES, org_id, generation)
    for statement in (_FIND_CELLS, _NAME_NEW_CELLS, _TARGETS, _NET):
        await run(connection, statement, org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on)
    await connection.execute(BY_KEY)
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
