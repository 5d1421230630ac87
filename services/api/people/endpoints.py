"""``/v1/people``: how facts refer to people outside the company."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.api.dependencies import authorized
from services.api.people.schemas import Addresses, References
from shared.orgs import person_of
from shared.web.auth import Caller
from shared.web.json import StrictJsonRoute

__all__ = ["router"]

router = APIRouter(prefix="/v1/people", tags=["people"], route_class=StrictJsonRoute)


@router.post("/references", operation_id="people_create_references")
async def create_references(
    caller: Annotated[Caller, Depends(authorized("facts:write"))], body: Addresses
) -> References:
    """Turn e-mail addresses into the references that facts carry instead.

    The CRM connectors refer to the same people alike, so that a touch told by one system meets the
    lead told by another. The reference is a hash under the organization's own key.
    """
    person_key = caller.org.person_key
    return References(references=[person_of(person_key, email) for email in body.emails])
