"""``/v1/publications``: periods whose figures are frozen."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from services.api.dependencies import Access, reads, writes
from services.api.model import PageQuery
from services.api.publications import service
from services.api.publications.schemas import (
    NewPublication,
    Publication,
    Publications,
    Withdrawal,
)
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/publications", tags=["publications"], route_class=StrictJsonRoute)

_Reader = Annotated[Access, reads("kpis:read")]
_Writer = Annotated[Access, writes("publications:write")]
_Id = Annotated[
    UUID,
    Path(description="Id of the publication.", examples=["0197c1a4-3f5e-7000-8000-000000000001"]),
]


@router.get("", operation_id="publications_list_publications")
async def list_publications(
    request: Request, access: _Reader, query: Annotated[PageQuery, Query()]
) -> Publications:
    """List what was published, by whom, and what became of it."""
    return await service.list_publications(access, resources(request).keyring, query)


@router.post("", operation_id="publications_publish_period", status_code=201)
async def publish_period(access: _Writer, body: NewPublication) -> Publication:
    """Freeze the figures of a period: answers about its days stay as they are published now."""
    return await service.publish(access, body)


@router.get("/{publication_id}", operation_id="publications_get_publication")
async def get_publication(access: _Reader, publication_id: _Id) -> Publication:
    """Return one publication."""
    return await service.get_publication(access, publication_id)


@router.post("/{publication_id}/withdraw", operation_id="publications_withdraw_publication")
async def withdraw_publication(
    access: _Writer, publication_id: _Id, body: Withdrawal
) -> Publication:
    """Let a period live again. The publication stays on record, and so does this act."""
    return await service.withdraw(access, publication_id, body)
