"""What goes wrong with vendors, on demand: a queue of faults and how each is played."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.errors import error_body, rate_limit_body

__all__ = ["Fault", "FaultQueue", "play"]

Kind = Literal[
    "rate_limit",
    "server_error",
    "slow",
    "hang",
    "half_body",
    "html",
    "empty",
    "wrong_json",
    "repeated_cursor",
    "drop_field",
]
_LOGIN_PAGE = "<!doctype html><html><title>Sign in</title><body><form></form></body></html>"
_SERVER_ERROR_CODE = {"hubspot": "INTERNAL_ERROR", "linkedin": "INTERNAL_SERVER_ERROR"}
_LARGEST_CLAIM = 1_000_000


class Fault(BaseModel):
    """One fault, played for the next ``times`` requests that it fits."""

    model_config = ConfigDict(extra="forbid")

    vendor: Literal["hubspot", "linkedin", "ga4"]
    kind: Kind
    times: int = Field(default=1, ge=1, le=10_000)
    path: str = Field(default="", description="Only requests whose path contains this text.")
    status: int = Field(default=500, ge=500, le=599, description="Of server_error.")
    headers: dict[str, str] = Field(default_factory=dict, description="Of rate_limit.")
    policy: str = Field(default="TEN_SECONDLY_ROLLING", description="HubSpot's, of rate_limit.")
    delay_seconds: float = Field(default=1.0, gt=0, le=60, description="Of slow: per chunk.")
    chunk_bytes: int = Field(default=1, ge=1, description="Of slow.")
    field: str = Field(default="", description="Of drop_field: the key to leave out everywhere.")


class FaultQueue:
    """Faults in the order they were queued; the first that fits a request is played."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault behind the others."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def waiting(self) -> list[Fault]:
        """Return the faults still to be played, with what is left of their ``times``."""
        return list(self._faults)

    def take(self, vendor: str, path: str) -> Fault | None:
        """Return the fault to play for a request and count it, or None."""
        for fault in self._faults:
            if fault.vendor == vendor and fault.path in path:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None


async def play(fault: Fault, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with a fault instead of, or on top of, what ``app`` would answer."""
    match fault.kind:
        case "hang":
            await _until_disconnected(receive)
        case "slow" | "half_body" | "repeated_cursor" | "drop_field":
            request = Request(scope, receive)
            status, headers, body = await _honest_answer(fault, app, scope, await request.body())
            await _SPOILED[fault.kind](fault, request, send, (status, headers, body))
        case _:
            await _instead(fault)(scope, receive, send)


def _instead(fault: Fault) -> Response:
    vendor = fault.vendor
    match fault.kind:
        case "rate_limit":
            body = rate_limit_body(vendor, fault.policy)
            return JSONResponse(body, status_code=429, headers=fault.headers)
        case "server_error":
            code = _SERVER_ERROR_CODE.get(vendor, "INTERNAL")
            message = "Internal error encountered."
            body = error_body(vendor, status=fault.status, message=message, code=code)
            return JSONResponse(body, status_code=fault.status)
        case "html":
            return HTMLResponse(_LOGIN_PAGE)
        case "wrong_json":
            return Response('{"results": [{"id": "1", ', media_type="application/json")
        case _:
            return Response(b"", media_type="application/json")


_Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


async def _honest_answer(fault: Fault, app: ASGIApp, scope: Scope, body: bytes) -> _Answer:
    if fault.kind == "repeated_cursor" and fault.vendor == "ga4":
        body = _from_the_start(body)
    status, headers, chunks = 0, [], []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        else:
            chunks.append(message.get("body", b""))

    await app(scope, receive, send)
    return status, headers, b"".join(chunks)


async def _drip(fault: Fault, request: Request, send: Send, answer: _Answer) -> None:
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for start in range(0, len(body), fault.chunk_bytes):
        chunk = body[start : start + fault.chunk_bytes]
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if await _is_gone(request.receive, within=fault.delay_seconds):
            return
    await send({"type": "http.response.body", "body": b""})


async def _cut(fault: Fault, request: Request, send: Send, answer: _Answer) -> None:
    # Content-Length promises all of it; the server closes the connection on seeing no more come.
    status, headers, body = answer
    await send({"type": "http.response.start", "status": status, "headers": headers})
    half = body[: len(body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})


async def _repeat(fault: Fault, request: Request, send: Send, answer: _Answer) -> None:
    document = json.loads(answer[2])
    match fault.vendor:
        case "hubspot":
            asked = request.query_params.get("after") or _json_field(await request.body(), "after")
            own = document.get("paging", {}).get("next", {}).get("after")
            document["paging"] = {"next": {"after": asked or own or "0"}}
        case "linkedin":
            here = f"{request.url.path}?{request.url.query}"
            link = {"type": "application/json", "rel": "next", "href": here}
            document.setdefault("paging", {})["links"] = [link]
        case "ga4":
            document["rowCount"] = _LARGEST_CLAIM
    await _send_json(document, answer, send)


async def _drop(fault: Fault, request: Request, send: Send, answer: _Answer) -> None:
    await _send_json(_without(json.loads(answer[2]), fault.field), answer, send)


_SPOILED: dict[str, Callable[[Fault, Request, Send, _Answer], Awaitable[None]]] = {
    "slow": _drip,
    "half_body": _cut,
    "repeated_cursor": _repeat,
    "drop_field": _drop,
}


def _without(value: Any, field: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(item, field) for name, item in value.items() if name != field}
    if isinstance(value, list):
        return [_without(item, field) for item in value]
    return value


def _from_the_start(body: bytes) -> bytes:
    try:
        return json.dumps(json.loads(body) | {"offset": "0"}).encode()
    except (ValueError, TypeError):
        return body


def _json_field(body: bytes, name: str) -> str | None:
    try:
        value = json.loads(body).get(name)
    except (ValueError, AttributeError):
        return None
    return None if value is None else str(value)


async def _send_json(document: Any, answer: _Answer, send: Send) -> None:
    status, headers, _ = answer
    body = json.dumps(document).encode()
    kept = [(name, value) for name, value in headers if name != b"content-length"]
    kept.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": body})


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _is_gone(receive: Receive, *, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await _until_disconnected(receive)
    except TimeoutError:
        return False
    return True
