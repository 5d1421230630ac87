"""How runs went: a row per run, and the state of the connection that follows from it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.collector.leases import Lease
from shared import clock
from shared.deliveries import replay_unanswered
from shared.ids import new_id
from shared.ledger import AppendResult

__all__ = ["Totals", "record_run"]

# A connection is shown as degraded only when it is: a single hiccup of a vendor is not news.
_HICCUPS: Final = 3
_PASSING: Final = frozenset({"transient", "rate_limited", "unexpected"})

_RECORD: Final = """
INSERT INTO sync_run (org_id, id, connection_id, stream, started_at, finished_at, outcome, pages,
                      inserted, unchanged, corrected, deleted, quarantined, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
# A pause is a person's decision and stays.
_WORSEN: Final = """
UPDATE connection SET state = $3, state_reason = $4, updated_at = $5
 WHERE org_id = $1 AND id = $2 AND state IN ('active', 'degraded')
   AND (state, state_reason) IS DISTINCT FROM ($3, $4)
"""
# Of two streams that recover at once, the second looks after the first has committed. The row of
# each run holds the connection's key already, so a lock of the key as well would be a deadlock.
_LOCK_DEGRADED: Final = """
SELECT id FROM connection WHERE org_id = $1 AND id = $2 AND state = 'degraded' FOR NO KEY UPDATE
"""
_RECOVER: Final = """
UPDATE connection c SET state = 'active', state_reason = NULL, updated_at = $3
 WHERE c.org_id = $1 AND c.id = $2
   AND NOT EXISTS (SELECT FROM sync_state s
                    WHERE s.org_id = c.org_id AND s.connection_id = c.id
                      AND s.last_error IS NOT NULL)
RETURNING c.id
"""


@dataclass(slots=True)
class Totals:
    """What a run has booked so far, in pages and facts; ``quarantined`` in records."""

    pages: int = 0
    inserted: int = 0
    unchanged: int = 0
    corrected: int = 0
    deleted: int = 0
    quarantined: int = 0

    def add(self, result: AppendResult, *, quarantined: int) -> None:
        """Count one booked page."""
        self.pages += 1
        self.inserted += result.inserted
        self.unchanged += result.unchanged + result.stale
        self.corrected += result.corrected
        self.deleted += result.retracted
        self.quarantined += quarantined


async def record_run(
    connection: "asyncpg.Connection[asyncpg.Record]",
    lease: Lease,
    totals: Totals,
    *,
    outcome: str,
    reason: str | None,
    started_at: datetime,
) -> None:
    """Write the row of a run and bring the connection's state up to date.

    Call it after the stream itself was settled: a connection recovers when no stream of it has an
    error left. What it had to leave unread of its deliveries meanwhile is then tried again.
    """
    finished_at = clock.now()
    await connection.execute(
        _RECORD,
        lease.org_id,
        new_id(),
        lease.connection_id,
        lease.stream,
        started_at,
        finished_at,
        outcome,
        totals.pages,
        totals.inserted,
        totals.unchanged,
        totals.corrected,
        totals.deleted,
        totals.quarantined,
        reason,
    )
    key = (lease.org_id, lease.connection_id)
    if reason is None:
        is_degraded = await connection.fetchval(_LOCK_DEGRADED, *key) is not None
        if is_degraded and await connection.fetchval(_RECOVER, *key, finished_at) is not None:
            await replay_unanswered(connection, *key)
        return
    if outcome in _PASSING and (outcome == "rate_limited" or lease.attempts + 1 < _HICCUPS):
        return
    state = "reauth_required" if outcome == "reauth_required" else "degraded"
    await connection.execute(_WORSEN, *key, state, reason, finished_at)
