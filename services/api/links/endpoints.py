"""``/v1/links``: tracked links with UTM parameters."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.api.dependencies import Access, authorized, reads
from services.api.links import service
from services.api.links.schemas import Link, Links, ListQuery, NewLink
from shared.web.auth import Caller
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/links", tags=["links"], route_class=StrictJsonRoute)


@router.get("", operation_id="links_list_links")
async def list_links(
    request: Request,
    access: Annotated[Access, reads("links:read")],
    query: Annotated[ListQuery, Query()],
) -> Links:
    """List tracked links, the newest first."""
    process, public_url = resources(request), request.app.state.public_url
    return await service.list_links(access, process.keyring, query, public_url=public_url)


@router.post("", operation_id="links_create_link", status_code=201)
async def create_link(
    request: Request,
    caller: Annotated[Caller, Depends(authorized("links:write"))],
    body: NewLink,
) -> Link:
    """Make a tracked link. Each call makes a new one: links are told apart by their codes."""
    process, public_url = resources(request), request.app.state.public_url
    return await service.create_link(process.database, caller.org.id, body, public_url=public_url)
