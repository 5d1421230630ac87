"""What is kept beside the ledger: the newest event of each source, and what was converted.

How fresh a source is, today or on a past day, is read off ``source_newest``; what a rate that is
put right restates is found in ``converted_fact``. No figure is made of either. Both are written
with the entries that they tell of, so they are laid beside the whole ledger, folded or not.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from services.metrics.verify.report import Check, Mismatch, Report

__all__ = ["BESIDE", "compare_beside", "mend_beside"]


class _Table(NamedTuple):
    """``wrong`` are the rows that differ, with what a person reads of them: who, day, and what.

    ``stored`` is null where there should be a row and is none, ``recomputed`` where there should be
    none. $1 is the organization. ``mend`` makes the rows right, under the lock of the head.
    """

    wrong: str
    mend: str


_COLUMNS: Final = (
    *("occurred_at", "day", "employee", "account", "network", "campaign", "content", "channel"),
    "subject",
)


def _said(entry: str) -> str:
    """Return what an entry says in its source's words: neither rates nor what amounts are worth."""
    columns = ", ".join(f"{entry}.{name}" for name in _COLUMNS)
    return f"""{columns}, ({entry}.payload::jsonb - ARRAY['amount', 'value', 'unit_rate'])
               #- '{{told,rate}}' #- '{{told,rate_from}}'"""


# An event counts from the day on which it was told, and as no later than that. A fact that is taken
# back and said again at another rate is no news: its source has not spoken.
_NEWEST: Final = f"""
WITH restated AS MATERIALIZED (
    SELECT s.position
      FROM ledger_entry t
      JOIN ledger_entry s ON s.org_id = t.org_id AND s.position = t.position + 1
                         AND s.fact_key = t.fact_key AND s.recorded_at = t.recorded_at
     WHERE t.org_id = $1 AND t.weight = -1 AND t.payload LIKE '%"told":{{%'
       AND s.weight = 1 AND s.payload LIKE '%"told":{{%' AND s.payload <> t.payload
       AND ({_said("s")}) IS NOT DISTINCT FROM ({_said("t")})
), told AS (
    SELECT e.source, (e.recorded_at AT TIME ZONE o.time_zone)::date AS known_on,
           max(least(e.occurred_at, e.recorded_at)) AS newest_at
      FROM ledger_entry e JOIN organization o ON o.id = e.org_id
     WHERE e.org_id = $1 AND e.weight = 1 AND e.position NOT IN (TABLE restated)
     GROUP BY 1, 2
)
SELECT source, known_on, held.newest_at AS stored, due.newest_at AS recomputed
  FROM (SELECT source, known_on, newest_at FROM source_newest WHERE org_id = $1) held
  FULL JOIN (
    SELECT *
      FROM (
        SELECT told.*, max(newest_at) OVER (
                   PARTITION BY source ORDER BY known_on
                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
          FROM told
      ) line
     WHERE before IS NULL OR newest_at > before
  ) due USING (source, known_on)
 WHERE held.newest_at IS DISTINCT FROM due.newest_at
"""
_MEND_NEWEST: Final = f"""
WITH wrong AS MATERIALIZED ({_NEWEST}), gone AS (
    DELETE FROM source_newest n USING wrong w
     WHERE n.org_id = $1 AND n.source = w.source AND n.known_on = w.known_on
       AND w.recomputed IS NULL
)
INSERT INTO source_newest (org_id, source, known_on, newest_at)
SELECT $1, source, known_on, recomputed FROM wrong WHERE recomputed IS NOT NULL
    ON CONFLICT (org_id, source, known_on) DO UPDATE SET newest_at = excluded.newest_at
"""

# Whatever was ever stated in a currency: facts told otherwise since are passed over when read.
_CONVERTED: Final = """
SELECT fact_key, currency, held.is_told AS stored, due.is_told AS recomputed
  FROM (SELECT fact_key, currency, true AS is_told FROM converted_fact WHERE org_id = $1) held
  FULL JOIN (
    SELECT DISTINCT fact_key, payload::jsonb #>> '{told,currency}' AS currency, true AS is_told
      FROM ledger_entry
     WHERE org_id = $1 AND weight = 1 AND payload LIKE '%"told":{%'
  ) due USING (fact_key, currency)
 WHERE held.is_told IS DISTINCT FROM due.is_told
"""
_MEND_CONVERTED: Final = f"""
WITH wrong AS MATERIALIZED ({_CONVERTED}), gone AS (
    DELETE FROM converted_fact c USING wrong w
     WHERE c.org_id = $1 AND c.currency = w.currency AND c.fact_key = w.fact_key AND w.stored
)
INSERT INTO converted_fact (org_id, currency, fact_key)
SELECT $1, currency, fact_key FROM wrong WHERE recomputed
"""

#: The tables that are kept beside the ledger.
BESIDE: Final = {
    "source_newest": _Table(
        f"""
        SELECT concat_ws(' ', 'source_newest', source) AS name, known_on AS day,
               stored::text AS stored, recomputed::text AS recomputed
          FROM ({_NEWEST}) wrong ORDER BY source, known_on
        """,
        _MEND_NEWEST,
    ),
    "converted_fact": _Table(
        f"""
        SELECT concat_ws(' ', 'converted_fact', encode(fact_key, 'hex')) AS name, NULL::date AS day,
               CASE WHEN stored THEN 'told in ' || currency END AS stored,
               CASE WHEN recomputed THEN 'told in ' || currency END AS recomputed
          FROM ({_CONVERTED}) wrong ORDER BY fact_key, currency
        """,
        _MEND_CONVERTED,
    ),
}


async def compare_beside(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    report: Report,
    tables: Iterable[str] = BESIDE,
) -> None:
    """Compare tables that are kept beside the ledger with all of its entries."""
    for table in tables:
        async for row in connection.cursor(BESIDE[table].wrong, org_id):
            report.add(Mismatch(Check.BESIDE, **row))


async def mend_beside(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Make the tables say what the entries do; appends wait until the transaction ends."""
    await connection.execute("SELECT FROM ledger_head WHERE org_id = $1 FOR UPDATE", org_id)
    for table in BESIDE.values():
        await connection.execute(table.mend, org_id)
