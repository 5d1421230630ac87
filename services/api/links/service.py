"""Make tracked links and list them."""

from typing import Any, Final
from uuid import UUID

from services.api.dependencies import Access
from services.api.links.schemas import Link, Links, ListQuery, NewLink
from services.api.paging import id_after, page_of
from shared import links
from shared.db import Database
from shared.errors import FieldError, Invalid
from shared.security.keyring import KeyRing
from shared.text import composed
from shared.web.cursor import CursorCodec

__all__ = ["create_link", "list_links"]

_LIST: Final = """
SELECT id, code, target_url, tagged_url, employee, account, network, campaign, content, channel,
       created_at
  FROM link
 WHERE org_id = $1 AND id < $2
   AND ($3::text IS NULL OR employee = $3) AND ($4::text IS NULL OR campaign = $4)
 ORDER BY id DESC LIMIT $5
"""


async def create_link(database: Database, org_id: UUID, new: NewLink, *, public_url: str) -> Link:
    """Store a link with its tagged target.

    Raises:
        Invalid: the target is not an address a link may lead to (``invalid_target``).
    """
    try:
        async with database.session(org_id) as session:
            made = await links.create_link(session, org_id, **new.model_dump())
    except links.InvalidTarget as error:
        message = str(error)
        raise Invalid(
            "The target cannot be used.",
            code="invalid_target",
            errors=[FieldError(field="body.target_url", rule="invalid_target", message=message)],
        ) from None
    return _shown(made.model_dump(), public_url)


async def list_links(
    access: Access, keyring: KeyRing, query: ListQuery, *, public_url: str
) -> Links:
    """Return a page of links, the newest first."""
    employee, campaign = composed([query.employee, query.campaign])
    listed = {"list": "links", "employee": employee, "campaign": campaign}
    codec = CursorCodec(keyring, access.org.id, listed)
    rows = await access.connection.fetch(
        _LIST,
        access.org.id,
        id_after(codec, query.cursor),
        employee,
        campaign,
        query.limit + 1,
    )
    page, following = page_of(rows, query.limit, codec, lambda row: [str(row["id"])])
    return Links(links=[_shown(dict(row), public_url) for row in page], next_cursor=following)


def _shown(row: dict[str, Any], public_url: str) -> Link:
    return Link.model_validate({**row, "short_url": f"{public_url}/l/{row['code']}"})
