"""``/v1/connections``: configured connectors, their state and their runs."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Path, Query, Request

from services.api.connections import service
from services.api.connections.schemas import (
    Connection,
    ConnectionPatch,
    Connections,
    Runs,
)
from services.api.dependencies import Access, reads, vendors, writes
from services.api.model import PageQuery
from shared.connections import NewConnection
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=StrictJsonRoute)

_Reader = Annotated[Access, reads("connections:read")]
_Writer = Annotated[Access, writes("connections:write")]
_Id = Annotated[
    UUID,
    Path(description="Id of the connection.", examples=["0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"]),
]


@router.get("", operation_id="connections_list_connections")
async def list_connections(
    request: Request, access: _Reader, query: Annotated[PageQuery, Query()]
) -> Connections:
    """List connections with the state of each of their streams."""
    return await service.list_connections(access, resources(request).keyring, query)


@router.post("", operation_id="connections_create_connection", status_code=201)
async def create_connection(
    request: Request, access: _Writer, body: NewConnection, tasks: BackgroundTasks
) -> Connection:
    """Configure a connector. Its first run starts at once."""
    created = await service.create_connection(
        access, resources(request).keyring, vendors(request), body
    )
    tasks.add_task(resources(request).queue.wake, "sync", access.org.id)
    return created


@router.get("/{connection_id}", operation_id="connections_get_connection")
async def get_connection(access: _Reader, connection_id: _Id) -> Connection:
    """Return one connection."""
    return await service.get_connection(access, connection_id)


@router.patch("/{connection_id}", operation_id="connections_update_connection")
async def update_connection(
    request: Request,
    access: _Writer,
    connection_id: _Id,
    body: ConnectionPatch,
    tasks: BackgroundTasks,
) -> Connection:
    """Pause or resume a connection, or change its name, settings or credentials."""
    changed = await service.change_connection(
        access, resources(request).keyring, vendors(request), connection_id, body
    )
    tasks.add_task(resources(request).queue.wake, "sync", access.org.id)
    return changed


@router.get("/{connection_id}/runs", operation_id="connections_list_runs")
async def list_runs(
    request: Request,
    access: _Reader,
    connection_id: _Id,
    query: Annotated[PageQuery, Query()],
) -> Runs:
    """List what each run of a connection brought, the newest first."""
    return await service.list_runs(access, resources(request).keyring, connection_id, query)


@router.post("/{connection_id}/sync", operation_id="connections_start_sync", status_code=202)
async def start_sync(
    request: Request, access: _Writer, connection_id: _Id, tasks: BackgroundTasks
) -> Connection:
    """Read every stream of a connection as soon as a worker is free."""
    due = await service.sync_now(access, connection_id)
    tasks.add_task(resources(request).queue.wake, "sync", access.org.id)
    return due
