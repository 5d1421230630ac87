"""The processes as an operator meets them: started, probed, ended by a signal.

Nothing here has a time limit of its own: how long a process takes to start is the machine's affair,
and one that ends instead of becoming ready is told at once.
"""

import asyncio
import base64
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import httpx
import orjson
import pytest

from shared.observability.metrics import METHODS

NO_REDIS = "unix:///nonexistent/redis.sock"

SERVE = """
import asyncio
from shared.settings import ApiSettings
from shared.web.app import create_base_app
from shared.web.process import serve

settings = ApiSettings.from_environment()
app = create_base_app("House", settings, component="api")

@app.get("/slow")
async def slow() -> str:
    print("slow begun", flush=True)
    await asyncio.sleep(0.5)
    return "done"

serve(app, settings, component="api")
"""

WORK = """
from shared.settings import MetricsWorkerSettings
from shared.web.process import Work, work

async def fold(org_id):
    pass

def make(resources):
    async def sweep():
        async with resources.database.transaction() as connection:
            print("swept with", await connection.fetchval("SHOW temp_buffers"), flush=True)

    return Work({"fold": fold}, sweep)

settings = MetricsWorkerSettings.from_environment()
work(settings, component="metrics-worker", make=make, temp_buffers="16MB")
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port of the loopback that the process under test can take, and nobody else is given.

    A port that was free a moment ago may be anyone's once a slow start has come to listen on it.
    So it stays bound here, with the option that servers set to share what they ask for by name.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@asynccontextmanager
async def running(
    program: str, database_url: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EARNED_")},
        "EARNED_DATABASE_URL": database_url,
        "EARNED_REDIS_URL": NO_REDIS,
        "EARNED_SECRET_KEY": base64.b64encode(b"k" * 32).decode(),
        **{f"EARNED_{name.upper()}": value for name, value in settings.items()},
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def line_with(process: asyncio.subprocess.Process, text: bytes) -> bytes:
    """Read the process's output up to the first line that holds ``text``."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if text in line:
            return line
    raise AssertionError("the process ended before")


async def until_ready(process: asyncio.subprocess.Process, client: httpx.AsyncClient) -> None:
    """Ask a process that starts until it says that it is ready."""
    while process.returncode is None:
        with suppress(httpx.TransportError):
            if (await client.get("/readyz")).status_code == 200:
                return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the process ended with {process.returncode} before it was ready")


def client_of(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=None, trust_env=False)


async def test_an_http_process_fails_readiness_first_and_then_ends(
    database_url: str, port: int
) -> None:
    async with (
        running(SERVE, database_url, http_port=str(port), drain_delay="1") as process,
        client_of(port) as client,
    ):
        await until_ready(process, client)

        process.send_signal(signal.SIGTERM)
        while (draining := await client.get("/readyz")).status_code == 200:
            await asyncio.sleep(0.01)
        assert draining.json() == {"status": "draining"}
        assert (await client.get("/livez")).status_code == 200

        assert await process.wait() == 0


async def test_a_request_in_hand_is_answered_before_the_end(database_url: str, port: int) -> None:
    async with (
        running(SERVE, database_url, http_port=str(port), drain_delay="0") as process,
        client_of(port) as client,
    ):
        await until_ready(process, client)
        asked = asyncio.create_task(client.get("/slow"))
        await line_with(process, b"slow begun")

        process.send_signal(signal.SIGTERM)

        assert (await asked).json() == "done"
        assert await process.wait() == 0


async def test_a_worker_sweeps_answers_probes_and_ends_without_redis(
    database_url: str, port: int
) -> None:
    async with (
        running(WORK, database_url, metrics_port=str(port)) as process,
        client_of(port) as client,
    ):
        await line_with(process, b"swept with 16MB")
        await until_ready(process, client)
        assert (await client.get("/livez")).status_code == 200
        page = (await client.get("/metrics")).text
        assert "earned_worker_heartbeat_timestamp_seconds" in page
        assert "earned_redis_up 0.0" in page
        assert "earned_http_requests_total" not in page

        process.send_signal(signal.SIGTERM)

        assert await process.wait() == 0


@pytest.mark.parametrize("process_name", ["api", "collector"])
async def test_whatever_is_asked_a_scrape_stays_small(
    database_url: str, port: int, process_name: str
) -> None:
    """CardinalityHigh fires above 2,000 samples, and strangers choose what they ask."""
    program = f"import sys; from cli.main import app; app(['serve', '{process_name}'])"
    async with (
        running(program, database_url, http_port=str(port)) as process,
        client_of(port) as client,
    ):
        await until_ready(process, client)
        routes = set(re.findall(r'route="(/[^"]*)"', (await client.get("/metrics")).text))
        assert routes
        for route in routes | {f"/v1/{number}" for number in range(10)}:
            for method in (*METHODS, "FOO", f"M{len(route)}"):
                await client.request(method, route)

        samples = [
            line
            for line in (await client.get("/metrics")).text.splitlines()
            if not line.startswith("#")
        ]
    assert len(samples) < 2000


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /v1/kpis?x=" + b"x" * 65_536 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/kpis HTTP/1.1\r\nHost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_with_a_problem_too(
    database_url: str, port: int, sent: bytes
) -> None:
    async with running(SERVE, database_url, http_port=str(port)) as process:
        async with client_of(port) as client:
            await until_ready(process, client)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()

    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    problem = orjson.loads(body)
    assert status == "HTTP/1.1 400 Bad Request"
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["content-length"]) == len(body)
    assert headers["connection"] == "close"
    assert (problem["code"], problem["status"]) == ("malformed_request", 400)
    assert problem["request_id"] == headers["x-request-id"]


async def test_the_log_is_one_json_object_a_line(database_url: str, port: int) -> None:
    async with (
        running(SERVE, database_url, http_port=str(port), drain_delay="0") as process,
        client_of(port) as client,
    ):
        await until_ready(process, client)
        await client.get("/nothing?token=canary-4f1c", headers={"X-Request-ID": "request-0001"})
        line = await line_with(process, b"request-0001")

    event = orjson.loads(line)
    assert (event["event"], event["route"], event["status"]) == ("http.request", "unmatched", 404)
    assert event["component"] == "api"
    assert b"canary" not in line
