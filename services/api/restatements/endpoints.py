"""``/v1/restatements``: how figures moved after they were first known, and by what."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.api.dependencies import Access, reads
from services.api.restatements import service
from services.api.restatements.schemas import (
    MovingFacts,
    MovingFactsQuery,
    Restatements,
    RestatementsQuery,
)
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/restatements", tags=["restatements"])

_READER = reads("kpis:read")


@router.get("", operation_id="restatements_list_restatements")
async def list_restatements(
    request: Request,
    access: Annotated[Access, _READER],
    query: Annotated[RestatementsQuery, Query()],
) -> Restatements:
    """List every day on which a figure of a past period moved, and by how much."""
    return await service.restatements(access, resources(request).keyring, query)


@router.get("/facts", operation_id="restatements_list_facts")
async def list_facts(
    request: Request,
    access: Annotated[Access, _READER],
    query: Annotated[MovingFactsQuery, Query()],
) -> MovingFacts:
    """List the entries of the ledger that moved a figure on one day."""
    return await service.moving_facts(access, resources(request).keyring, query)
