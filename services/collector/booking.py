"""From what was read to the ledger: what it refuses is put aside, and the rest is booked."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.collector.connectors.declaration import Item
from services.collector.digest import Digest
from services.collector.quarantine import keep_rejected
from shared.ledger import AppendResult, FactRejected, append
from shared.orgs import Org

__all__ = ["book"]


async def book(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    connection_id: UUID,
    read: Sequence[tuple[str, Digest]],
    further: Sequence[Item],
) -> tuple[AppendResult, int]:
    """Append pages, each with the name of its stream, and ``further`` items of no record, in the
    open transaction; return what became of them and how many records were put aside that were not
    aside before.

    Raises:
        FactRejected: one of the further items cannot be taken; nothing was written.
    """
    pages = list(read)
    while True:
        items = [*(item for _, found in pages for item in found.items), *further]
        try:
            result = await append(connection, org, items)
            break
        except FactRejected as rejection:
            _put_aside(pages, rejection)
    quarantined = 0
    for stream, found in pages:
        quarantined += await keep_rejected(
            connection, org.id, connection_id, stream, found.rejected
        )
    return result, quarantined


def _put_aside(pages: list[tuple[str, Digest]], rejection: FactRejected) -> None:
    """Move the record of a refused item to the rejected ones of its page."""
    index = rejection.index
    for place, (stream, found) in enumerate(pages):
        if index < len(found.items):
            pages[place] = stream, found.without_record_of(index, rejection.code)
            return
        index -= len(found.items)
    raise rejection
