"""Who gets in, and how every refusal looks."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from prometheus_client import REGISTRY

from shared.db import Database
from shared.observability.logging import configure_logging
from shared.orgs import Org
from shared.security.keys import IssuedKey, create_key, revoke_key
from tests.api.house_app import CANARY, assert_problem, client_of, make_app, ring


@pytest.fixture(autouse=True, scope="module")
def _logs() -> None:
    configure_logging(component="api")


@pytest.fixture
async def app(database_url: str) -> FastAPI:
    return make_app(database_url, body_limits={"/v1/bytes": 5000})


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def key(database: Database, org: Org) -> str:
    return (await issue(database, org, "kpis:read")).plaintext


async def issue(database: Database, org: Org, scope: str) -> IssuedKey:
    async with database.transaction(org.id) as connection:
        return await create_key(connection, ring(), org_id=org.id, name="test", scopes={scope})


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
async def test_a_key_is_taken_from_either_header(
    client: AsyncClient, key: str, header: str
) -> None:
    value = f"Bearer {key}" if header == "Authorization" else key

    response = await client.get("/v1/things/1", headers={header: value})

    assert response.status_code == 200
    assert response.json()["organization"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"X-API-Key": ""},
        {"X-API-Key": "\u00e9".encode().decode("latin-1")},
        {"X-Tenant-ID": "00000000-0000-0000-0000-000000000001"},
    ],
)
async def test_without_a_valid_key_nobody_gets_in(
    client: AsyncClient, headers: dict[str, str]
) -> None:
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}

    response = await client.get("/v1/things/1", headers=encoded)

    assert_problem(response, 401, "unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


async def test_two_different_keys_are_as_good_as_none(client: AsyncClient, key: str) -> None:
    another = key[:-1] + ("x" if key[-1] != "x" else "y")
    headers = {"Authorization": f"Bearer {key}", "X-API-Key": another}

    assert_problem(await client.get("/v1/things/1", headers=headers), 401, "unauthenticated")


async def test_a_key_without_the_scope_is_told_which(
    client: AsyncClient, database: Database, org: Org
) -> None:
    issued = await issue(database, org, "facts:write")

    response = await client.get("/v1/things/1", headers={"X-API-Key": issued.plaintext})

    assert "kpis:read" in assert_problem(response, 403, "insufficient_scope")["detail"]


async def test_a_revoked_key_is_refused_by_the_next_request(
    client: AsyncClient, database: Database, org: Org, key: str
) -> None:
    assert (await client.get("/v1/things/1", headers={"X-API-Key": key})).status_code == 200

    async with database.transaction(org.id) as connection:
        await revoke_key(connection, org_id=org.id, key_id=key.split("_")[2])

    response = await client.get("/v1/things/1", headers={"X-API-Key": key})
    assert_problem(response, 401, "unauthenticated")


async def test_openapi_shows_the_scope_of_an_operation(client: AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    operation = document["paths"]["/v1/things/{thing}"]["get"]
    assert operation["operationId"] == "things_get_thing"
    assert operation["security"] == [{"bearer": ["kpis:read"]}, {"api_key": ["kpis:read"]}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "api_key"}


async def test_unknown_paths_and_methods_are_problems(client: AsyncClient) -> None:
    assert_problem(await client.get(f"/v1/{CANARY}"), 404, "not_found")
    refused = await client.put("/v1/lax")
    assert_problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"] == "POST"


async def test_all_methods_of_a_path_are_allowed_not_only_those_of_its_first_route(
    client: AsyncClient,
) -> None:
    one = await client.put("/v1/things/1")
    several = await client.delete("/v1/lax/1")
    probe = await client.post("/livez")

    assert one.headers["allow"] == "GET, HEAD"
    assert several.headers["allow"] == "GET, HEAD, PATCH"
    assert probe.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_a_body_that_is_not_sent_as_json_is_refused_for_that(
    client: AsyncClient, media_type: str
) -> None:
    headers = {"Content-Type": media_type}
    answer = await client.post("/v1/strict", content=b'{"name": "n"}', headers=headers)
    nothing = await client.post("/v1/strict", headers=headers)

    assert_problem(answer, 415, "unsupported_media_type")
    assert "application/json" in answer.json()["detail"]
    assert_problem(nothing, 422, "invalid")


@pytest.mark.parametrize(
    ("body", "field", "rule"),
    [
        ({}, "body.name", "missing"),
        ({"name": CANARY, "count": CANARY}, "body.count", "int_parsing"),
        ({"name": f"bad {CANARY}"}, "body.name", "value_error"),
        ({"name": "n", CANARY: 1}, "body.?", "extra_forbidden"),
        ({"name": "n", "count": 1.5}, "body.count", "int_from_float"),
    ],
)
async def test_a_broken_rule_is_named_and_the_input_is_not_repeated(
    client: AsyncClient, body: dict[str, Any], field: str, rule: str
) -> None:
    problem = assert_problem(await client.post("/v1/lax", json=body), 422, "invalid")

    assert [(e["field"], e["rule"]) for e in problem["errors"]] == [(field, rule)]
    assert all(e["message"] for e in problem["errors"])


async def test_a_validators_own_words_reach_the_caller(client: AsyncClient) -> None:
    problem = assert_problem(await client.post("/v1/lax", json={"name": "empty"}), 422, "invalid")

    assert problem["errors"][0]["message"] == "a name says something"


@pytest.mark.parametrize(
    "body",
    [
        '{"name": "n", "count": NaN}',
        '{"name": "n", "ratio": "\\ud800"}',
        '{"name": "n", "count": Infinity}',
        '{"name": "n", "count": 1e999}',
        '{"\\ud800": 1}',
        '{"name": NaN}',
        "[" * 100_00,
    ],
)
async def test_what_json_cannot_repeat_is_a_client_error_even_where_json_is_lax(
    client: AsyncClient, body: str
) -> None:
    response = await client.post(
        "/v1/lax", content=body[:900], headers={"Content-Type": "application/json"}
    )

    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"name": "n"', 400, "malformed_json"),
        (b"", 422, "invalid"),
        (b'{"name": "n", "count": NaN}', 400, "malformed_json"),
        (b'{"name": "n", "ratio": -Infinity}', 400, "malformed_json"),
        (b'{"name": "a", "name": "b"}', 400, "malformed_json"),
        (b"\xef\xbb\xbf{}", 400, "malformed_json"),
        ('{"name": "n"}'.encode("utf-16"), 400, "malformed_json"),
        (b'{"name": "\xff"}', 400, "malformed_json"),
        (b"[" * 900, 400, "malformed_json"),
        (b"[" * 33 + b"]" * 33, 400, "malformed_json"),
        (b'{"name": "n", "ratio": 1e999}', 422, "invalid_number"),
        (b'{"name": "n", "count": ' + b"9" * 500 + b"}", 422, "invalid_number"),
        (b'{"name": "\\ud800"}', 422, "invalid_text"),
        (b'{"name": "\\u0000"}', 422, "invalid_text"),
        (b'{"name": "n", "\\ud800": 1}', 422, "invalid_text"),
    ],
)
async def test_strict_json_refuses_what_parsers_disagree_on(
    client: AsyncClient, body: bytes, status: int, code: str
) -> None:
    response = await client.post(
        "/v1/strict", content=body, headers={"Content-Type": "application/json"}
    )

    assert_problem(response, status, code)


async def test_strict_json_reads_ordinary_bodies(client: AsyncClient) -> None:
    body = {"name": "Zażółć 🎉", "count": 2**60, "ratio": 0.5}

    assert (await client.post("/v1/strict", json=body)).json() == body


@pytest.mark.parametrize(
    "kind",
    ["pool", "refused", "disk", "starting", "gone", "full", "deadlock", "locked", "sql"],
)
async def test_what_passes_is_a_503_that_says_when_to_come_back(
    client: AsyncClient, kind: str
) -> None:
    response = await client.get(f"/v1/failures/{kind}")

    assert_problem(response, 503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1


async def test_a_problem_raised_by_a_service_keeps_its_code(client: AsyncClient) -> None:
    body = assert_problem(await client.get("/v1/failures/conflict"), 409, "conflict")

    assert body["detail"] == "Already there."


@pytest.mark.parametrize("kind", ["bug", "missing-file", "integrity"])
async def test_what_nobody_expected_is_a_bare_500_and_is_counted(
    client: AsyncClient, kind: str
) -> None:
    def count() -> float:
        return (
            REGISTRY.get_sample_value("earned_unhandled_exceptions_total", {"component": "api"})
            or 0
        )

    before = count()

    assert_problem(await client.get(f"/v1/failures/{kind}"), 500, "internal_error")

    assert count() == before + 1
