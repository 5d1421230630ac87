"""Write entries and heads: what both appending and converting anew end with.

Whoever writes holds the lock of the head. An append stages its entries before it takes the lock, so
that other writers of the organization do not wait for a batch's bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared import clock
from shared.ledger.judge import Judgement
from shared.ledger.staging import Said
from shared.observability import metrics
from shared.orgs import Org

__all__ = ["COLUMNS", "lock_head", "stage", "write"]

#: Those of an entry after its key, in the order of :class:`Said`.
COLUMNS: Final = (
    "occurred_at, day, kind, source, external_id, employee, account, network, campaign, content, "
    "channel, subject, payload"
)
# COPY cannot write a table under row-level security, so a batch goes through a temporary one. It is
# empty, unless the transaction has appended before.
_STAGING: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS ledger_staging (
    index integer, content_hash bytea, revision bigint, fact_key bytea, occurred_at timestamptz,
    day date, kind text, source text, external_id text, employee text, account text, network text,
    campaign text, content text, channel text, subject text, payload text
) ON COMMIT DELETE ROWS;
DELETE FROM ledger_staging
"""
# Positions are looked up in their array: to join it would cost a third more.
_POSITION: Final = "($3::bigint[])[index]"
_STATE: Final = f"""
WITH stated AS (
    INSERT INTO ledger_entry (org_id, position, recorded_at, weight, fact_key, {COLUMNS})
    SELECT $1, abs({_POSITION}), $2, 1, fact_key, {COLUMNS}
      FROM ledger_staging
     WHERE {_POSITION} <> 0
)
INSERT INTO fact_head (org_id, fact_key, content_hash, revision, position)
SELECT $1, fact_key, content_hash, revision, {_POSITION}
  FROM ledger_staging
 WHERE {_POSITION} > 0
 ORDER BY fact_key
"""
_WITHDRAW: Final = f"""
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
INSERT INTO ledger_entry (org_id, position, recorded_at, weight, fact_key, {COLUMNS})
SELECT org_id, until, $2, -1, fact_key, {COLUMNS} FROM version
"""
_HEADS: Final = """
INSERT INTO fact_head (org_id, fact_key, content_hash, revision, position, is_retracted)
SELECT $1, * FROM unnest($2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[], $6::boolean[])
    h (fact_key, content_hash, revision, position, is_retracted)
 ORDER BY fact_key
    ON CONFLICT (org_id, fact_key) DO UPDATE
   SET content_hash = excluded.content_hash, revision = excluded.revision,
       position = excluded.position, is_retracted = excluded.is_retracted
"""
# Days of recording never run backwards: the last row of a source has its newest event so far.
_MOVE_HEAD: Final = """
WITH newer AS (
    INSERT INTO source_newest (org_id, source, known_on, newest_at)
    SELECT $1, t.source, $4, t.newest_at
      FROM unnest($5::text[], $6::timestamptz[]) t (source, newest_at)
      LEFT JOIN LATERAL (
        SELECT newest_at FROM source_newest s
         WHERE s.org_id = $1 AND s.source = t.source
         ORDER BY s.known_on DESC
         LIMIT 1
      ) s ON true
     WHERE s.newest_at IS NULL OR t.newest_at > s.newest_at
        ON CONFLICT (org_id, source, known_on) DO UPDATE SET newest_at = excluded.newest_at
)
UPDATE ledger_head SET position = $2, recorded_at = $3 WHERE org_id = $1
"""


async def stage(connection: "asyncpg.Connection[asyncpg.Record]", rows: Sequence[Said]) -> None:
    """Put what is to be stated where :func:`write` takes it from, by its index: the first is 1."""
    await connection.execute(_STAGING)
    await connection.copy_records_to_table(
        "ledger_staging",
        records=(
            # Put together, not unpacked: in a third of the time.
            (index, content_hash, revision, fact_key) + columns  # noqa: RUF005
            for index, (fact_key, revision, is_retraction, content_hash, columns) in enumerate(
                rows, 1
            )
            if not is_retraction
        ),
    )


async def lock_head(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID
) -> tuple[int, datetime]:
    """Return the last position and when it was recorded; other writers wait until the commit."""
    head = await connection.fetchrow(
        "SELECT position, recorded_at FROM ledger_head WHERE org_id = $1 FOR UPDATE", org_id
    )
    assert head is not None, "an organization is created together with its ledger head"
    return head["position"], head["recorded_at"]


async def write(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    rows: Sequence[Said],
    judgement: Judgement,
    recorded_at: datetime,
    *,
    are_told: bool = True,
) -> None:
    """Write the entries that a judgement of ``rows`` makes, the current versions, and move the
    locked head, with the newest event of each source.

    Unless ``are_told`` no source has told anything now: none is newer than it was.
    """
    org_id = org.id
    stated = len(judgement.stated) - judgement.stated.count(0)
    if stated:
        await connection.execute(_STATE, org_id, recorded_at, judgement.stated)
    if judgement.withdrawn:
        withdrawn, stated_at = map(list, zip(*judgement.withdrawn, strict=True))
        await connection.execute(_WITHDRAW, org_id, recorded_at, withdrawn, stated_at)
    heads = judgement.tombstones + judgement.changed_heads
    if heads:
        columns = [list(column) for column in zip(*heads, strict=True)]
        await connection.execute(_HEADS, org_id, *columns)
    if stated or judgement.withdrawn:
        newest = _newest_events(rows, judgement, recorded_at) if are_told else {}
        await connection.execute(
            _MOVE_HEAD,
            org_id,
            judgement.position,
            recorded_at,
            clock.local_day(recorded_at, org.zone),
            list(newest),
            list(newest.values()),
        )
    metrics.LEDGER_ENTRIES.labels("credit").inc(stated)
    metrics.LEDGER_ENTRIES.labels("reversal").inc(len(judgement.withdrawn))


def _newest_events(
    rows: Sequence[Said], judgement: Judgement, recorded_at: datetime
) -> dict[str, datetime]:
    """Return source → the newest event of its new entries, none later than it is recorded."""
    newest: dict[str, datetime] = {}
    for row, position in zip(rows, judgement.stated, strict=True):
        if position:
            source, occurred_at = row.columns[3], row.columns[0]
            if source not in newest or occurred_at > newest[source]:
                newest[source] = occurred_at
    return {source: min(at, recorded_at) for source, at in newest.items()}
