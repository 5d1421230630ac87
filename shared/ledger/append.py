"""Append facts to an organization's ledger.

The guarantees, in the order they are made:

1. The head row is locked first, so appends of one organization happen one after another and a
   reader that has seen position N has seen everything below it, for ever.
2. Each item is judged against the current version of its identity: the highest revision wins
   whatever the order of arrival; the same content is skipped; other content is written as the
   retraction (-1) of the old entry followed by the new entry (+1); a deletion as the retraction
   alone. A retracted identity remembers its revision, so an older version cannot come back.
   All versions of an identity have revisions, or none has one; what would mix them is refused.
3. Amounts in other currencies are written as what they are worth on their day.
4. Positions are handed out without gaps and the head moves, in the caller's transaction: together
   with the poll cursor or the inbox row that the facts came from, or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared import clock
from shared.facts import Fact, Retraction
from shared.ledger.conversion import Inconvertible, converted, in_other_currencies
from shared.ledger.judge import Judgement, Known, judge
from shared.ledger.staging import MixedRevisions, Said, said
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


_COLUMNS = (
    "occurred_at, day, kind, source, external_id, employee, account, network, campaign, content, "
    "channel, subject, payload"
)
# COPY cannot write a table under row-level security, so a batch goes through a temporary one; and
# it goes there before the head is locked, so that other writers do not wait for its bytes.
_STAGING = """
CREATE TEMPORARY TABLE IF NOT EXISTS ledger_staging (
    index integer, content_hash bytea, revision bigint, fact_key bytea, occurred_at timestamptz,
    day date, kind text, source text, external_id text, employee text, account text, network text,
    campaign text, content text, channel text, subject text, payload text
) ON COMMIT DELETE ROWS
"""
_KNOWN = """
SELECT k.fact_key, h.content_hash, h.revision, h.position, h.is_retracted
  FROM unnest($2::bytea[]) k (fact_key)
 CROSS JOIN LATERAL (
    SELECT * FROM fact_head h WHERE h.org_id = $1 AND h.fact_key = k.fact_key LIMIT 1
 ) h
"""
_STATE = f"""
INSERT INTO ledger_entry (org_id, position, recorded_at, weight, fact_key, {_COLUMNS})
SELECT $1, p.position, $2, 1, fact_key, {_COLUMNS}
  FROM ledger_staging s
  JOIN unnest($3::integer[], $4::bigint[]) p (index, position) USING (index)
"""
_FIRST_HEADS = """
INSERT INTO fact_head (org_id, fact_key, content_hash, revision, position)
SELECT $1, fact_key, content_hash, revision, p.position
  FROM ledger_staging s
  JOIN unnest($2::integer[], $3::bigint[], $4::boolean[]) p (index, position, is_new) USING (index)
 WHERE p.is_new
 ORDER BY fact_key
"""
_WITHDRAW = f"""
WITH version AS (
    SELECT e.*, w.position AS until
      FROM unnest($3::bigint[], $4::bigint[]) w (position, stated_at)
     CROSS JOIN LATERAL (
        SELECT * FROM ledger_entry e WHERE e.org_id = $1 AND e.position = w.stated_at LIMIT 1
     ) e
), remembered AS (
    INSERT INTO fact_past (org_id, fact_key, position, until)
    SELECT org_id, fact_key, position, until FROM version
)
INSERT INTO ledger_entry (org_id, position, recorded_at, weight, fact_key, {_COLUMNS})
SELECT org_id, until, $2, -1, fact_key, {_COLUMNS} FROM version
"""
_HEADS = """
INSERT INTO fact_head (org_id, fact_key, content_hash, revision, position, is_retracted)
SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::boolean[])
    h (fact_key, content_hash, revision, position, is_retracted)
 ORDER BY fact_key
    ON CONFLICT (org_id, fact_key) DO UPDATE
   SET content_hash = excluded.content_hash, revision = excluded.revision,
       position = excluded.position, is_retracted = excluded.is_retracted
