"""Calls from front ends of other origins (CORS): those on the list, and without credentials.

An API key travels in a header that the front end sets itself; cookies and HTTP logins are no way
in, so browsers need not send them.
"""

from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import MalformedRequest
from shared.web.problems import problem_response

__all__ = ["OriginsMiddleware"]

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_HEADERS: Final = ("Authorization", "X-API-Key", "X-Request-Id", "Content-Type")
#: What a front end may read of an answer besides its content.
_EXPOSED: Final = ("X-Request-Id", "Retry-After")
_REMEMBER_SECONDS: Final = 600
_OF_THE_TEXT: Final = frozenset({"content-length", "content-type"})


class OriginsMiddleware(CORSMiddleware):
    """Starlette's, with a refused preflight that looks like every other refusal."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_HEADERS,
            allow_credentials=False,
            expose_headers=_EXPOSED,
            max_age=_REMEMBER_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_preflight = "origin" in headers and "access-control-request-method" in headers
        if not is_preflight or scope["method"] != "OPTIONS":
            await super().__call__(scope, receive, send)
            return
        answer = self.preflight_response(request_headers=headers)
        if answer.status_code >= 400:
            refused = MalformedRequest(
                "This origin, method or header is not allowed from another origin.",
                headers={k: v for k, v in answer.headers.items() if k not in _OF_THE_TEXT},
            )
            answer = problem_response(refused, scope)
        await answer(scope, receive, send)
