"""``/v1/assumptions``: the rates behind the figures, dated and versioned."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.api.assumptions import service
from services.api.assumptions.schemas import Assumption, Assumptions, NewStatement
from services.api.dependencies import Access, reads, writes
from shared.web.json import StrictJsonRoute

__all__ = ["router"]

router = APIRouter(prefix="/v1/assumptions", tags=["assumptions"], route_class=StrictJsonRoute)


@router.get("", operation_id="assumptions_list_assumptions")
async def list_assumptions(access: Annotated[Access, reads("roi:read")]) -> Assumptions:
    """List every assumption with the value in force today and all that was ever stated."""
    return await service.list_assumptions(access)


@router.put("/{key}", operation_id="assumptions_state_assumption")
async def state_assumption(
    access: Annotated[Access, writes("assumptions:write")],
    key: Annotated[
        str, Path(description="Key of the assumption.", max_length=64, examples=["gross_margin"])
    ],
    body: NewStatement,
) -> Assumption:
    """State a value from a day on. Days before it keep the value they had."""
    return await service.state_assumption(access, key, body)
