"""The API in process: a real database, the real application, no network."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr

from cli.processes import Vendors
from services.api.app import create_app
from services.metrics.fold import fold_batch
from shared import clock
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.ledger import append
from shared.orgs import Org, create_org
from shared.security.keys import SCOPES, create_key
from shared.settings import ApiSettings
from tests.api.asking import post
from tests.api.golden import local

SECRET_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]
Fold = Callable[[Org], Awaitable[None]]
At = Callable[[datetime | str], None]
Tell = Callable[[Sequence[Fact | Retraction]], Awaitable[None]]
Deliver = Callable[[Iterable[dict[str, Any]]], Awaitable[None]]
TellAndCorrect = Callable[[Iterable[dict[str, Any]], Iterable[dict[str, Any]]], Awaitable[None]]

#: When the first quarter is told and when corrected by ``tell_and_correct``, and today after it.
TOLD, CORRECTED, ASKED = date(2025, 3, 31), date(2025, 4, 20), date(2025, 5, 2)


@pytest.fixture(scope="module")
def settings(database_url: str) -> ApiSettings:
    return ApiSettings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr("unix:///nowhere/nobody-listens.sock"),
        secret_key=SecretStr(SECRET_KEY),
        public_url="https://go.example.com",
    )


@pytest.fixture(scope="module")
def built_app(settings: ApiSettings) -> FastAPI:
    """Return the application, built once: its schemas take a second."""
    return create_app(settings, vendors=Vendors(allow_private=False))


@pytest_asyncio.fixture
async def app(built_app: FastAPI) -> AsyncIterator[FastAPI]:
    """Return the application, started."""
    async with built_app.router.lifespan_context(built_app) as state:
        built_app.state.lifespan = state
        yield built_app


@pytest_asyncio.fixture
async def client_of(
    app: FastAPI, settings: ApiSettings, database: Database
) -> AsyncIterator[MakeClient]:
    """Return a maker of clients: each with a key of an organization and some scopes."""
    clients: list[httpx.AsyncClient] = []

    async def make(org: Org, scopes: Collection[str] = SCOPES) -> httpx.AsyncClient:
        async with database.transaction(org.id) as connection:
            key = await create_key(
                connection, settings.keyring(), org_id=org.id, name="test", scopes=scopes
            )
        client = anonymous(app)
        client.headers["Authorization"] = f"Bearer {key.plaintext}"
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


def anonymous(app: FastAPI) -> httpx.AsyncClient:
    """Return a client without a key."""

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        # What a server does with what the lifespan yields; the transport runs no lifespan.
        await app({**scope, "state": dict(app.state.lifespan)}, receive, send)

    transport = httpx.ASGITransport(app=with_state)
    return httpx.AsyncClient(transport=transport, base_url="http://api.test")


@pytest_asyncio.fixture
async def client(client_of: MakeClient, org: Org) -> httpx.AsyncClient:
    return await client_of(org)


@pytest_asyncio.fixture
async def other_org(database: Database) -> Org:
    async with database.transaction() as connection:
        return await create_org(connection, name="Other", time_zone="Europe/Warsaw", currency="USD")


@pytest.fixture
def fold(database: Database) -> Fold:
    async def fold_all(org: Org) -> None:
        while True:
            async with database.transaction(org.id) as connection:
                result = await fold_batch(connection, org.id, 1)
            assert result is not None
            if not result.entries:
                return

    return fold_all


@pytest.fixture
def tell(database: Database, org: Org, fold: Fold) -> Tell:
    """Return what appends facts to the ledger of the organization and folds them."""

    async def told(facts: Sequence[Fact | Retraction]) -> None:
        async with database.transaction(org.id) as connection:
            await append(connection, org, facts)
        await fold(org)

    return told


@pytest.fixture
def deliver(client: httpx.AsyncClient, org: Org, fold: Fold) -> Deliver:
    """Return what posts facts as a partner does and folds them."""

    async def delivered(facts: Iterable[dict[str, Any]]) -> None:
        await post(client, facts)
        await fold(org)

    return delivered


@pytest.fixture
def tell_and_correct(deliver: Deliver, at: At) -> TellAndCorrect:
    """Return what delivers a quarter's facts on its last day and corrections of them later."""

    async def told(quarter: Iterable[dict[str, Any]], corrected: Iterable[dict[str, Any]]) -> None:
        at(local(TOLD))
        await deliver(quarter)
        at(local(CORRECTED))
        await deliver(corrected)
        at(local(ASKED))

    return told


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Return what sets the clock of the whole product; of an instant without a zone, in UTC."""

    def set_clock(instant: datetime | str) -> None:
        given = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        now = given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda: now)

    return set_clock


@pytest.fixture
def today(at: At) -> None:
    """Let it be noon of the Monday on which the goals of the tests are made."""
    at("2025-06-30T12:00")
