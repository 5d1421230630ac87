"""``/v1/keys``: the organization's API keys."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from services.api.dependencies import Access, reads, writes
from services.api.keys import service
from services.api.keys.schemas import Keys, NewKey, NewlyMadeKey
from services.api.model import PageQuery
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=StrictJsonRoute)

_Writer = Annotated[Access, writes("keys:write")]


@router.get("", operation_id="keys_list_keys")
async def list_keys(
    request: Request,
    access: Annotated[Access, reads("keys:write")],
    query: Annotated[PageQuery, Query()],
) -> Keys:
    """List keys. Secrets are not among them: they are not stored."""
    return await service.list_keys(access, resources(request).keyring, query)


@router.post("", operation_id="keys_create_key", status_code=201)
async def create_key(request: Request, access: _Writer, body: NewKey) -> NewlyMadeKey:
    """Make a key with some or all of this key's scopes. Its text is shown only now."""
    return await service.make_key(access, resources(request).keyring, body)


@router.delete("/{key_id}", operation_id="keys_revoke_key", status_code=204)
async def revoke_key(
    access: _Writer,
    key_id: Annotated[
        str, Path(description="Public part of the key.", max_length=64, examples=["7Ka2bQ9z"])
    ],
) -> None:
    """Revoke a key: its next request is refused. Revoking twice changes nothing."""
    await service.revoke(access, key_id)
