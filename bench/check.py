"""A fast wrong answer is worth nothing: what was folded is compared with what the ledger says."""

from decimal import Decimal
from uuid import UUID

import asyncpg

from bench.tenant import GENERATION

__all__ = ["WrongRollups", "check_rollups"]


class WrongRollups(AssertionError):
    """The rollups do not say what the ledger says."""


# Straight from the ledger's entries, with none of the fold's own queries.
_EXPECTED = """
WITH entry AS (
    SELECT kind, day, weight, payload::jsonb AS body, employee, subject, occurred_at, fact_key
      FROM ledger_entry WHERE org_id = $1
), reading AS (
    SELECT (array_agg(impressions ORDER BY occurred_at DESC, fact_key DESC)
            FILTER (WHERE impressions IS NOT NULL))[1] AS impressions,
           (array_agg(clicks ORDER BY occurred_at DESC, fact_key DESC)
            FILTER (WHERE clicks IS NOT NULL))[1] AS clicks
      FROM (
        SELECT subject, occurred_at, fact_key, (body ->> 'impressions')::numeric AS impressions,
               (body ->> 'clicks')::numeric AS clicks
          FROM entry WHERE kind = 'post.metrics'
         GROUP BY subject, occurred_at, fact_key, body HAVING sum(weight) > 0
      ) standing
     GROUP BY subject
), deal AS (
    SELECT body
      FROM entry WHERE kind = 'deal.changed' GROUP BY fact_key, body HAVING sum(weight) > 0
)
SELECT 'shares' AS name, sum(weight)::numeric AS expected
  FROM entry WHERE kind = 'post.published' AND employee IS NOT NULL
UNION ALL
SELECT 'clicks', sum(weight)
  FROM entry WHERE kind = 'link.clicked' AND (body ->> 'is_human')::boolean
UNION ALL
SELECT 'sessions', sum(weight * (body ->> 'sessions')::numeric)
  FROM entry WHERE kind = 'session.recorded' AND body ->> 'landing' = 'site'
UNION ALL
SELECT 'cost', sum(weight * (body ->> 'amount')::numeric) FROM entry WHERE kind = 'cost.booked'
UNION ALL
SELECT 'impressions',
       (SELECT sum(weight * (body ->> 'impressions')::numeric)
          FROM entry WHERE kind = 'engagement.daily') + (SELECT sum(impressions) FROM reading)
UNION ALL
SELECT 'network_clicks',
       (SELECT sum(weight * (body ->> 'clicks')::numeric)
          FROM entry WHERE kind = 'engagement.daily') + (SELECT sum(clicks) FROM reading)
UNION ALL
SELECT 'leads', sum(weight) FROM entry WHERE kind = 'lead.created'
UNION ALL
SELECT 'revenue_won', sum((body ->> 'amount')::numeric) FROM deal WHERE body ->> 'state' = 'won'
"""

_HELD = """
SELECT regexp_replace(r.measure, '_(advocacy|brand)$', '') AS name, sum(r.value) AS held
  FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND r.generation = $2 AND c.slice = $3
   AND r.measure = ANY ('{shares, clicks, sessions, cost, impressions_advocacy, impressions_brand,
        network_clicks_advocacy, network_clicks_brand, leads, revenue_won}'::text[])
 GROUP BY 1
"""

# Each model gives each credited conversion away exactly once.
_CREDITED_UNEVENLY = """
SELECT count(*) FROM (
    SELECT FROM credit WHERE org_id = $1 AND generation = $2
     GROUP BY kind, conversion, model HAVING sum(share) <> 1
) uneven
"""

_PER_PERSON = """
SELECT c.slice, r.measure, r.day, sum(r.value) AS value
  FROM rollup_value r JOIN cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND r.generation = $2 AND c.slice = '{slice}' GROUP BY 1, 2, 3
"""
_TEAMS_DIFFER = f"""
SELECT count(*)
  FROM ({_PER_PERSON.format(slice="team")}) t
  FULL JOIN ({_PER_PERSON.format(slice="employee")}) e USING (measure, day)
 WHERE coalesce(t.value, 0) <> coalesce(e.value, 0)
"""


async def check_rollups(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Compare totals and finest cells with the ledger, teams with their people, credit with 1.

    Raises:
        WrongRollups: something differs.
    """
    expected = await _amounts(connection, _EXPECTED, org_id)
    for slice_name in ("total", "finest"):
        held = await _amounts(connection, _HELD, org_id, GENERATION, slice_name)
        wrong = {
            name: (held.get(name), due)
            for name, due in expected.items()
            if held.get(name, 0) != due
        }
        if wrong:
            raise WrongRollups(f"{slice_name}: measure → (held, expected): {wrong}")
    for statement in (_CREDITED_UNEVENLY, _TEAMS_DIFFER):
        if differences := await connection.fetchval(statement, org_id, GENERATION):
            raise WrongRollups(f"{differences} rows of: {statement}")


async def _amounts(
    connection: "asyncpg.Connection[asyncpg.Record]", query: str, *arguments: object
) -> dict[str, Decimal]:
    rows = await connection.fetch(query, *arguments)
    return {name: amount or Decimal(0) for name, amount in rows}
