"""``/v1/assumptions``: the rates behind the figures, dated and versioned."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Path, Query, Request

from services.api.assumptions import conversions, service
from services.api.assumptions.schemas import (
    Assumption,
    Assumptions,
    Conversions,
    ConversionsQuery,
    NewStatement,
    StatedValues,
)
from services.api.dependencies import Access, reads, writes
from services.api.model import PageQuery
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/assumptions", tags=["assumptions"], route_class=StrictJsonRoute)

_Reader = Annotated[Access, reads("roi:read")]
_Key = Annotated[
    str,
    Path(
        description="Key of the assumption; `exchange_rate.EUR` is what one euro is worth in the"
        " organization's currency, and any other currency has one alike.",
        max_length=64,
        examples=["gross_margin"],
    ),
]


@router.get("", operation_id="assumptions_list_assumptions")
async def list_assumptions(access: _Reader) -> Assumptions:
    """List every assumption with the value in force today, and the exchange rates stated."""
    return await service.list_assumptions(access)


@router.get("/{key}/statements", operation_id="assumptions_list_statements")
async def list_statements(
    request: Request, access: _Reader, key: _Key, query: Annotated[PageQuery, Query()]
) -> StatedValues:
    """List all that was ever stated about an assumption: from which day on, by whom told, when."""
    return await service.list_statements(access, resources(request).keyring, key, query)


@router.put("/{key}", operation_id="assumptions_state_assumption")
async def state_assumption(
    access: Annotated[Access, writes("assumptions:write")], key: _Key, body: NewStatement
) -> Assumption:
    """State a value from a day on. Days before it keep the value they had.

    Stating once more what was last said of that day changes nothing.
    """
    return await service.state_assumption(access, key, body)


@router.post("/{key}/conversions", operation_id="assumptions_convert_anew")
async def convert_anew(
    request: Request,
    access: Annotated[Access, writes("assumptions:write")],
    key: _Key,
    query: Annotated[ConversionsQuery, Query()],
    tasks: BackgroundTasks,
) -> Conversions:
    """Restate the amounts told in a currency at the rates of their days as they are stated now.

    A page of the facts at a time: go on with `cursor` until there is none. Asking again changes
    nothing.
    """
    done = await conversions.convert(access, resources(request).keyring, key, query)
    tasks.add_task(resources(request).queue.wake, "fold", access.org.id)
    return done
