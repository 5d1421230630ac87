"""Amounts converted anew, at the rates that hold now: how a wrong rate is put right.

Nothing is overwritten. The entry at the wrong rate is taken back and the same fact is stated at the
right one, recorded now: so the figures of then can still be asked for, and the move has its facts.
What the source said stays as it was, so telling it again changes nothing.
"""

from dataclasses import dataclass
from typing import Final

import asyncpg

from shared import clock
from shared.ledger.conversion import converted_anew, told_in
from shared.ledger.judge import Known, restate
from shared.ledger.staging import Said
from shared.ledger.writing import COLUMNS, lock_head, stage, write
from shared.orgs import Org

__all__ = ["Reconverted", "convert_anew"]

# Facts that stand no more, or have been told in another currency since, are passed over.
_CONVERTED: Final = f"""
SELECT c.fact_key AS key, s.*
  FROM (SELECT fact_key FROM converted_fact
         WHERE org_id = $1 AND currency = $2 AND fact_key > $3
         ORDER BY fact_key LIMIT $4) c
  LEFT JOIN LATERAL (
    SELECT h.content_hash, h.revision, h.position, {COLUMNS}
      FROM (SELECT * FROM fact_head
             WHERE org_id = $1 AND fact_key = c.fact_key AND NOT is_retracted OFFSET 0) h
     CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM ledger_entry WHERE org_id = $1 AND position = h.position OFFSET 0
     ) e
 ) s ON true
 ORDER BY c.fact_key
"""


@dataclass(frozen=True, slots=True)
class Reconverted:
    """What became of a stretch of the facts once told in a currency.

    ``last`` is the key of the last one looked at, None where that was the last one of all;
    ``position`` is the ledger's head afterwards.
    """

    examined: int
    converted: int
    last: bytes | None
    position: int

    @property
    def stretch(self) -> dict[str, int]:
        """Return the positions that were written, as :attr:`AppendResult.stretch` does."""
        if not self.converted:
            return {}
        first = self.position - 2 * self.converted + 1
        return {"first_position": first, "last_position": self.position}


async def convert_anew(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    currency: str,
    *,
    after: bytes = b"",
    limit: int,
) -> Reconverted:
    """Restate, in the caller's transaction, what ``limit`` facts told in a currency are worth.

    Those that the rates of their days make the same of are left alone. Costs what ``limit`` facts
    do, however many there are: go on ``after`` the last one.

    Raises:
        Inconvertible: an amount becomes too large; nothing was written.
    """
    position, recorded_at = await lock_head(connection, org.id)
    found = await connection.fetch(_CONVERTED, org.id, currency, after, limit + 1)
    examined = found[:limit]
    known: dict[bytes, Known] = {}
    standing = []
    for key, content_hash, revision, stated_at, *columns in map(tuple, examined):
        row = Said(key, revision, False, content_hash, tuple(columns))
        if stated_at is not None and told_in(row) == currency:
            known[key] = Known(content_hash, revision, stated_at, is_retracted=False)
            standing.append(row)
    changed = await converted_anew(connection, org, standing)
    if changed:
        await stage(connection, changed)
        judgement = restate(changed, known, position)
        now = max(clock.now(), recorded_at)
        await write(connection, org, changed, judgement, now, are_told=False)
        position = judgement.position
    last = examined[-1]["key"] if len(found) > limit else None
    return Reconverted(len(examined), len(changed), last, position)
