"""Rates as causes of a move: those that price a figure, and those that amounts are converted at."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from shared.kpis.assumptions import EXCHANGE_RATE
from shared.orgs import Org

__all__ = ["days_of_rates", "rates_of_entries", "rates_stated"]

_DAYS: Final = """
SELECT DISTINCT (recorded_at AT TIME ZONE $3)::date AS known_on
  FROM public.assumption
 WHERE org_id = $1 AND key = ANY ($2::text[]) AND recorded_at >= $4
"""
_SHOWN: Final = "a.key, a.effective_from, a.version, a.value, a.source, a.recorded_at"
_STATED: Final = f"""
SELECT {_SHOWN}
  FROM public.assumption a
 WHERE a.org_id = $1 AND a.key = ANY ($2::text[]) AND a.recorded_at >= $3 AND a.recorded_at < $4
 ORDER BY a.recorded_at, a.key, a.version
"""
# A correction takes the version before back at the position before its own. Where that was told in
# the same currency, and converted at another rate, it is the rate that moved something.
_CONVERTED_AT: Final = f"""
SELECT DISTINCT {_SHOWN}
  FROM unnest($2::bigint[]) p (position)
 CROSS JOIN LATERAL (
    SELECT fact_key, recorded_at, payload::jsonb -> 'told' AS told
      FROM public.ledger_entry
     WHERE org_id = $1 AND position = p.position AND weight = 1 OFFSET 0
 ) e
 CROSS JOIN LATERAL (
    SELECT payload::jsonb -> 'told' AS told
      FROM public.ledger_entry
     WHERE org_id = $1 AND position = p.position - 1 AND weight = -1 AND fact_key = e.fact_key
    OFFSET 0
 ) b
 CROSS JOIN LATERAL (
    SELECT * FROM public.assumption
     WHERE org_id = $1 AND key = '{EXCHANGE_RATE}' || (e.told ->> 'currency') AND network = ''
       AND effective_from = (e.told ->> 'rate_from')::date
       AND value = (e.told ->> 'rate')::numeric
     -- The same rate may be stated again later: that one moved nothing.
     ORDER BY recorded_at <= e.recorded_at DESC, version DESC
     LIMIT 1
 ) a
 WHERE b.told ->> 'currency' = e.told ->> 'currency'
   AND (b.told ->> 'rate', b.told ->> 'rate_from')
       IS DISTINCT FROM (e.told ->> 'rate', e.told ->> 'rate_from')
 ORDER BY a.recorded_at, a.key, a.version
"""


async def days_of_rates(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    keys: Sequence[str],
    since: datetime,
) -> set[date]:
    """Return the days on which rates of ``keys`` were stated, from ``since`` on."""
    rows = await connection.fetch(_DAYS, org.id, list(keys), org.zone.key, since)
    return {row["known_on"] for row in rows}


async def rates_stated(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    keys: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[dict[str, Any]]:
    """Return the statements of ``keys`` made from ``since`` until, and without, ``until``."""
    rows = await connection.fetch(_STATED, org_id, list(keys), since, until)
    return [dict(row) for row in rows]


async def rates_of_entries(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, positions: Sequence[int]
) -> list[dict[str, Any]]:
    """Return the exchange rates that entries were converted at otherwise than those before them."""
    rows = await connection.fetch(_CONVERTED_AT, org_id, list(positions))
    return [dict(row) for row in rows]
