"""A small application on the house's foundation, and what its tests share."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import sqlalchemy.exc
from fastapi import APIRouter, Depends, FastAPI, Request
from httpx import ASGITransport, AsyncClient
from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from shared.errors import Conflict
from shared.security.keyring import KeyRing
from shared.settings import ApiSettings
from shared.web.app import create_base_app
from shared.web.auth import Caller, require
from shared.web.json import StrictJsonRoute
from shared.web.state import database as database_of

KEY = base64.b64encode(b"k" * 32).decode()
CANARY = "canary-4f1c@example.com"


class Item(BaseModel):
    """A body with rules of its own."""

    model_config = ConfigDict(extra="forbid")

    name: str
    count: int = 0
    ratio: float = 0.0

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"the name {value} is reserved")
        if value == "empty":
            raise ValueError("a name says something")
        return value


def things() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["things"])

    @router.get("/things/{thing}")
    async def get_thing(
        thing: str, caller: Annotated[Caller, Depends(require("kpis:read"))]
    ) -> dict[str, str]:
        return {"organization": caller.org.name, "key": caller.key_id}

    @router.post("/lax")
    async def post_lax(item: Item) -> dict[str, int]:
        return {"count": item.count}

    @router.get("/lax/{number}")
    async def get_lax(number: int) -> dict[str, int]:
        return {"count": number}

    @router.patch("/lax/{number}")
    async def patch_lax(number: int, item: Item) -> dict[str, int]:
        return {"count": number + item.count}

    @router.post("/bytes")
    async def post_bytes(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    @router.get("/failures/{kind}")
    async def fail(kind: str, request: Request) -> None:
        if kind == "sql":
            async with database_of(request).transaction() as connection:
                await connection.execute("SET LOCAL statement_timeout = 50")
                await connection.execute("SELECT pg_sleep(30)")
        raise FAILURES[kind]

    return router


def strict() -> APIRouter:
    router = APIRouter(prefix="/v1", tags=["strict"], route_class=StrictJsonRoute)

    @router.post("/strict")
    async def post_strict(item: Item) -> dict[str, Any]:
        return item.model_dump()

    return router


def driver_error(kind: type[asyncpg.PostgresError]) -> Exception:
    return sqlalchemy.exc.DBAPIError("SELECT secret", {"p": CANARY}, kind("from the driver"))


FAILURES: dict[str, Exception] = {
    "conflict": Conflict("Already there."),
    "bug": RuntimeError(CANARY),
    "pool": sqlalchemy.exc.TimeoutError("QueuePool limit"),
    "refused": ConnectionRefusedError(111, "refused"),
    "disk": OSError(28, "No space left on device"),
    "missing-file": FileNotFoundError(2, "No such file or directory", CANARY),
    "starting": asyncpg.CannotConnectNowError("starting up"),
    "gone": asyncpg.InterfaceError("connection is closed"),
    "full": driver_error(asyncpg.DiskFullError),
    "deadlock": driver_error(asyncpg.DeadlockDetectedError),
    "locked": asyncpg.LockNotAvailableError("lock timeout"),
    "integrity": driver_error(asyncpg.UniqueViolationError),
}


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with app.router.lifespan_context(app) as state:
        transport = ASGITransport(app=Stateful(app, dict(state or {})), raise_app_exceptions=True)
        async with AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


class Stateful:
    """Hand the lifespan's state to each request, as a server does."""

    def __init__(self, app: FastAPI, state: dict[str, Any]) -> None:
        self.app, self.state = app, state

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "state": dict(self.state)}, receive, send)


def make_app(database_url: str, *, origins: tuple[str, ...] = (), **options: Any) -> FastAPI:
    app = create_base_app(
        "House", settings(database_url, origins), component="api", body_limit=1000, **options
    )
    app.include_router(things())
    app.include_router(strict())
    return app


def ring() -> KeyRing:
    return settings("postgresql://unused").keyring()


def settings(database_url: str, origins: tuple[str, ...] = ()) -> ApiSettings:
    return ApiSettings(
        allowed_origins=origins,
        database_url=SecretStr(database_url),
        redis_url=SecretStr("unix:///nonexistent/redis.sock"),
        secret_key=SecretStr(KEY),
    )


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= body.keys()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    assert CANARY not in response.text
    return body