"""


async def append(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    items: Sequence[Fact | Retraction],
    *,
    received_at: datetime | None = None,
    said_at: datetime | None = None,
) -> AppendResult:
    """Append ``items`` in the caller's open transaction and return what became of them.

    Call it last in the transaction: from its end to the commit, other writers of this organization
    wait. The number of statements does not depend on the size of the batch.

    ``received_at`` is now unless told otherwise. ``said_at`` stands in for the revision of items
    that have none; it differs from ``received_at`` for what was kept for a while, so that an old
    record read late does not displace a newer one.

    Raises:
        FactRejected: an item cannot be taken; nothing was written.
    """
    received_at = received_at or clock.now()
    try:
        rows = await said(items, org.zone, said_at or received_at)
        if foreign := in_other_currencies(org, items):
            rows = await converted(connection, org, rows, foreign)
    except MixedRevisions as mixed:
        raise _refused(items, mixed) from None
    except Inconvertible as amount:
        index = next(n for n, item in enumerate(items) if item.identity.key == amount.fact_key)
        raise FactRejected(index, amount.code, amount.message) from None
    await _stage(connection, rows)
    head = await connection.fetchrow(
        "SELECT position, recorded_at FROM ledger_head WHERE org_id = $1 FOR UPDATE", org.id
    )
    assert head is not None, "an organization is created together with its ledger head"
    found = await connection.fetch(_KNOWN, org.id, [row.fact_key for row in rows])
    known = {row[0]: Known(*row[1:]) for row in map(tuple, found)}
    try:
        judgement = judge(rows, known, head["position"])
    except MixedRevisions as mixed:
        # The caller may go on without the item, in this transaction.
        await connection.execute("TRUNCATE ledger_staging")
        raise _refused(items, mixed) from None
    # Time in the ledger never runs backwards, even when the clocks of two writers disagree.
    await _write(connection, org.id, judgement, max(received_at, head["recorded_at"]))
    metrics.LEDGER_ENTRIES.labels("credit").inc(len(judgement.stated))
    metrics.LEDGER_ENTRIES.labels("reversal").inc(len(judgement.withdrawn))
    return AppendResult(
        inserted=judgement.inserted,
        unchanged=judgement.unchanged,
        corrected=judgement.corrected,
        retracted=judgement.retracted,
        stale=judgement.stale,
        position=judgement.position,
    )


async def _stage(connection: "asyncpg.Connection[asyncpg.Record]", rows: Sequence[Said]) -> None:
    await connection.execute(_STAGING)
    await connection.copy_records_to_table(
        "ledger_staging",
        records=[
            (index, row.content_hash, row.revision, row.fact_key, *row.columns)
            for index, row in enumerate(rows)
            if not row.is_retraction
        ],
    )


async def _write(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    judgement: Judgement,
    recorded_at: datetime,
) -> None:
    if judgement.stated:
        indexes, positions, are_new = map(list, zip(*judgement.stated, strict=True))
        await connection.execute(_STATE, org_id, recorded_at, indexes, positions)
        await connection.execute(_FIRST_HEADS, org_id, indexes, positions, are_new)
    await connection.execute("TRUNCATE ledger_staging")
    if judgement.withdrawn:
        withdrawn, stated_at = map(list, zip(*judgement.withdrawn, strict=True))
        await connection.execute(_WITHDRAW, org_id, recorded_at, withdrawn, stated_at)
    heads = judgement.tombstones + judgement.changed_heads
    if heads:
        columns = [list(column) for column in zip(*heads, strict=True)]
        await connection.execute(_HEADS, org_id, *columns)
    if judgement.stated or judgement.withdrawn:
        await connection.execute(
            "UPDATE ledger_head SET position = $2, recorded_at = $3 WHERE org_id = $1",
            org_id,
            judgement.position,
            recorded_at,
        )


def _refused(items: Sequence[Fact | Retraction], mixed: MixedRevisions) -> FactRejected:
    """Return the refusal of the first item that is not as the version before it was."""
    has_revision = mixed.revision >= 0
    index = next(
        index
        for index, item in enumerate(items)
        if item.identity.key == mixed.fact_key and (item.revision is not None) != has_revision
    )
    if has_revision:
        return FactRejected(
            index,
            "revision_missing",
            f"the version before has revision {mixed.revision}; give one with each version, and"
            " with the deletion",
        )
    return FactRejected(
        index, "revision_unexpected", "the version before has no revision; give none"
    )
