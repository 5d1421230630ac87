"""``/v1/organization`` and ``/v1/data-health``: whose data, and how good."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.dependencies import Access, authorized, reads
from services.api.organization import service
from services.api.organization.schemas import DataHealth, Organization
from shared.web.auth import Caller

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["organization"])


@router.get("/organization", operation_id="organization_get_organization")
async def get_organization(
    caller: Annotated[Caller, Depends(authorized("kpis:read"))],
) -> Organization:
    """Return the organization the key belongs to."""
    return service.organization(caller.org)


@router.get("/data-health", operation_id="organization_get_data_health")
async def get_data_health(access: Annotated[Access, reads("kpis:read")]) -> DataHealth:
    """Say whether the figures are up to date, and if not, what keeps them."""
    return await service.data_health(access)
