"""Fixtures on a real PostgreSQL: one server per test process, one database per test module.

The server comes from the same wheel that `earned up` uses, so the tests need nothing running. Set
EARNED_TEST_DATABASE_URL to use another server instead (its user must be allowed to create
databases and roles), EARNED_TEST_TEMPLATE=keep to use the template that an earlier run of the
same schema has left there, and EARNED_TEST_DATABASE to use a database of that server, as it is, for
every module.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import settings
from sqlalchemy import make_url

from cli.embedded.postgres import EmbeddedPostgres
from shared.db import Database
from shared.migrations.runner import migrate
from shared.orgs import Org, create_org

# Their assertions then show both sides, as a test's do.
pytest.register_assert_rewrite("tests.property.comparing", "tests.property.returning")

# How busy the machine is says nothing of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TEMPLATE = "earned_template"


class ThrowawayPostgres(EmbeddedPostgres):
    """A server whose data nobody wants to find after a power cut: it never waits for the disk.

    The durability of the embedded server itself is tested with the server as it is.
    """

    def _command(self) -> Sequence[str]:
        # Of two values on one command line PostgreSQL takes the last.
        settings = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*super()._command(), *options]


#: Files of few tests that take long: begun last, one would keep a worker busy and the others idle.
_LONG = ("tests/e2e/", "tests/property/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that the workers of `make test` end together."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))


def _address(server_url: str, database: str) -> str:
    return make_url(server_url).set(database=database).render_as_string(hide_password=False)


def execute(server_url: str, *statements: str) -> None:
    """Execute statements on the server, each outside any transaction."""

    async def run() -> None:
        connection = await asyncpg.connect(_address(server_url, "postgres"))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """Return the address of a PostgreSQL server with a migrated template database."""
    given = os.environ.get("EARNED_TEST_DATABASE_URL")
    if given:
        if os.environ.get("EARNED_TEST_TEMPLATE") != "keep":
            prepare_template(given)
        yield given
        return
    # Directly under the system's temporary directory: as root the server runs as another user.
    directory = Path(tempfile.mkdtemp(prefix="earned-tests-", dir=tempfile.gettempdir()))
    try:
        with ThrowawayPostgres(directory / "postgres") as postgres:
            prepare_template(postgres.url)
            yield postgres.url
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def prepare_template(url: str) -> None:
    """Make the migrated database that each test module starts from."""
    execute(
        url,
        f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)",
        f"CREATE DATABASE {TEMPLATE}",
    )
    migrate(_address(url, TEMPLATE))


@pytest.fixture(scope="module")
def database_url(server_url: str) -> Iterator[str]:
    """Return the address of a fresh, migrated database of this test module."""
    shared = os.environ.get("EARNED_TEST_DATABASE")
    if shared:
        yield _address(server_url, shared)
        return
    name = f"test_{uuid4().hex[:16]}"
    execute(server_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield _address(server_url, name)
    execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Return a pool under the application's role, as the services have it."""
    database = Database(database_url, application_name="tests")
    yield database
    await database.close()


@pytest_asyncio.fixture
async def org(database: Database) -> Org:
    """Return a new organization of its own: days of Warsaw, amounts in dollars."""
    async with database.transaction() as connection:
        return await create_org(connection, name="Test", time_zone="Europe/Warsaw", currency="USD")
