"""From deltas to rollups: expand each delta to its slices, and apply them once.

Cells are kept at the finest useful grain and pre-summed for what dashboards ask. Every slice is
the sum of the finest cells it covers; a team's is the sum over the people who were in it that day.
"""

from datetime import date
from uuid import UUID

import asyncpg

from services.metrics.keyed.roster import TEAM_MOVES
from services.metrics.sql import run

__all__ = ["apply_deltas"]

# One pass over the deltas. A slice exists for a value, not for its absence, except that people
# whose team is unknown form the team ''.
_EXPAND = """
INSERT INTO fold_slice
SELECT slice, employee, account, team, network, campaign, content, channel, measure, day, quantity
  FROM (
    SELECT CASE grouping(d.employee, d.account, d.network, d.campaign, d.content, d.channel, t.team)
               WHEN 127 THEN 'total' WHEN 126 THEN 'team'
               WHEN 63 THEN 'employee' WHEN 95 THEN 'account' WHEN 111 THEN 'network'
               WHEN 119 THEN 'campaign' WHEN 123 THEN 'content' WHEN 125 THEN 'channel'
               ELSE 'finest'
           END AS slice,
           coalesce(d.employee, '') AS employee, coalesce(d.account, '') AS account,
           coalesce(t.team, '') AS team, coalesce(d.network, '') AS network,
           coalesce(d.campaign, '') AS campaign, coalesce(d.content, '') AS content,
           coalesce(d.channel, '') AS channel, d.measure, d.day, sum(d.quantity) AS quantity,
           bool_or(d.employee <> '') AS has_employee
      FROM (
        SELECT measure, day, employee, account, network, campaign, content, channel,
               sum(quantity) AS quantity
          FROM fold_delta
         GROUP BY measure, day, employee, account, network, campaign, content, channel
        HAVING sum(quantity) <> 0
      ) d
      LEFT JOIN (
        SELECT p.employee, p.day, coalesce(r.team, '') AS team
          FROM (SELECT DISTINCT employee, day FROM fold_delta WHERE employee <> '') p
          LEFT JOIN LATERAL (
            SELECT r.team FROM roster r
             WHERE r.org_id = $1 AND r.generation = $2 AND r.employee = p.employee
               AND r.effective_on <= p.day
             ORDER BY r.effective_on DESC, r.fact_key DESC
             LIMIT 1
          ) r ON true
      ) t ON t.employee = d.employee AND t.day = d.day
     GROUP BY d.measure, d.day, GROUPING SETS (
        (), (d.employee), (d.account), (d.network), (d.campaign), (d.content), (d.channel),
        (t.team), (d.employee, d.account, d.network, d.campaign, d.channel)
     )
  ) expanded
 WHERE quantity <> 0 AND CASE slice
    WHEN 'employee' THEN employee <> '' WHEN 'account' THEN account <> ''
    WHEN 'network' THEN network <> '' WHEN 'campaign' THEN campaign <> ''
    WHEN 'content' THEN content <> '' WHEN 'channel' THEN channel <> ''
    WHEN 'team' THEN has_employee ELSE true END
"""

_NAME_NEW_CELLS = """
WITH wanted AS (
    SELECT DISTINCT slice, employee, account, team, network, campaign, content, channel
      FROM fold_slice
), missing AS (
    SELECT w.*, row_number() OVER () AS place
      FROM wanted w
      LEFT JOIN cell c
        ON c.org_id = $1 AND c.generation = $2 AND c.slice = w.slice
       AND c.employee = w.employee AND c.account = w.account AND c.team = w.team
       AND c.network = w.network AND c.campaign = w.campaign AND c.content = w.content
       AND c.channel = w.channel
     WHERE c.cell IS NULL
), named AS (
    INSERT INTO cell (org_id, generation, cell, slice, employee, account, team, network, campaign,
                      content, channel)
    SELECT $1, $2, f.next_cell + m.place - 1, m.slice, m.employee, m.account, m.team, m.network,
           m.campaign, m.content, m.channel
      FROM missing m, fold_cursor f
     WHERE f.org_id = $1 AND f.generation = $2
    RETURNING 1
)
UPDATE fold_cursor SET next_cell = next_cell + (SELECT count(*) FROM named)
 WHERE org_id = $1 AND generation = $2 AND (SELECT count(*) FROM named) > 0
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

_NET = """
INSERT INTO fold_change
SELECT s.measure, c.cell, s.day, sum(s.quantity)
  FROM fold_slice s
  JOIN cell c
    ON c.org_id = $1 AND c.generation = $2 AND c.slice = s.slice
   AND c.employee = s.employee AND c.account = s.account AND c.team = s.team
   AND c.network = s.network AND c.campaign = s.campaign AND c.content = s.content
   AND c.channel = s.channel
 GROUP BY s.measure, c.cell, s.day
HAVING sum(s.quantity) <> 0
 ORDER BY s.measure, c.cell, s.day
"""

_LOG = """
INSERT INTO rollup_change (org_id, generation, position, known_on, measure, cell, day, delta)
SELECT $1, $2, $3, $4, measure, cell, day, quantity FROM fold_change
"""

# The cursor's lock makes this the only writer of the generation, so a plain look before the write
# is enough, and cheaper than an upsert, which is prepared for a writer beside it. Each row is
# looked up by its key, in the key's order: other plans would read the whole of a long history.
_BY_KEY = "; ".join(
    f"SET LOCAL enable_{way} = {{0}}" for way in ("hashjoin", "mergejoin", "seqscan", "material")
)
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
    await connection.execute("ANALYZE fold_delta")
    await run(connection, _EXPAND, org_id, generation)
    if has_roster_change:
        # The cells as they stood before this batch move with their people; the batch's own
        # deltas were expanded with the new roster already.
        measures = await connection.fetch(_MEASURES_HELD, org_id, generation)
        await run(connection, TEAM_MOVES, org_id, generation, [row["measure"] for row in measures])
    await connection.execute("ANALYZE fold_slice")
    await run(connection, _NAME_NEW_CELLS, org_id, generation)
    await run(connection, _NET, org_id, generation)
    await run(connection, _LOG, org_id, generation, position, known_on)
    await connection.execute(_BY_KEY.format("off"))
    await run(connection, _APPLY, org_id, generation)
    await connection.execute(_BY_KEY.format("on"))
