"""The collector's HTTP side on a real socket, for tests that look at it from outside."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from services.collector.app import create_app
from shared.security.keyring import KeyRing
from shared.settings import CollectorSettings
from shared.web.server import server_config

SECRET_KEY = base64.b64encode(bytes(range(32))).decode()
PUBLIC_URL = "https://collect.example.com/earned"
#: Nobody listens there: whatever works in these tests works without Redis.
NO_REDIS = "redis://127.0.0.1:1/0"


def settings_for(database_url: str) -> CollectorSettings:
    """Return settings of a collector on ``database_url``."""
    return CollectorSettings(
        database_url=SecretStr(database_url),
        redis_url=SecretStr(NO_REDIS),
        secret_key=SecretStr(SECRET_KEY),
        public_url=PUBLIC_URL,
    )


def keyring() -> KeyRing:
    """Return the keys of the collector under test."""
    return KeyRing.from_base64(SECRET_KEY)


@dataclass(frozen=True, slots=True)
class RunningCollector:
    """A collector that serves, and a client that follows no redirect."""

    client: httpx.AsyncClient
    port: int
    state: dict[str, Any]


@asynccontextmanager
async def running_collector(database_url: str) -> AsyncIterator[RunningCollector]:
    """Serve the collector on a free port of the loopback while the block runs."""
    settings = settings_for(database_url)
    config = server_config(
        create_app(settings), host="127.0.0.1", port=0, grace=settings.shutdown_grace
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    await server.is_up.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    limits = httpx.Limits(max_connections=64)
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", limits=limits, trust_env=False, timeout=30
    )
    try:
        async with client:
            yield RunningCollector(client, port, server.lifespan.state)
    finally:
        server.should_exit = True
        await serving


async def status_of_announced(port: int, path: str, length: int) -> int:
    """Announce a body of ``length`` bytes, send none of it, and return the answer's status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    def install_signal_handlers(self) -> None:
        """Leave signals to the test runner."""


async def eventually(
    is_so: Callable[[], Awaitable[bool]], *, seconds: float = 10, pause: float = 0.02
) -> None:
    """Wait until a condition of the outside world holds; fail if it does not in time."""
    async with asyncio.timeout(seconds):
        while not await is_so():
            await asyncio.sleep(pause)
