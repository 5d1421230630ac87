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
   with the poll cursor or the inbox row that the facts came from, or not at all. The newest event
   of each source moves with it, and what was told in another currency is found by that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared import clock
from shared.facts import Fact, Retraction
from shared.ledger.conversion import (
    Inconvertible,
    converted,
    in_other_currencies,
    remember_converted,
)
from shared.ledger.judge import Known, judge
from shared.ledger.staging import MixedRevisions, Said, said
from shared.ledger.writing import lock_head, stage, write
from shared.orgs import Org

__all__ = ["AppendResult", "FactRejected", "append"]


class FactRejected(ValueError):
    """An item cannot be appended; nothing was written.

    ``index`` is its place in the batch, ``field`` what of it is at fault, ``code`` a stable name
    of the reason.
    """

    def __init__(self, index: int, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.field = field
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

    @property
    def stretch(self) -> dict[str, int]:
        """Return the positions that were written, as fields of a log line; none if nothing was.

        Whoever appends logs them after the commit. They lead from a request, a delivery or a page
        to the fold that made figures of it, and back: see docs/runbooks/README.md.
        """
        if not self.changed:
            return {}
        # A correction is two entries: what was said is taken back, what is said is stated.
        first = self.position - self.changed - self.corrected + 1
        return {"first_position": first, "last_position": self.position}


_KNOWN = """
SELECT k.fact_key, h.content_hash, h.revision, h.position, h.is_retracted
  FROM unnest($2::bytea[]) k (fact_key)
 CROSS JOIN LATERAL (
    SELECT * FROM fact_head h WHERE h.org_id = $1 AND h.fact_key = k.fact_key LIMIT 1
 ) h
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

    ``received_at`` is now unless told otherwise; items without a revision are the newest word of
    their source, whatever the clock of who took the word before. ``said_at`` is given for what was
    kept for a while and says when that was: an old record read late does not displace a newer one.

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
        raise FactRejected(index, amount.field, amount.code, amount.message) from None
    await stage(connection, rows)
    # In their order: what lies side by side in the index is looked up one after the other.
    keys = sorted(row.fact_key for row in rows)
    position, recorded_at = await lock_head(connection, org.id)
    found = await connection.fetch(_KNOWN, org.id, keys)
    known = {row[0]: Known(*row[1:]) for row in map(tuple, found)}
    if said_at is None and known:
        rows = [_last_word(row, known[row[0]]) if row[0] in known else row for row in rows]
    try:
        judgement = judge(rows, known, position)
    except MixedRevisions as mixed:
        raise _refused(items, mixed) from None
    if foreign:
        stated = zip(rows, judgement.stated, strict=True)
        await remember_converted(
            connection, org, [row for row, at in stated if at and row.fact_key in foreign]
        )
    # Time in the ledger never runs backwards, even when the clocks of two writers disagree.
    await write(connection, org, rows, judgement, max(received_at, recorded_at))
    return AppendResult(
        inserted=judgement.inserted,
        unchanged=judgement.unchanged,
        corrected=judgement.corrected,
        retracted=judgement.retracted,
        stale=judgement.stale,
        position=judgement.position,
    )


def _last_word(row: Said, current: Known) -> Said:
    """Return a version that has no number of its own as one that comes after the known version."""
    if max(row.revision, current.revision) >= 0:
        return row
    return row._replace(revision=max(row.revision, current.revision + 1))


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
            "revision",
            "revision_missing",
            f"the version before has revision {mixed.revision}; give one with each version, and"
            " with the deletion",
        )
    return FactRejected(
        index, "revision", "revision_unexpected", "the version before has no revision; give none"
    )
