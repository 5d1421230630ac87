"""From deltas to rollups: expand each delta to its slices, and apply them once.

Cells are kept at the finest useful grain and pre-summed for what dashboards ask. Every slice is
the sum of the finest cells it covers; a team's is the sum over the people who were in it that day.
"""

from datetime import date
from uuid import UUID

import asyncpg

from services.metrics.keyed.roster import TEAM_MOVES
from services.metrics.sql import BY_KEY, run

__all__ = ["apply_deltas"]

# Who and where are texts; from here on each combination that the batch knows is a number.
_COMBINE = """
INSERT INTO fold_combination (combination, employee, account, network, campaign, content, channel)
SELECT row_number() OVER (), d.*
  FROM (SELECT DISTINCT employee, account, network, campaign, content, channel FROM fold_delta) d
"""

_SUM = """
INSERT INTO fold_sum
SELECT c.combination, d.measure, d.day, sum(d.quantity)
  FROM fold_delta d
  JOIN fold_combination c
    ON c.employee = d.employee AND c.account = d.account AND c.network = d.network
   AND c.campaign = d.campaign AND c.content = d.content AND c.channel = d.channel
 GROUP BY c.combination, d.measure, d.day
HAVING sum(d.quantity) <> 0
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

_NET = """
INSERT INTO fold_change
SELECT measure, cell, day, sum(quantity)
  FROM (
    SELECT s.measure, t.cell, s.day, s.quantity
      FROM fold_sum s JOIN fold_target t USING (combination)
    UNION ALL
    SELECT s.measure, k.cell, s.day, s.quantity
      FROM (
        SELECT s.measure, s.day, s.quantity, c.employee
          FROM fold_sum s JOIN fold_combination c USING (combination)
        OFFSET 0 -- or the planner starts from the days, which everybody shares
      ) s
      JOIN fold_team t ON t.employee = s.employee AND t.day = s.day
      JOIN fold_cell k ON k.slice = 'team' AND k.team = t.team
    UNION ALL
    SELECT m.measure, k.cell, m.day, m.quantity
      FROM fold_move m JOIN fold_cell k ON k.slice = 'team' AND k.team = m.team
  ) every
 GROUP BY measure, cell, day
HAVING sum(quantity) <> 0
 ORDER BY measure, cell, day
"""

# Distinct by hopping along the primary key: as many probes as there are measures.
_MEASURES_HELD = """
WITH RECURSIVE held AS (
    (SELECT measure FROM rollup WHERE org_id = $1 AND generation = $2 ORDER BY measure LIMIT 1)
    UNION ALL
    SELECT (SELECT r.measure FROM rollup r
             WHERE r.org_id = $1 AND r.generation = $2 AND r.measure > held.measure
             ORDER BY r.measure LIMIT 1)
      FROM held WHERE held.measure IS NOT NULL
)
SELECT measure FROM held WHERE measure IS NOT NULL
"""

_LOG = """
INSERT INTO rollup_change (org_id, generation, position, known_on, measure, cell, day, delta)
SELECT $1, $2, $3, $4, measure, cell, day, quantity FROM fold_change
"""

# The cursor's lock makes this the only writer of the generation, so a plain look before the write
# is enough, and cheaper than an upsert, which is prepared for a writer beside it. Rows come in the
# order of the key.
_APPLY = """
MERGE INTO rollup r
USING fold_change d
   ON r.org_id = $1 AND r.generation = $2 AND r.measure = d.measure AND r.cell = d.cell
  AND r.day = d.day
 WHEN MATCHED THEN UPDATE SET value = r.value + d.quantity
 WHEN NOT MATCHED THEN INSERT (org_id, generation, measure, cell, day, value)
      VALUES ($1, $2, d.measure, d.cell, d.day, d.quantity)
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
    for statement in (_COMBINE, _SUM, _TEAM):
        await run(connection, statement, org_id, generation)
    if has_roster_change:
        # The cells as they stood before this batch move with their people; the batch's own
        # deltas are booked under the new roster already.
        measures = await connection.fetch(_MEASURES_HELD, org_id, generation)
        await run(connection, TEAM_MOVES, org_id, generation, [row["measure"] for row in measures])
    for statement in (_FIND_CELLS, _NAME_NEW_CELLS, _TARGETS, _NET):
        await run(connection, statement, org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on)
    await connection.execute(BY_KEY)
    await run(connection, _APPLY, org_id, generation)
