"""Deliveries that were put aside: see them, and have them read again."""

from typing import Final
from uuid import UUID

import asyncpg

from services.api.deliveries.schemas import Deliveries, Delivery, ListQuery
from services.api.dependencies import Access
from services.api.paging import id_after, page_of
from shared.deliveries import replay_deliveries
from shared.errors import Conflict, NotFound
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["list_deliveries", "replay"]

_COLUMNS: Final = """
    id, connection_id, origin, nullif(stream, '') AS stream, received_at, state, reason, attempts,
    length(body) AS bytes
"""
# The state is written out: only then does it lead to the index of those that were put aside, which
# are few among all that ever arrived.
_LIST: Final = f"""
SELECT {_COLUMNS} FROM inbox
 WHERE org_id = $1 AND state = '{{state}}' AND id < $2
 ORDER BY id DESC LIMIT $3
"""
_ONE: Final = f"SELECT {_COLUMNS} FROM inbox WHERE org_id = $1 AND id = $2"


async def list_deliveries(access: Access, keyring: KeyRing, query: ListQuery) -> Deliveries:
    """Return a page of deliveries in one state, the newest first."""
    codec = CursorCodec(keyring, access.org.id, {"list": "deliveries", "state": query.state})
    after = id_after(codec, query.cursor)
    statement = _LIST.format(state=query.state)
    rows = await access.connection.fetch(statement, access.org.id, after, query.limit + 1)
    page, following = page_of(rows, query.limit, codec, lambda row: [str(row["id"])])
    return Deliveries(deliveries=[_shown(row) for row in page], next_cursor=following)


async def replay(access: Access, delivery_id: UUID) -> Delivery:
    """Put a quarantined delivery back among those waiting to be read.

    Raises:
        NotFound: the organization has no such delivery.
        Conflict: it is not quarantined.
    """
    replayed = await replay_deliveries(access.connection, access.org.id, [delivery_id])
    row = await access.connection.fetchrow(_ONE, access.org.id, delivery_id)
    if row is None:
        raise NotFound
    if not replayed:
        raise Conflict("Only a quarantined delivery can be replayed.", code="not_quarantined")
    return _shown(row)


def _shown(row: asyncpg.Record) -> Delivery:
    return Delivery.model_validate(dict(row))
