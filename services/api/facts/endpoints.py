"""``/v1/facts``: the ledger's public door, in and out."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request

from services.api.dependencies import Access, authorized, reads
from services.api.facts import service
from services.api.facts.schemas import (
    Appended,
    FactKinds,
    FactsQuery,
    LedgerPage,
    Retracted,
    Retractions,
)
from shared.errors import UnsupportedMediaType
from shared.web.auth import Caller
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["LARGEST_BATCH", "router"]

#: In bytes: a thousand facts with every field filled.
LARGEST_BATCH: Final = 1024 * 1024

router = APIRouter(prefix="/v1", tags=["facts"], route_class=StrictJsonRoute)

_Writer = Annotated[Caller, Depends(authorized("facts:write"))]
# The body is read as raw bytes, once and strictly, so its schema is named here.
_BATCH: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FactBatch"}}},
    }
}


@router.post("/facts", operation_id="facts_append_facts", openapi_extra=_BATCH)
async def append_facts(request: Request, caller: _Writer, tasks: BackgroundTasks) -> Appended:
    """Post up to 1,000 facts, all or none. Sending the same again changes nothing."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType("Send facts as application/json.")
    process = resources(request)
    appended = await service.append_facts(process.database, caller.org, await request.body())
    tasks.add_task(process.queue.wake, "fold", caller.org.id)
    return appended


@router.post("/facts/retract", operation_id="facts_retract_facts")
async def retract_facts(
    request: Request, caller: _Writer, body: Retractions, tasks: BackgroundTasks
) -> Retracted:
    """Withdraw facts that should not have been told. The ledger keeps both entries."""
    process = resources(request)
    retracted = await service.retract_facts(process.database, caller.org, body)
    tasks.add_task(process.queue.wake, "fold", caller.org.id)
    return retracted


@router.get("/facts", operation_id="facts_list_facts")
async def list_facts(
    access: Annotated[Access, reads("facts:read")], query: Annotated[FactsQuery, Query()]
) -> LedgerPage:
    """Read the ledger by position. Positions are gapless: nothing is ever missed."""
    return await service.read_facts(access, query)


@router.get(
    "/fact-kinds",
    operation_id="facts_list_kinds",
    dependencies=[Depends(authorized("facts:read"))],
)
async def list_kinds() -> FactKinds:
    """List every kind of fact with its JSON Schema."""
    return service.fact_kinds()
