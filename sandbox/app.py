"""The sandbox as one ASGI application: three vendors and their control API on one port."""

from collections.abc import Callable
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.control import create_control
from sandbox.faults import play
from sandbox.ga4 import create_ga4
from sandbox.hubspot import create_hubspot
from sandbox.linkedin import create_linkedin
from sandbox.state import Sandbox

__all__ = ["create_app", "run"]

_VENDORS = frozenset({"hubspot", "linkedin", "ga4"})


def _direct_client() -> httpx.AsyncClient:
    # A proxy of the environment has no business between two processes of one machine.
    return httpx.AsyncClient(trust_env=False)


def create_app(
    state: Sandbox | None = None,
    *,
    http_client: Callable[[], httpx.AsyncClient] = _direct_client,
) -> Starlette:
    """Return the sandbox: ``/hubspot``, ``/linkedin``, ``/ga4`` and ``/_sandbox``.

    ``http_client`` makes the client that webhooks are sent with.
    """
    state = state or Sandbox()
    tokens = state.tokens
    ga4 = create_ga4(tokens["ga4"], code_of=state.code_of, clock=state.clock)
    routes = [
        Mount("/hubspot", create_hubspot(state.crm, tokens["hubspot"], clock=state.clock)),
        Mount("/linkedin", create_linkedin(tokens["linkedin"])),
        Mount("/ga4", ga4),
        Mount("/_sandbox", create_control(state, http_client=http_client)),
        Route("/livez", _alive),
        Route("/readyz", _alive),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Traffic, state=state)])


async def _alive(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Traffic:
    """Counts the requests to vendors and plays the faults queued for them."""

    def __init__(self, app: ASGIApp, state: Sandbox) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        vendor = path.split("/", 2)[1] if path.startswith("/") else ""
        if scope["type"] != "http" or vendor not in _VENDORS:
            await self._app(scope, receive, send)
            return
        self._state.requests[f"{scope['method']} {path}"] += 1
        fault = self._state.faults.take(vendor, path)
        if fault is None:
            await self._app(scope, receive, send)
        else:
            await play(fault, self._app, scope, receive, send)


def run(host: str = "127.0.0.1", port: int = 8090, *, journal: Path | None = None) -> None:
    """Serve the sandbox until it is interrupted; ``journal`` keeps changes across restarts."""
    app = create_app(Sandbox(journal=journal))
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)
