"""The sandbox's own control API under ``/_sandbox``: no vendor has it.

It makes links known, spoils answers, changes records, sends webhooks and hands out credentials.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.credentials import (
    ACCOUNTS,
    GA4_PROPERTY,
    OAUTH_CLIENTS,
    SERVICE_ACCOUNT_EMAIL,
    SERVICE_ACCOUNT_KEY_ID,
    service_account_pem,
)
from sandbox.faults import Fault
from sandbox.golden.people import active, tracked_links
from sandbox.golden.program import BRAND_ACCOUNT, CURRENCY
from sandbox.hubspot.store import OBJECT_TYPES, Event, UnknownObjectError
from sandbox.hubspot.webhooks import LARGEST_BATCH, PORTAL_ID, Delivery, deliver
from sandbox.state import Sandbox

__all__ = ["create_control"]

_LINKEDIN_VERSION = "202608"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Links(_Model):
    codes: dict[str, str]


class _Change(_Model):
    properties: dict[str, str | None] = Field(min_length=1)
    at: AwareDatetime | None = None


class _Token(_Model):
    vendor: Literal["hubspot", "linkedin", "ga4"]
    action: Literal["expire", "revoke", "rotate"]
    holder: str = ""


class _Deliver(_Model):
    target_url: str
    client_secret: str = OAUTH_CLIENTS["hubspot"][1]
    signed_url: str | None = None
    objects: list[str] | Literal["all"] = "all"
    duplicate: bool = False
    shuffle: int | None = None
    batch_size: int = Field(default=LARGEST_BATCH, ge=1, le=LARGEST_BATCH)
    concurrency: int = Field(default=1, ge=1, le=64)


_M = TypeVar("_M", bound=BaseModel)


def create_control(state: Sandbox, *, http_client: Callable[[], httpx.AsyncClient]) -> Starlette:
    """Return the control API, to be mounted under ``/_sandbox``.

    ``http_client`` makes the client that webhooks are sent with.
    """
    control = _Control(state, http_client)
    record = "/hubspot/{kind}/{object_id}"
    routes = [
        Route("/credentials", control.credentials),
        Route("/requests", control.requests),
        Route("/links", control.links),
        Route("/links", control.set_links, methods=["PUT"]),
        Route("/faults", control.faults),
        Route("/faults", control.add_fault, methods=["POST"]),
        Route("/faults", control.clear_faults, methods=["DELETE"]),
        Route("/tokens", control.token, methods=["POST"]),
        Route("/hubspot/deliver", control.deliver, methods=["POST"]),
        Route(record, control.change, methods=["POST"]),
        Route(record, control.delete, methods=["DELETE"]),
    ]
    handlers = {_ControlError: _render_error, UnknownObjectError: _render_error}
    return Starlette(routes=routes, exception_handlers=handlers)


class _Control:
    def __init__(self, state: Sandbox, http_client: Callable[[], httpx.AsyncClient]) -> None:
        self._state = state
        self._http_client = http_client

    async def credentials(self, request: Request) -> Response:
        root = str(request.base_url).removesuffix("/").removesuffix("/_sandbox")
        linkedin, hubspot = self._state.tokens["linkedin"], self._state.tokens["hubspot"]
        portal, page = ACCOUNTS["hubspot"], ACCOUNTS["linkedin"]
        return JSONResponse(
            {
                "hubspot": {
                    "base_url": f"{root}/hubspot",
                    "token_url": f"{root}/hubspot/oauth/2026-03/token",
                    "client_id": OAUTH_CLIENTS["hubspot"][0],
                    "client_secret": OAUTH_CLIENTS["hubspot"][1],
                    "access_token": hubspot.first_access(portal),
                    "refresh_token": hubspot.first_refresh(portal),
                    "portal_id": PORTAL_ID,
                    "account_currency": CURRENCY,
                },
                "linkedin": {
                    "base_url": f"{root}/linkedin/rest",
                    "token_url": f"{root}/linkedin/oauth/v2/accessToken",
                    "client_id": OAUTH_CLIENTS["linkedin"][0],
                    "client_secret": OAUTH_CLIENTS["linkedin"][1],
                    "version": _LINKEDIN_VERSION,
                    "organization": BRAND_ACCOUNT,
                    "access_token": linkedin.first_access(page),
                    "refresh_token": linkedin.first_refresh(page),
                    "members": [
                        {
                            "employee": person.ref,
                            "access_token": linkedin.first_access(person.ref),
                            "refresh_token": linkedin.first_refresh(person.ref),
                        }
                        for person in active()
                    ],
                },
                "ga4": {
                    "base_url": f"{root}/ga4",
                    "property_id": GA4_PROPERTY,
                    "service_account": _service_account(f"{root}/ga4/token"),
                },
            }
        )

    async def requests(self, request: Request) -> Response:
        counts = self._state.requests
        return JSONResponse({"total": counts.total(), "requests": dict(sorted(counts.items()))})

    async def links(self, request: Request) -> Response:
        links = [
            {
                "employee": link.employee,
                "network": link.network,
                "campaign": link.campaign,
                "target_url": link.target_url,
                "code": self._state.code_of(link.employee),
            }
            for link in tracked_links()
        ]
        return JSONResponse({"links": links})

    async def set_links(self, request: Request) -> Response:
        self._state.set_codes((await _parsed(request, _Links)).codes)
        return Response(status_code=204)

    async def faults(self, request: Request) -> Response:
        waiting = [fault.model_dump() for fault in self._state.faults.waiting()]
        return JSONResponse({"faults": waiting})

    async def add_fault(self, request: Request) -> Response:
        self._state.faults.add(await _parsed(request, Fault))
        return Response(status_code=204)

    async def clear_faults(self, request: Request) -> Response:
        self._state.faults.clear()
        return Response(status_code=204)

    async def token(self, request: Request) -> Response:
        order = await _parsed(request, _Token)
        book, holder = self._state.tokens[order.vendor], order.holder or ACCOUNTS[order.vendor]
        match order.action:
            case "expire":
                book.expire(holder)
            case "revoke":
                book.revoke(holder)
            case "rotate":
                book.rotates_refresh_tokens = True
        return Response(status_code=204)

    async def change(self, request: Request) -> Response:
        kind, object_id = _record(request)
        order = await _parsed(request, _Change)
        events = self._state.change(kind, object_id, order.properties, at=order.at)
        return _caused(events)

    async def delete(self, request: Request) -> Response:
        kind, object_id = _record(request)
        return _caused(self._state.delete(kind, object_id, at=_moment(request)))

    async def deliver(self, request: Request) -> Response:
        order = await _parsed(request, _Deliver)
        delivery = Delivery(**order.model_dump(exclude={"objects"}))
        events = [
            event
            for event in self._state.crm.events
            if order.objects == "all" or event.object_id in order.objects
        ]
        async with self._http_client() as client:
            statuses = await deliver(events, delivery, client=client, clock=self._state.clock)
        return JSONResponse({"events": len(events), "statuses": statuses})


class _ControlError(Exception):
    """A control call that cannot be obeyed."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


async def _render_error(request: Request, error: Exception) -> Response:
    """Render what a control call got wrong."""
    status = error.status if isinstance(error, _ControlError) else 404
    return JSONResponse({"detail": str(error)}, status_code=status)


async def _parsed(request: Request, model: type[_M]) -> _M:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise _ControlError(422, str(error)) from error


def _record(request: Request) -> tuple[str, str]:
    kind = OBJECT_TYPES.get(request.path_params["kind"])
    if kind is None:
        raise UnknownObjectError(request.path_params["kind"])
    return kind, request.path_params["object_id"]


def _moment(request: Request) -> datetime | None:
    at = request.query_params.get("at")
    try:
        return None if at is None else datetime.fromisoformat(at).astimezone(UTC)
    except ValueError as error:
        raise _ControlError(422, str(error)) from error


def _caused(events: list[Event]) -> Response:
    return JSONResponse({"event_ids": [event.event_id for event in events]})


def _service_account(token_uri: str) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "golden-ratio",
        "private_key_id": SERVICE_ACCOUNT_KEY_ID,
        "private_key": service_account_pem(),
        "client_email": SERVICE_ACCOUNT_EMAIL,
        "token_uri": token_uri,
    }
