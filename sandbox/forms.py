"""URL-encoded forms, as OAuth token endpoints take them."""

from urllib.parse import parse_qsl

from starlette.requests import Request

__all__ = ["form_fields"]


async def form_fields(request: Request) -> dict[str, str]:
    """Return field → value of a URL-encoded body; anything else has no fields."""
    body = await request.body()
    return dict(parse_qsl(body.decode("utf-8", errors="replace")))
