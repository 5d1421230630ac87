"""The heads of the facts: which version of each is current, laid beside the ledger's entries.

Explanations find a fact's entry by its head, and a new version is judged against it: a wrong head
gives a figure another source, and counts the next correction twice.
"""

from uuid import UUID

import asyncpg

from services.metrics.sql import run
from services.metrics.verify.contents import mend_contents
from services.metrics.verify.ledger import Stretch
from services.metrics.verify.report import Check, Mismatch, Report

__all__ = ["compare_heads", "compare_heads_of", "mend_heads"]

# A fact that was withdrawn before it was ever stated has a head and no entry.
_WRONG_HEADS = """
SELECT fact_key, h.position AS stored, h.is_retracted AS stored_as_retracted, due.position,
       due.is_retracted
  FROM (SELECT * FROM fact_head WHERE org_id = $1 AND position > 0) h
  FULL JOIN (
    SELECT fact_key, max(position) AS position,
           max(position) IS DISTINCT FROM max(position) FILTER (WHERE weight = 1) AS is_retracted
      FROM ledger_entry
     WHERE org_id = $1
     GROUP BY fact_key
  ) due USING (fact_key)
 WHERE (h.position, h.is_retracted) IS DISTINCT FROM (due.position, due.is_retracted)
"""
# $2 is how far the versions of ``verify_version`` go.
_WRONG_VERSIONS = """
SELECT fact_key, position, until, bool_or(is_held) AS is_held
  FROM (
    SELECT fact_key, position, until, true AS is_held
      FROM fact_past WHERE org_id = $1 AND until <= $2
    UNION ALL
    SELECT fact_key, position, until, false FROM verify_version WHERE until <= $2
  ) told
 GROUP BY fact_key, position, until
HAVING count(*) = 1
"""
# The same of the entries from $2 to $3, each by its key. What is stated there is current, or was
# until it was taken back; what is taken back there is told by both.
_WRONG_IN_STRETCH = """
SELECT e.fact_key, e.position, e.weight, h.position AS head, h.is_retracted
  FROM ledger_entry e
  LEFT JOIN LATERAL (
    SELECT * FROM fact_head WHERE org_id = $1 AND fact_key = e.fact_key LIMIT 1
  ) h ON true
  LEFT JOIN LATERAL (
    SELECT true AS is_told
      FROM fact_past
     WHERE org_id = $1 AND fact_key = e.fact_key
       AND CASE e.weight WHEN 1 THEN position ELSE until END = e.position
     LIMIT 1
  ) past ON true
 WHERE e.org_id = $1 AND e.position BETWEEN $2 AND $3
   AND NOT coalesce(
        CASE e.weight
            WHEN 1 THEN h.position = e.position AND NOT h.is_retracted
                        OR h.position > e.position AND past.is_told
            ELSE past.is_told
                 AND (h.position > e.position OR h.position = e.position AND h.is_retracted)
        END, false)
"""
_POINT_HEADS = f"""
UPDATE fact_head h SET position = wrong.position, is_retracted = wrong.is_retracted
  FROM ({_WRONG_HEADS}) wrong
 WHERE h.org_id = $1 AND h.fact_key = wrong.fact_key AND wrong.position IS NOT NULL
"""
# What a lost head had remembered is gone. Whatever comes next differs from no content, and is newer
# than a revision of 0, or than the beginning of time where the source gives none: as others of it.
_GIVE_HEADS = f"""
INSERT INTO fact_head (org_id, fact_key, content_hash, revision, position, is_retracted)
SELECT $1, wrong.fact_key, '', coalesce(alike.revision, {-(2**62)}), wrong.position,
       wrong.is_retracted
  FROM ({_WRONG_HEADS}) wrong
  JOIN ledger_entry e ON e.org_id = $1 AND e.position = wrong.position
  LEFT JOIN LATERAL (
    SELECT CASE WHEN h.revision < 0 THEN {-(2**62)} ELSE 0 END AS revision
      FROM ledger_entry other JOIN fact_head h USING (org_id, fact_key)
     WHERE other.org_id = $1 AND other.source = e.source AND other.kind = e.kind
     LIMIT 1
  ) alike ON true
 WHERE wrong.stored IS NULL
"""
_GIVE_VERSIONS = f"""
INSERT INTO fact_past (org_id, fact_key, position, until)
SELECT $1, fact_key, position, until FROM ({_WRONG_VERSIONS}) wrong
 WHERE NOT is_held
    ON CONFLICT DO NOTHING
"""


async def compare_heads(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, position: int, report: Report
) -> None:
    """Compare the heads with all entries, and earlier versions with ``verify_version``."""
    async for row in connection.cursor(_WRONG_HEADS, org_id):
        report.add(
            Mismatch(
                Check.HEADS,
                f"fact_head {row['fact_key'].hex()}",
                _head(row["stored"], row["stored_as_retracted"]),
                _head(row["position"], row["is_retracted"]),
            )
        )
    async for row in connection.cursor(_WRONG_VERSIONS, org_id, position):
        said = f"entries {row['position']} to {row['until']}"
        name = f"fact_past {row['fact_key'].hex()}"
        stored, recomputed = (said, None) if row["is_held"] else (None, said)
        report.add(Mismatch(Check.HEADS, name, stored, recomputed))


async def compare_heads_of(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    stretch: Stretch,
    report: Report,
) -> None:
    """Compare heads and earlier versions of the facts of a stretch of the ledger with it."""
    async for row in connection.cursor(_WRONG_IN_STRETCH, org_id, *stretch):
        said = f"entry {row['position']}" + (", withdrawn" if row["weight"] < 0 else "")
        name = f"fact_head {row['fact_key'].hex()}"
        report.add(Mismatch(Check.HEADS, name, _head(row["head"], row["is_retracted"]), said))


def _head(position: int | None, is_retracted: bool | None) -> str | None:
    if position is None:
        return None
    return f"entry {position}, withdrawn" if is_retracted else f"entry {position}"


async def mend_heads(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, position: int
) -> None:
    """Make the heads say what the entries do, after :func:`compare_heads` in one transaction.

    Appends wait until it ends. A version too many in ``fact_past`` stays: nobody deletes there.
    """
    await connection.execute("SELECT FROM ledger_head WHERE org_id = $1 FOR UPDATE", org_id)
    for statement in (_POINT_HEADS, _GIVE_HEADS, _GIVE_VERSIONS):
        await run(connection, statement, org_id, position)
    await mend_contents(connection, org_id)
