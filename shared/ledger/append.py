"""Append facts to an organization's ledger.

The guarantees, in the order they are made:

1. The head row is locked first, so appends of one organization happen one after another and a
   reader that has seen position N has seen everything below it, for ever.
2. Each item is judged against the current version of its identity: the highest revision wins
   whatever the order of arrival; the same content is skipped; other content is written as the
   retraction (-1) of the old entry followed by the new entry (+1); a deletion as the retraction
   alone. A retracted identity remembers its revision, so an older version cannot come back.
3. Positions are handed out without gaps and the head moves, in the caller's transaction: together
   with the poll cursor or the inbox row that the facts came from, or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared import clock
from shared.facts import Fact, Retraction
from shared.ledger.staging import STAGED_COLUMNS, STAGING_TABLE, stage_rows
from shared.observability import metrics
from shared.orgs import Org

__all__ = ["AppendResult", "FactRejected", "append"]


class FactRejected(ValueError):
    """An item cannot be appended; nothing was written.

    ``index`` is its place in the batch, ``code`` a stable name of the reason.
    """

    def __init__(self, index: int, code: str, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of a batch, in items; ``position`` is the ledger's head afterwards.

    ``stale`` counts versions older than what the ledger already holds. Several versions of one
    identity in the same batch count as the winning one only.
    """

    inserted: int
    unchanged: int
    corrected: int
    retracted: int
    stale: int
    position: int

    @property
    def changed(self) -> int:
        """Return how many items changed the ledger."""
        return self.inserted + self.corrected + self.retracted


_APPEND = f"""
WITH judged AS MATERIALIZED (
    SELECT s.*, h.position AS old_position,
           CASE
               WHEN h.fact_key IS NULL
                   THEN CASE WHEN s.is_retraction THEN 'tombstone' ELSE 'inserted' END
               WHEN s.revision < h.revision THEN 'stale'
               WHEN s.is_retraction
                   THEN CASE WHEN h.is_retracted THEN 'confirmed' ELSE 'retracted' END
               WHEN h.is_retracted
                   THEN CASE WHEN s.revision > h.revision THEN 'revived' ELSE 'stale' END
               WHEN s.content_hash = h.content_hash THEN 'confirmed'
               WHEN s.revision = h.revision AND s.content_hash < h.content_hash THEN 'stale'
               ELSE 'corrected'
           END AS verdict,
           s.revision > h.revision AS is_newer
      FROM {STAGING_TABLE} s
      LEFT JOIN fact_head h ON h.org_id = $1 AND h.fact_key = s.fact_key
), placed AS MATERIALIZED (
    SELECT j.*,
           $2::bigint + sum(CASE verdict WHEN 'corrected' THEN 2 ELSE 1 END)
               OVER (ORDER BY ord ROWS UNBOUNDED PRECEDING) AS last_position
      FROM judged j
     WHERE verdict IN ('inserted', 'corrected', 'retracted', 'revived')
), withdrawn AS (
    INSERT INTO ledger_entry
    SELECT e.org_id,
           CASE p.verdict WHEN 'corrected' THEN p.last_position - 1 ELSE p.last_position END,
           $3, e.occurred_at, e.day, -1, e.kind, e.fact_key, e.source, e.external_id,
           e.employee, e.account, e.network, e.campaign, e.content, e.channel, e.subject, e.payload
      FROM placed p
      JOIN ledger_entry e ON e.org_id = $1 AND e.position = p.old_position
     WHERE p.verdict IN ('corrected', 'retracted')
), written AS (
    INSERT INTO ledger_entry
    SELECT $1, last_position, $3, occurred_at, day, 1, kind, fact_key, source, external_id,
           employee, account, network, campaign, content, channel, subject, payload
      FROM placed
     WHERE verdict IN ('inserted', 'corrected', 'revived')
), first_said AS (
    INSERT INTO fact_head
    SELECT $1, j.fact_key, j.content_hash, j.revision, coalesce(p.last_position, 0), j.is_retraction
      FROM judged j LEFT JOIN placed p USING (ord)
     WHERE j.verdict IN ('inserted', 'tombstone')
), said_again AS (
    UPDATE fact_head h
       SET content_hash = CASE WHEN p.ord IS NULL OR j.is_retraction
                               THEN h.content_hash ELSE j.content_hash END,
           revision = j.revision,
           position = coalesce(p.last_position, h.position),
           is_retracted = CASE WHEN p.ord IS NULL THEN h.is_retracted ELSE j.is_retraction END
      FROM judged j LEFT JOIN placed p USING (ord)
     WHERE h.org_id = $1 AND h.fact_key = j.fact_key
       AND (j.verdict IN ('corrected', 'retracted', 'revived')
            OR (j.verdict = 'confirmed' AND j.is_newer))
), moved AS (
    UPDATE ledger_head
       SET position = greatest(position, (SELECT max(last_position) FROM placed)),
           recorded_at = $3
     WHERE org_id = $1
)
SELECT count(*) FILTER (WHERE verdict IN ('inserted', 'revived')) AS inserted,
       count(*) FILTER (WHERE verdict IN ('confirmed', 'tombstone')) AS unchanged,
       count(*) FILTER (WHERE verdict = 'corrected') AS corrected,
       count(*) FILTER (WHERE verdict = 'retracted') AS retracted,
       count(*) FILTER (WHERE verdict = 'stale') AS stale,
       greatest($2::bigint, (SELECT max(last_position) FROM placed)) AS position
  FROM judged
"""


async def append(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    items: Sequence[Fact | Retraction],
    *,
    received_at: datetime | None = None,
) -> AppendResult:
    """Append ``items`` in the caller's open transaction and return what became of them.

    Call it last in the transaction: from here to the commit, other writers of this organization
    wait. One COPY and one statement, whatever the size of the batch.

    Raises:
        FactRejected: an item cannot be taken; nothing was written.
    """
    received_at = received_at or clock.now()
    _refuse_foreign_currency(org, items)
    rows = stage_rows(items, org.zone, received_at)
    head = await connection.fetchrow(
        "SELECT position, recorded_at FROM ledger_head WHERE org_id = $1 FOR UPDATE", org.id
    )
    assert head is not None, "an organization is created together with its ledger head"
    if not rows:
        return AppendResult(0, 0, 0, 0, 0, head["position"])
    await connection.execute(STAGED_COLUMNS.create_statement)
    await connection.copy_records_to_table(STAGING_TABLE, records=rows)
    # Time in the ledger never runs backwards, even when the clocks of two writers disagree.
    recorded_at = max(received_at, head["recorded_at"])
    counts = await connection.fetchrow(_APPEND, org.id, head["position"], recorded_at)
    assert counts is not None
    await connection.execute(f"TRUNCATE {STAGING_TABLE}")
    result = AppendResult(**counts)
    metrics.LEDGER_ENTRIES.labels("credit").inc(result.inserted + result.corrected)
    metrics.LEDGER_ENTRIES.labels("reversal").inc(result.corrected + result.retracted)
    return result


def _refuse_foreign_currency(org: Org, items: Sequence[Fact | Retraction]) -> None:
    for index, item in enumerate(items):
        currency = getattr(item, "currency", None)
        if currency is not None and currency != org.currency:
            raise FactRejected(
                index,
                "currency_mismatch",
                f"amounts of this organization are in {org.currency}",
            )
