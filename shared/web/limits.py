"""Bounds on what a request may send, kept while it is read, and headers every answer carries."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import MalformedRequest, TooLarge
from shared.web.problems import problem_response

__all__ = ["BodyLimitMiddleware", "SecurityHeadersMiddleware"]

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Whose figures these are, the key says, and no cache on the way looks at every way to send it.
    "Cache-Control": "no-store",
}
_API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_CLOSE: Final = {"Connection": "close"}


class SecurityHeadersMiddleware:
    """Add the headers that keep browsers from guessing. A handler's own value wins."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault("Content-Security-Policy", _API_POLICY)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimitMiddleware:
    """Refuse a body beyond its limit as soon as that shows, a packed one, or one that stays away.

    ``limits`` gives path prefixes a limit of their own, in bytes; the longest one that fits counts.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int,
        limits: Mapping[str, int] | None = None,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        self._app = app
        self._default = limit
        self._limits = sorted((limits or {}).items(), key=lambda item: -len(item[0]))
        self._patience = patience.total_seconds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope["path"])
        try:
            announced = _announced(scope)
        except ValueError:
            malformed = MalformedRequest(headers=_CLOSE)
            await problem_response(malformed, scope)(scope, receive, send)
            return
        if announced > limit:
            await problem_response(TooLarge(headers=_CLOSE), scope)(scope, receive, send)
            return
        is_packed = Headers(scope=scope).get("content-encoding", "identity").lower() != "identity"
        await self._app(scope, self._bounded(receive, limit, is_packed=is_packed), send)

    def _limit(self, path: str) -> int:
        fitting = (size for prefix, size in self._limits if path.startswith(prefix))
        return next(fitting, self._default)

    def _bounded(self, receive: Receive, limit: int, *, is_packed: bool) -> Receive:
        """Wrap ``receive``; what it raises passes FastAPI unchanged because it is its own kind."""
        received = 0
        is_complete = False
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience

        async def receive_bounded() -> Message:
            nonlocal received, is_complete
            if is_complete:
                return await receive()  # waiting for the client to leave, which may take long
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, headers=_CLOSE) from None
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received and is_packed:
                    # Nobody here unpacks: read as it is, it would be taken for what it is not.
                    raise HTTPException(415, headers=_CLOSE)
                is_complete = not message.get("more_body", False)
                if received > limit:
                    raise HTTPException(413, headers=_CLOSE)
            return message

        return receive_bounded


def _announced(scope: Scope) -> int:
    """Return the announced length, 0 without one; raise ValueError if it is none."""
    length = Headers(scope=scope).get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise ValueError("not a length")
    return int(length)
