"""The schema over several releases: brought up from the first, left alone by an older one."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy import make_url

from shared.migrations.runner import head_revision, migrate
from tests.conftest import execute

NAME = "earned_migrated"
#: The first schema that anybody kept data in.
FIRST = "0001"


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """Return the address of a database without any schema."""
    execute(server_url, f"CREATE DATABASE {NAME}")
    yield make_url(server_url).set(database=NAME).render_as_string(hide_password=False)
    execute(server_url, f"DROP DATABASE {NAME} WITH (FORCE)")


def _ask(url: str, statement: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_data_of_the_first_schema_are_kept_by_all_that_follow(empty_url: str) -> None:
    migrate(empty_url, FIRST)
    _ask(
        empty_url,
        "INSERT INTO organization (id, name, time_zone, currency, person_key, created_at) VALUES"
        " (gen_random_uuid(), 'Kept', 'UTC', 'EUR', sha256('k'), now())",
    )

    migrate(empty_url)

    assert _ask(empty_url, "SELECT version_num FROM alembic_version") == head_revision()
    assert _ask(empty_url, "SELECT person_key = sha256('k') FROM organization") is True


def test_a_schema_of_a_newer_release_is_left_as_it_is(empty_url: str) -> None:
    migrate(empty_url)
    _ask(empty_url, "UPDATE alembic_version SET version_num = '9999'")

    migrate(empty_url)

    assert _ask(empty_url, "SELECT version_num FROM alembic_version") == "9999"


def test_two_that_migrate_at_once_do_not_wait_for_each_other(empty_url: str) -> None:
    program = f"from shared.migrations.runner import migrate; migrate({empty_url!r})"
    both = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]

    # Each in a process, as Alembic's runs are. Waiting for each other they would never end.
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert _ask(empty_url, "SELECT version_num FROM alembic_version") == head_revision()
    assert _ask(empty_url, "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 0
