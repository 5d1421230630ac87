"""What each fact says, by its head and by its entry: the head keeps a hash of the content.

Whether a version that arrives says anything new is judged by that hash. A wrong one lets a
correction be skipped, or makes one of what was told again; and if an entry was changed by hand,
this is where it shows. The hash is of what was told, so amounts are taken back into their own
currency. It cannot be computed in SQL: the entries are read, some thousands at a time.
"""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from services.metrics.verify.ledger import WHOLE_LEDGER, Stretch
from services.metrics.verify.report import Check, Mismatch, Report
from shared.facts.envelope import content_hash

__all__ = ["compare_contents", "mend_contents"]

#: Columns of an entry that the hash is of, in their order.
_COLUMNS: Final = (
    *("occurred_at", "day", "kind", "source", "external_id", "employee", "account", "network"),
    *("campaign", "content", "channel", "subject", "payload"),
)
# A head at another fact's entry is told as such. One that was lost and given back by a repair keeps
# no hash, so that whatever comes next says something else.
_CONTENTS: Final = f"""
SELECT h.fact_key, h.content_hash, {", ".join(f"e.{name}" for name in _COLUMNS)}
  FROM fact_head h
  JOIN ledger_entry e ON e.org_id = h.org_id AND e.position = h.position
 WHERE h.org_id = $1 AND h.fact_key = e.fact_key AND h.content_hash <> ''
   AND e.position BETWEEN $2 AND $3
"""
_SET_CONTENTS: Final = """
UPDATE fact_head h SET content_hash = due.content_hash
  FROM unnest($2::bytea[], $3::bytea[]) due (fact_key, content_hash)
 WHERE h.org_id = $1 AND h.fact_key = due.fact_key
"""
#: What is kept of a conversion besides what was told.
_OF_CONVERSION: Final = {"rate", "rate_from"}
_AT_A_TIME: Final = 5_000


async def compare_contents(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    report: Report,
    stretch: Stretch = WHOLE_LEDGER,
) -> None:
    """Compare the hashes of the facts whose current entry is in a stretch of the ledger."""
    async for fact_key, stored, due in _wrong(connection, org_id, stretch):
        name = f"fact_head {fact_key.hex()}"
        report.add(Mismatch(Check.HEADS, name, f"content {stored.hex()}", f"content {due.hex()}"))


async def mend_contents(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Let the heads keep the hashes of what their entries say; call it when they are at these."""
    wrong = [found async for found in _wrong(connection, org_id, WHOLE_LEDGER)]
    await connection.execute(
        _SET_CONTENTS, org_id, [key for key, _, _ in wrong], [due for _, _, due in wrong]
    )


async def _wrong(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, stretch: Stretch
) -> AsyncIterator[tuple[bytes, bytes, bytes]]:
    """Yield (fact key, hash that is kept, hash of the entry) where the two differ."""
    entries = connection.cursor(_CONTENTS, org_id, *stretch, prefetch=_AT_A_TIME)
    async for row in entries:
        fact_key, stored, *columns = tuple(row)
        due = content_hash(_as_told(columns))
        if due != stored:
            yield fact_key, stored, due


def _as_told(columns: list[Any]) -> tuple[Any, ...]:
    """Return the columns with the amounts as the source said them."""
    *where, payload = columns
    if '"told":{' in payload:
        body = orjson.loads(payload)
        told = body.pop("told")
        body.update((name, told[name]) for name in told.keys() - _OF_CONVERSION)
        payload = orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()
    return (*where, payload)
