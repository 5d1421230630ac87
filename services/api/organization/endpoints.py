"""``/v1/organization`` and ``/v1/data-health``: whose data, and how good."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.dependencies import Access, authorized, reads, writes
from services.api.organization import service
from services.api.organization.schemas import DataHealth, Organization, Privacy
from shared.web.auth import Caller
from shared.web.json import StrictJsonRoute

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["organization"], route_class=StrictJsonRoute)


@router.get("/organization", operation_id="organization_get_organization")
async def get_organization(
    caller: Annotated[Caller, Depends(authorized("kpis:read"))],
) -> Organization:
    """Return the organization the key belongs to."""
    return service.organization(caller.org)


@router.put("/organization/privacy", operation_id="organization_state_privacy")
async def state_privacy(
    access: Annotated[Access, writes("keys:write")], body: Privacy
) -> Organization:
    """Set the fewest people a figure of a team is shown for, from now on and for all days."""
    return await service.state_privacy(access, body)


@router.get("/data-health", operation_id="organization_get_data_health")
async def get_data_health(access: Annotated[Access, reads("kpis:read")]) -> DataHealth:
    """Say whether the figures are up to date, and if not, what keeps them."""
    return await service.data_health(access)
