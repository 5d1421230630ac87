"""``GET /l/{code}``: the redirect, on a plain route because it is the hottest path there is."""

from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.collector.group_commit import Overloaded
from services.collector.links.service import LinkService
from services.collector.links.visitor import is_human
from shared.errors import NotFound, Unavailable
from shared.observability.http import note

__all__ = ["redirect_route"]

# no-store: a cached redirect is a click nobody sees. no-referrer: the page that the link was posted
# on is nobody else's business.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def _follow(request: Request) -> Response:
    links: LinkService = request.state.links
    link = await links.find(request.path_params["code"])
    if link is None:
        raise NotFound
    try:
        booked = await links.book_click(link, is_human=is_human(request.method, request.headers))
    except Overloaded:
        raise Unavailable(retry_after=timedelta(seconds=1)) from None
    note(org_id=str(link.org_id), **booked.stretch)
    # The stored address goes out as it is: nothing of the request gets into it.
    return Response(status_code=302, headers={"Location": link.tagged_url, **_HEADERS})


#: Sends visitors on and books their clicks; expects a LinkService as ``request.state.links``.
redirect_route: Final = Route(
    "/l/{code}", _follow, methods=["GET", "HEAD"], name="links_follow_link"
)
