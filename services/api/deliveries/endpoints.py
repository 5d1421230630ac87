"""``/v1/deliveries``: what arrived and could not be read, and a second try for it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Path, Query, Request

from services.api.deliveries import service
from services.api.deliveries.schemas import Deliveries, Delivery, ListQuery
from services.api.dependencies import Access, reads, writes
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])

_Id = Annotated[
    UUID,
    Path(description="Id of the delivery.", examples=["0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"]),
]


@router.get("", operation_id="deliveries_list_deliveries")
async def list_deliveries(
    request: Request,
    access: Annotated[Access, reads("connections:read")],
    query: Annotated[ListQuery, Query()],
) -> Deliveries:
    """List deliveries in one state, by default those in quarantine, with the reason."""
    return await service.list_deliveries(access, resources(request).keyring, query)


@router.post("/{delivery_id}/replay", operation_id="deliveries_start_replay", status_code=202)
async def start_replay(
    request: Request,
    access: Annotated[Access, writes("connections:write")],
    delivery_id: _Id,
    tasks: BackgroundTasks,
) -> Delivery:
    """Read a quarantined delivery again. What it says counts once, however often it is read."""
    replayed = await service.replay(access, delivery_id)
    tasks.add_task(resources(request).queue.wake, "inbox", access.org.id)
    return replayed
