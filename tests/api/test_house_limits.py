"""What a request may send, what it leaves behind, and the probes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from prometheus_client import REGISTRY

from shared.observability.logging import configure_logging
from tests.api.house_app import CANARY, assert_problem, client_of, make_app


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


async def test_a_body_over_the_limit_is_refused(client: AsyncClient) -> None:
    response = await client.post("/v1/lax", content=b"x" * 1001)

    assert_problem(response, 413, "too_large")
    assert response.headers["connection"] == "close"


async def test_a_body_without_a_length_is_refused_while_it_is_read(client: AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1_000_000:
            sent += 100
            yield b"x" * 100

    response = await client.post(
        "/v1/lax", content=endless(), headers={"Content-Type": "application/json"}
    )

    assert_problem(response, 413, "too_large")
    assert sent < 2000


@pytest.mark.parametrize("encoding", ["gzip", "br", "gzip, gzip", "Identity, gzip"])
async def test_a_packed_body_is_refused(client: AsyncClient, encoding: str) -> None:
    answer = await client.post("/v1/bytes", content=b"x", headers={"Content-Encoding": encoding})

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_a_path_may_have_a_limit_of_its_own(client: AsyncClient) -> None:
    assert (await client.post("/v1/bytes", content=b"x" * 5000)).json() == {"length": 5000}
    assert_problem(await client.post("/v1/bytes", content=b"x" * 5001), 413, "too_large")


@pytest.mark.parametrize("length", ["-1", "1.5", "x", "9" * 30])
async def test_an_announced_length_must_be_one(client: AsyncClient, length: str) -> None:
    response = await client.post("/v1/bytes", content=b"", headers={"Content-Length": length})

    assert_problem(response, 400, "malformed_request")


async def test_a_body_that_does_not_arrive_is_given_up(database_url: str) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    app = make_app(database_url, body_patience=timedelta(milliseconds=20))
    async with client_of(app) as client:
        response = await client.post("/v1/bytes", content=slow())

    assert_problem(response, 408, "request_timeout")


@pytest.mark.parametrize("presented", ["abcdefgh", "A-" * 32])
async def test_a_well_formed_request_id_is_echoed(client: AsyncClient, presented: str) -> None:
    response = await client.get("/livez", headers={"X-Request-ID": presented})

    assert response.headers["x-request-id"] == presented


@pytest.mark.parametrize(
    "presented", ["short", "x" * 65, "with space", "abc\u2028defgh", "a_b_c_d_e"]
)
async def test_any_other_request_id_is_replaced(client: AsyncClient, presented: str) -> None:
    response = await client.get("/livez", headers={b"X-Request-ID": presented.encode()})

    assert len(response.headers["x-request-id"]) == 36


def requests_total(**labels: str) -> float:
    return REGISTRY.get_sample_value("earned_http_requests_total", labels) or 0


async def test_requests_are_counted_under_the_whole_template(client: AsyncClient) -> None:
    labels = {"route": "/v1/things/{thing}", "method": "GET", "status_class": "4xx"}
    before = requests_total(**labels)

    await client.get("/v1/things/42")

    assert requests_total(**labels) == before + 1


async def test_random_paths_and_methods_make_no_new_series(client: AsyncClient) -> None:
    await client.request("FOO", "/v1/x")
    await client.get("/v1/x")
    known = len((await client.get("/metrics")).text.splitlines())

    for number in range(50):
        await client.request(f"M{number}", f"/v1/{number}")
        await client.get(f"/v1/{number}?q={CANARY}")

    page = (await client.get("/metrics")).text
    assert len(page.splitlines()) == known
    assert CANARY not in page


async def test_a_method_that_no_route_takes_is_no_series_of_the_route(client: AsyncClient) -> None:
    assert (await client.delete("/v1/lax")).status_code == 405

    page = (await client.get("/metrics")).text
    assert 'method="POST",route="/v1/lax"' in page
    assert 'method="DELETE",route="/v1/lax"' not in page


async def test_every_answer_carries_the_security_headers(client: AsyncClient) -> None:
    for path in ("/livez", "/v1/nothing", "/v1/lax/1"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


async def test_probes_answer_when_all_is_well(client: AsyncClient) -> None:
    assert (await client.get("/livez")).status_code == 200
    assert (await client.get("/readyz")).json() == {"status": "ok"}
    assert "earned_build_info" in (await client.get("/metrics")).text


async def test_readiness_fails_first_when_the_process_is_ending(
    app: FastAPI, client: AsyncClient
) -> None:
    app.state.health.drain()

    assert (await client.get("/readyz")).json() == {"status": "draining"}
    assert (await client.get("/readyz")).status_code == 503
    assert (await client.get("/livez")).status_code == 200


async def test_without_the_database_the_process_is_alive_and_not_ready() -> None:
    app = make_app("postgresql://nobody@localhost:1/nothing")
    async with client_of(app) as client:
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")

    assert (ready.status_code, ready.json()) == (503, {"status": "database_unavailable"})


async def test_an_older_schema_is_not_ready_and_a_newer_one_is(
    client: AsyncClient, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    head = await connection.fetchval("SELECT version_num FROM alembic_version")
    try:
        for revision, status in (("0000", 503), ("9999", 200)):
            await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
            assert (await client.get("/readyz")).status_code == status
    finally:
        await connection.execute("UPDATE alembic_version SET version_num = $1", head)
        await connection.close()
