"""What every request leaves behind: an id, a line in the log, three metrics.

Pure ASGI. The label of a request is the template of its route, taken from a table built once:
``scope["route"].path`` lacks the prefixes of included routers, and raw paths have no bounds.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from contextvars import ContextVar
from time import perf_counter
from typing import Final

import structlog
from fastapi.routing import iter_route_contexts
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.ids import new_id
from shared.observability import metrics

__all__ = [
    "ObservedMiddleware",
    "RequestIdMiddleware",
    "RouteTemplates",
    "allowed_methods",
    "note",
    "request_id_of",
]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_REJECTIONS: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    408: "timeout",
    413: "too_large",
    422: "malformed",
    429: "rate_limited",
}
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})

# What the line of the request at hand is to say besides; None where no request is answered.
_notes: ContextVar[dict[str, object] | None] = ContextVar("notes", default=None)

_log = structlog.get_logger("http")


class RequestIdMiddleware:
    """Give each request an id: the caller's if it is well-formed, else a new one; echo it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        presented = Headers(scope=scope).get("x-request-id", "")
        request_id = presented if _REQUEST_ID.fullmatch(presented) else str(new_id())
        scope["earned.request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._app(scope, receive, send_with_id)


def request_id_of(scope: Scope) -> str:
    """Return the id of the request, or an empty string outside the middleware."""
    request_id: str = scope.get("earned.request_id", "")
    return request_id


def allowed_methods(request: Request) -> list[str]:
    """Return the methods that the path of a request may be asked under.

    Each operation is a route of its own, and the router names the methods of the first one alone.
    """
    templates: RouteTemplates = request.app.state.route_templates
    return sorted(templates.methods(request.scope))


def note(**fields: str | int) -> None:
    """Let the request's line in the log say more: whose it is, what it wrote.

    What may still be taken back is noted all the same where the commit comes later: a line whose
    status is an error tells of nothing written. Outside a request, as in a command, this does
    nothing.
    """
    notes = _notes.get()
    if notes is not None:
        notes.update(fields)


class RouteTemplates:
    """The template of each route of an application, prefixes included."""

    def __init__(self, app: Starlette) -> None:
        self._of_route: dict[int, str] = {}
        # FastAPI notes the route of its own operations only; plain routes are known by endpoint.
        self._of_endpoint: dict[int, str] = {}
        self._methods: defaultdict[str, set[str]] = defaultdict(set)
        for context in iter_route_contexts(app.routes):
            template = context.path or metrics.UNMATCHED
            self._of_route[id(context.original_route)] = template
            self._of_endpoint[id(getattr(context.original_route, "endpoint", None))] = template
            self._methods[template] |= set(context.methods or {"GET"})
        metrics.initialize_routes([*self._methods.items(), (metrics.UNMATCHED, {"GET"})])

    def labels(self, scope: Scope) -> tuple[str, str]:
        """Return the template of the route that took the request, and the method it served.

        A method that no route of the template serves took none: as series of their own, the seven
        methods of every template would be thousands that only strangers' requests fill. HEAD counts
        as GET where the route of GET answered it.
        """
        template, method = self._template(scope), scope["method"]
        served = self._methods[template]
        if method == "HEAD" and method not in served and "GET" in served:
            method = "GET"
        if method not in served:
            template = metrics.UNMATCHED
        return template, metrics.method_label(method)

    def methods(self, scope: Scope) -> set[str]:
        """Return the methods that the path of a request is served under, in whichever routes."""
        served = self._methods.get(self._template(scope), set())
        return served | ({"HEAD"} if "GET" in served else set())

    def _template(self, scope: Scope) -> str:
        route, endpoint = scope.get("route"), scope.get("endpoint")
        if route is not None:
            return self._of_route.get(id(route), metrics.UNMATCHED)
        if endpoint is not None:
            return self._of_endpoint.get(id(endpoint), metrics.UNMATCHED)
        return metrics.UNMATCHED


class ObservedMiddleware:
    """Count, time and log every request. Probes are counted and not logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = perf_counter()
        notes: dict[str, object] = {}
        token = _notes.set(notes)
        metrics.HTTP_REQUESTS_IN_PROGRESS.inc()
        try:
            await self._app(scope, receive, send_observed)
        finally:
            _notes.reset(token)
            metrics.HTTP_REQUESTS_IN_PROGRESS.dec()
            _record(scope, status, perf_counter() - started, notes)


def _record(scope: Scope, status: int, seconds: float, notes: Mapping[str, object]) -> None:
    templates: RouteTemplates = scope["app"].state.route_templates
    route, method = templates.labels(scope)
    metrics.HTTP_REQUESTS.labels(route, method, f"{status // 100}xx").inc()
    metrics.HTTP_REQUEST_DURATION.labels(route, method).observe(seconds)
    if status in _REJECTIONS:
        metrics.HTTP_REQUEST_REJECTED.labels(_REJECTIONS[status]).inc()
    if route not in _PROBES:
        # The template, not the path: paths carry identifiers, query strings carry anything.
        _log.info(
            "http.request",
            method=metrics.method_label(scope["method"]),
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 1),
            **notes,
        )
