"""Configure connections and watch them. What a vendor needs is for its declaration to judge."""

from uuid import UUID

import asyncpg
import orjson

from services.api.connections import repository
from services.api.connections.schemas import (
    Connection,
    ConnectionPatch,
    Connections,
    Run,
    Runs,
    Stream,
)
from services.api.dependencies import Access
from services.api.model import PageQuery
from services.api.paging import id_after, page_of
from shared import clock
from shared.connections import ConnectionChange, NewConnection, VendorRegistry
from shared.deliveries import replay_unanswered
from shared.errors import Conflict, NotFound
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = [
    "change_connection",
    "create_connection",
    "get_connection",
    "list_connections",
    "list_runs",
    "sync_now",
]


async def list_connections(access: Access, keyring: KeyRing, query: PageQuery) -> Connections:
    """Return a page of connections with their streams (two statements)."""
    codec = CursorCodec(keyring, access.org.id, {"list": "connections"})
    rows = await repository.connections_after(
        access.connection,
        access.org.id,
        after=id_after(codec, query.cursor),
        limit=query.limit + 1,
    )
    page, following = page_of(rows, query.limit, codec, lambda row: [str(row["id"])])
    return Connections(connections=await _shown(access, page), next_cursor=following)


async def get_connection(access: Access, connection_id: UUID) -> Connection:
    """Return one connection.

    Raises:
        NotFound: the organization has none of this id.
    """
    row = await _find(access, connection_id)
    (shown,) = await _shown(access, [row])
    return shown


async def create_connection(
    access: Access, keyring: KeyRing, vendors: VendorRegistry, new: NewConnection
) -> Connection:
    """Store a connection; its streams are due at once.

    Raises:
        Invalid: the configuration or the credentials break a rule of the vendor.
        Conflict: another connection has this source.
    """
    created = await vendors.create(access.connection, keyring, access.org.id, new)
    return await get_connection(access, created)


async def change_connection(
    access: Access,
    keyring: KeyRing,
    vendors: VendorRegistry,
    connection_id: UUID,
    patch: ConnectionPatch,
) -> Connection:
    """Change a connection, pause it or resume it.

    Raises:
        NotFound: the organization has none of this id.
        Invalid: the new configuration or credentials break a rule of the vendor.
    """
    await _find(access, connection_id)
    change = patch.model_dump(exclude_none=True, exclude={"state"})
    if change:
        await vendors.update(
            access.connection, keyring, access.org.id, connection_id, ConnectionChange(**change)
        )
    if patch.state is not None:
        await _set_state(access, connection_id, patch.state)
    return await get_connection(access, connection_id)


async def sync_now(access: Access, connection_id: UUID) -> Connection:
    """Make every stream of a connection due now.

    Raises:
        NotFound: the organization has none of this id.
        Conflict: it is paused, or waits for a person to grant access again.
    """
    row = await _find(access, connection_id)
    if row["state"] not in {"active", "degraded"}:
        raise Conflict("The connection is not active; resume it first.", code="not_active")
    await repository.make_due(access.connection, access.org.id, connection_id)
    return await get_connection(access, connection_id)


async def list_runs(
    access: Access, keyring: KeyRing, connection_id: UUID, query: PageQuery
) -> Runs:
    """Return a page of a connection's runs, the newest first; raises :class:`NotFound`."""
    await _find(access, connection_id)
    codec = CursorCodec(keyring, access.org.id, {"list": "runs", "of": str(connection_id)})
    rows = await repository.runs_after(
        access.connection,
        access.org.id,
        connection_id,
        after=id_after(codec, query.cursor),
        limit=query.limit + 1,
    )
    page, following = page_of(rows, query.limit, codec, lambda row: [str(row["id"])])
    return Runs(runs=[Run(**row) for row in page], next_cursor=following)


async def _find(access: Access, connection_id: UUID) -> asyncpg.Record:
    row = await repository.find_connection(access.connection, access.org.id, connection_id)
    if row is None:
        raise NotFound
    return row


async def _set_state(access: Access, connection_id: UUID, state: str) -> None:
    if state == "active":
        await repository.make_due(access.connection, access.org.id, connection_id)
        await replay_unanswered(access.connection, access.org.id, connection_id)
    await repository.set_state(
        access.connection,
        access.org.id,
        connection_id,
        state=state,
        reason="paused_by_request" if state == "paused" else None,
        now=clock.now(),
    )


async def _shown(access: Access, rows: list[asyncpg.Record]) -> list[Connection]:
    ids = [row["id"] for row in rows]
    streams = await repository.streams_of(access.connection, access.org.id, ids)
    return [
        Connection(
            **{**row, "config": orjson.loads(row["config"])},
            streams=[Stream.model_validate(dict(stream)) for stream in streams[row["id"]]],
        )
        for row in rows
    ]
