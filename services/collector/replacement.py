"""Rows that a vendor no longer reports.

Analytics moves sessions from one origin to another while it digests a day: the old row is not
changed but gone. A complete answer for whole days therefore replaces what was booked for them, and
what it does not name any more is withdrawn. An answer that may be incomplete withdraws nothing.
"""

from collections.abc import Collection
from typing import Final

import asyncpg

from services.collector.connectors.declaration import Replacement, Window
from services.collector.session import VendorSession
from shared.facts import Identity, Retraction

__all__ = ["missing_facts"]

_BOOKED: Final = """
SELECT e.external_id
  FROM ledger_entry e
  JOIN fact_head h ON h.org_id = e.org_id AND h.fact_key = e.fact_key AND h.position = e.position
 WHERE e.org_id = $1 AND e.day >= $2 AND e.day < $3 AND e.source = $4 AND e.kind = $5
   AND e.weight = 1 AND starts_with(e.external_id, $6) AND NOT h.is_retracted
 ORDER BY e.external_id
"""


async def missing_facts(
    connection: "asyncpg.Connection[asyncpg.Record]",
    session: VendorSession,
    window: Window,
    replacement: Replacement,
    stated: Collection[str],
) -> list[Retraction]:
    """Return retractions of the facts of a window's days that are booked and no longer stated.

    ``stated`` are the ids that the vendor named for the whole window.
    """
    source = session.stored.source
    booked = await connection.fetch(
        _BOOKED,
        session.org.id,
        window.first_day,
        window.end_day,
        source,
        replacement.kind,
        replacement.prefix(session.stored.config),
    )
    return [
        Retraction(Identity(source, replacement.kind, row["external_id"]))
        for row in booked
        if row["external_id"] not in stated
    ]
