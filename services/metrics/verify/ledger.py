"""The ledger itself: every position is an entry, its head is the last one, and time runs forward.

Positions without gaps are how a reader knows that it has seen everything, and recorded time that
never runs backwards is how the last position of a day is found. Neither can come of the product;
what a hand, a disk or an incomplete restoration did is told here. An entry that is lost is found
nowhere else: it cannot be repaired.
"""

from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from services.metrics.verify.report import Check, Mismatch, Report

__all__ = ["WHOLE_LEDGER", "Stretch", "compare_ledger", "mend_ledger"]


class Stretch(NamedTuple):
    """Positions of the ledger, ``last`` included."""

    first: int
    last: int


WHOLE_LEDGER: Final = Stretch(1, 2**62)

# Where the ledger ends, and when that was recorded: 0 and nothing while it is empty.
_LAST = """
    SELECT coalesce(e.position, 0) AS position, e.recorded_at
      FROM organization o
      LEFT JOIN LATERAL (
        SELECT position, recorded_at
          FROM ledger_entry WHERE org_id = $1 ORDER BY position DESC LIMIT 1
      ) e ON true
     WHERE o.id = $1
"""
# The line is from $2 to $3; it is closed by one more place behind what should be its last entry,
# which has no entry, so that a gap at its end is seen as others are. The head is told where the
# line goes to the end of the ledger. In one statement: appends go on.
_BREACHES = f"""
WITH last AS ({_LAST})
SELECT position, false AS is_head, before, recorded_at, before_at
  FROM (
    SELECT position, recorded_at, lag(position, 1, $2::bigint - 1) OVER line AS before,
           lag(recorded_at) OVER line AS before_at
      FROM (
        SELECT position, recorded_at
          FROM ledger_entry WHERE org_id = $1 AND position BETWEEN $2 AND $3
        UNION ALL
        SELECT greatest(least(last.position, $3), $2::bigint - 1) + 1, NULL FROM last
      ) told
    WINDOW line AS (ORDER BY position)
  ) line
 WHERE position <> before + 1 OR recorded_at < before_at
 UNION ALL
SELECT h.position, true, last.position, h.recorded_at, last.recorded_at
  FROM ledger_head h CROSS JOIN last
 WHERE h.org_id = $1 AND last.position <= $3
   AND (h.position <> last.position OR h.recorded_at <> last.recorded_at)
 ORDER BY is_head, position
"""
# Back to the last entry if nobody has ever heard of a position behind it; or forward to it.
_SET_HEAD = f"""
UPDATE ledger_head h
   SET position = last.position, recorded_at = coalesce(last.recorded_at, h.recorded_at)
  FROM ({_LAST}) last
 WHERE h.org_id = $1
   AND NOT EXISTS (SELECT FROM fold_cursor WHERE org_id = $1 AND position > last.position)
   AND NOT EXISTS (SELECT FROM fact_head WHERE org_id = $1 AND position > last.position)
   AND NOT EXISTS (SELECT FROM fact_past WHERE org_id = $1 AND until > last.position)
   AND NOT EXISTS (SELECT FROM publication WHERE org_id = $1 AND position > last.position)
"""


async def compare_ledger(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    report: Report,
    stretch: Stretch = WHOLE_LEDGER,
) -> None:
    """Tell positions without an entry, a head that is not the last one, and time that runs back."""
    async for row in connection.cursor(_BREACHES, org_id, *stretch):
        report.add(_told(row))


def _told(row: asyncpg.Record) -> Mismatch:
    position, before = row["position"], row["before"]
    if row["is_head"]:
        if position == before:
            return Mismatch(
                Check.LEDGER,
                "ledger_head",
                f"recorded at {row['recorded_at']}",
                f"recorded at {row['before_at']}",
            )
        # Not a gap in the line: nobody knows whether what is missing at its end ever was there.
        return Mismatch(Check.LEDGER, "ledger_head", f"position {position}", f"position {before}")
    if position == before + 1:
        return Mismatch(
            Check.LEDGER,
            f"ledger_entry {position}",
            f"recorded at {row['recorded_at']}",
            f"not before {row['before_at']}",
        )
    return Mismatch(Check.LEDGER, "ledger_entry", None, f"entries {before + 1} to {position - 1}")


async def mend_ledger(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Set the head to the last entry; appends wait until the transaction ends.

    A head that is ahead of the ledger is left there if anything else is, too: then entries are
    lost, and their positions must not be given to others.
    """
    await connection.execute("SELECT FROM ledger_head WHERE org_id = $1 FOR UPDATE", org_id)
    await connection.execute(_SET_HEAD, org_id)
