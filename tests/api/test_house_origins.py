"""HEAD where GET goes, and calls of front ends from other origins."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from prometheus_client import REGISTRY

from shared.db import Database
from shared.orgs import Org
from shared.security.keys import create_key
from tests.api.house_app import assert_problem, client_of, make_app, ring

APP = "https://app.example.com"
PREFLIGHT = {
    "Origin": APP,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization, x-request-id",
}


@pytest.fixture
def app(database_url: str) -> FastAPI:
    return make_app(database_url, origins=(APP, "http://localhost:3000"))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def key(database: Database, org: Org) -> dict[str, str]:
    async with database.transaction(org.id) as connection:
        key = await create_key(connection, ring(), org_id=org.id, name="test", scopes={"kpis:read"})
    return {"X-API-Key": key.plaintext}


def counted(route: str, method: str, status_class: str) -> float:
    labels = {"route": route, "method": method, "status_class": status_class}
    return REGISTRY.get_sample_value("earned_http_requests_total", labels) or 0.0


async def test_head_is_answered_as_get_without_the_content(
    client: AsyncClient, key: dict[str, str]
) -> None:
    before = counted("/v1/things/{thing}", "GET", "2xx")

    whole = await client.get("/v1/things/1", headers=key)
    head = await client.head("/v1/things/1", headers=key)

    assert (head.status_code, head.content) == (200, b"")
    assert whole.content
    changing = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }
    assert counted("/v1/things/{thing}", "GET", "2xx") == before + 2
    assert counted("/v1/things/{thing}", "HEAD", "2xx") == 0


@pytest.mark.parametrize(
    ("path", "status"), [("/v1/things/1", 401), ("/v1/nothing", 404), ("/v1/lax", 405)]
)
async def test_head_is_refused_as_get_is(client: AsyncClient, path: str, status: int) -> None:
    refused = await client.head(path)

    assert (refused.status_code, refused.content) == (status, b"")
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await client.get(path)).status_code == status


async def test_head_is_no_operation_of_the_document(client: AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    assert not any("head" in path for path in document["paths"].values())


@pytest.mark.parametrize("origin", [APP, "http://localhost:3000"])
async def test_a_named_origin_may_call(
    client: AsyncClient, key: dict[str, str], origin: str
) -> None:
    allowed = await client.options("/v1/things/1", headers={**PREFLIGHT, "Origin": origin})
    answer = await client.get("/v1/things/1", headers={**key, "Origin": origin})

    assert (allowed.status_code, answer.status_code) == (200, 200)
    for response in (allowed, answer):
        assert response.headers["access-control-allow-origin"] == origin
        assert "Origin" in response.headers["vary"]
        assert "access-control-allow-credentials" not in response.headers
        assert "x-request-id" in response.headers
    assert answer.headers["access-control-expose-headers"] == "X-Request-Id, Retry-After"
    assert {"GET", "HEAD", "POST", "DELETE"} <= set(
        allowed.headers["access-control-allow-methods"].split(", ")
    )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/things/1", 401, "unauthenticated"),
        ("/v1/nothing", 404, "not_found"),
        ("/v1/failures/starting", 503, "unavailable"),
        ("/v1/failures/bug", 500, "internal_error"),
    ],
)
async def test_a_front_end_can_read_why_it_was_refused(
    client: AsyncClient, path: str, status: int, code: str
) -> None:
    refused = await client.get(path, headers={"Origin": APP})

    assert_problem(refused, status, code)
    assert refused.headers["access-control-allow-origin"] == APP
    assert "X-Request-Id" in refused.headers["access-control-expose-headers"]
    assert status != 503 or "retry-after" in refused.headers


async def test_a_body_that_is_too_large_is_a_refusal_to_read_too(client: AsyncClient) -> None:
    refused = await client.post("/v1/lax", content=b"x" * 2000, headers={"Origin": APP})

    assert_problem(refused, 413, "too_large")
    assert refused.headers["access-control-allow-origin"] == APP


@pytest.mark.parametrize(
    "asked",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": f"{APP}.evil.example"},
        {"Origin": "http://app.example.com"},
        {"Access-Control-Request-Method": "TRACE"},
        {"Access-Control-Request-Headers": "x-canary"},
    ],
)
async def test_a_preflight_of_others_is_refused(client: AsyncClient, asked: dict[str, str]) -> None:
    refused = await client.options("/v1/things/1", headers={**PREFLIGHT, **asked})

    assert_problem(refused, 400, "malformed_request")
    assert refused.headers.get("access-control-allow-origin") in {None, APP}
    assert ("Origin" in asked) == ("access-control-allow-origin" not in refused.headers)
    assert "evil" not in refused.text + str(refused.headers)
    assert "canary" not in refused.text + str(refused.headers)


async def test_another_origin_gets_no_leave_to_read(
    client: AsyncClient, key: dict[str, str]
) -> None:
    answer = await client.get("/v1/things/1", headers={**key, "Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in answer.headers


async def test_unless_origins_are_named_nothing_is_said_of_them(database_url: str) -> None:
    async with client_of(make_app(database_url)) as client:
        preflight = await client.options("/v1/things/1", headers=PREFLIGHT)
        answer = await client.get("/v1/things/1", headers={"Origin": APP})

    assert_problem(preflight, 405, "method_not_allowed")
    for response in (preflight, answer):
        assert not any(name.startswith("access-control-") for name in response.headers)
