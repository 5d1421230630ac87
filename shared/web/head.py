"""HEAD goes wherever GET goes (RFC 9110 §9.1): the same answer, without its content."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HeadMiddleware"]

_NOT_ALLOWED: Final = 405
#: What the router writes down of the route it took, for the log and the metrics.
_TAKEN: Final = ("route", "endpoint", "path_params")


class HeadMiddleware:
    """Answer HEAD as GET where no route takes HEAD itself, as the redirect of tracked links does.

    Here and not in the routes: as a method of each route it would be an operation of its own in the
    OpenAPI document, and in the clients generated of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        # Copies: the server must not take the request for a GET, or it waits for the content.
        for attempt in ({**scope}, {**scope, "method": "GET"}):
            answer = _WithoutContent(send, may_refuse=attempt["method"] == "HEAD")
            await self._app(attempt, receive, answer)
            if not answer.was_refused:
                scope.update({name: attempt[name] for name in _TAKEN if name in attempt})
                return


class _WithoutContent:
    """Passes on the head of an answer; keeps a 405 back if another attempt follows."""

    def __init__(self, send: Send, *, may_refuse: bool) -> None:
        self._send = send
        self._may_refuse = may_refuse
        self.was_refused = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.was_refused = self._may_refuse and message["status"] == _NOT_ALLOWED
        if self.was_refused:
            return
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)
