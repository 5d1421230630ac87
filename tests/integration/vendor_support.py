"""What the tests of polling share: look-alikes on loopback, and connections to them."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.collector.connections import NewConnection, create_connection
from services.collector.http.client import UpstreamClient
from services.collector.session import VendorAccess
from services.collector.sync import RunReport, StreamSync
from shared.db import Database
from shared.ledger import Entry, read_entries
from shared.orgs import Org
from shared.queue import Queue
from shared.security.keyring import KeyRing, MasterKey

RING = KeyRing(MasterKey(b"k" * 32))


class _Server(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Leave the signals of the test process alone."""


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an application on a free port of loopback, in a thread, and yield its address."""
    server = _Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    is_up = threading.Event()
    original = server.startup

    async def startup(sockets: list[Any] | None = None) -> None:
        await original(sockets)
        is_up.set()

    server.startup = startup  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert is_up.wait(10)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


Answering = Callable[[Request, dict[str, Any]], Response]


def fake_vendor(answering: Answering) -> Starlette:
    """Return a vendor that answers every request with ``answering(request, body)``."""

    async def endpoint(request: Request) -> Response:
        raw = await request.body()
        body = await request.json() if raw.startswith(b"{") else {}
        return answering(request, body)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])


@dataclass(frozen=True)
class Polling:
    """A connection of an organization, ready to be polled."""

    database: Database
    org: Org
    access: VendorAccess
    sync: StreamSync
    connection_id: UUID

    async def run(self, stream: str) -> RunReport:
        """Make a stream due and run it."""
        await self.make_due(stream)
        report = await self.sync.run(self.org.id, self.connection_id, stream)
        assert report is not None
        return report

    async def make_due(self, stream: str) -> None:
        """Let a stream be due now."""
        async with self.database.transaction(self.org.id) as connection:
            await connection.execute(
                "UPDATE sync_state SET next_due_at = clock_timestamp() "
                "WHERE connection_id = $1 AND stream = $2",
                self.connection_id,
                stream,
            )

    async def entries(self) -> list[Entry]:
        """Return the whole ledger."""
        async with self.database.transaction(self.org.id) as connection:
            return list(await read_entries(connection, self.org.id, after=0, limit=100_000))

    async def one(self, query: str) -> Any:
        """Return the single row of a query whose only argument is the connection."""
        async with self.database.transaction(self.org.id) as connection:
            return await connection.fetchrow(query, self.connection_id)

    async def state(self, stream: str) -> Any:
        """Return the row of a stream."""
        async with self.database.transaction(self.org.id) as connection:
            return await connection.fetchrow(
                "SELECT * FROM sync_state WHERE connection_id = $1 AND stream = $2",
                self.connection_id,
                stream,
            )


@asynccontextmanager
async def polling(
    database: Database, org: Org, *, provider: str, config: dict[str, Any], auth: dict[str, Any]
) -> AsyncIterator[Polling]:
    """Connect an organization to a vendor look-alike."""
    client = UpstreamClient(allow_private=True)
    access = VendorAccess(database, client, RING)
    new = NewConnection(
        provider=provider,
        source=provider,
        name=provider,
        config=config,
        credentials={"auth": auth},
    )
    async with database.transaction(org.id) as connection:
        connection_id = await create_connection(connection, RING, org.id, new, allow_private=True)
    # Nobody listens there: wake-ups are best effort, and the tests look at the database.
    queue = Queue.connect("redis://127.0.0.1:9")
    try:
        yield Polling(database, org, access, StreamSync(access, queue), connection_id)
    finally:
        await client.aclose()
        await queue.close()
