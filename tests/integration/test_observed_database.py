"""Trouble with the database is counted under its class: `DbDown` pages by it."""

import socket
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import sqlalchemy.exc

from shared.db import Database
from shared.errors import Unavailable
from shared.observability import metrics
from shared.observability.runtime import observe_process
from shared.web.problems import problem_of


async def no_redis() -> bool:
    return False


def errors(sqlstate_class: str) -> float:
    value: float = metrics.DB_ERRORS.labels(sqlstate_class)._value.get()
    return value


async def ask(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute("SELECT 1")


async def ask_and_be_cut(database: Database, database_url: str) -> None:
    async with database._begin(None) as connection:
        other = await asyncpg.connect(database_url)
        pid = await connection.scalar(sqlalchemy.text("SELECT pg_backend_pid()"))
        await other.execute("SELECT pg_terminate_backend($1)", pid)
        await other.close()
        await connection.execute(sqlalchemy.text("SELECT 1"))


def nobody_listens() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"postgresql://nobody@127.0.0.1:{probe.getsockname()[1]}/none"


async def test_a_server_that_cannot_be_reached_is_counted() -> None:
    database = Database(nobody_listens(), application_name="earned-test")
    before = errors("08")

    async with observe_process(database, no_redis):
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await ask(database)

    assert errors("08") == before + 3


async def test_a_login_that_is_turned_down_is_a_database_that_is_away(database_url: str) -> None:
    parts = urlsplit(database_url)
    address = parts.netloc.rpartition("@")[2]
    elsewhere = urlunsplit(parts._replace(netloc=f"nobody@{address}"))
    database = Database(elsewhere, application_name="earned-test")
    before = errors("08")

    async with observe_process(database, no_redis):
        with pytest.raises(sqlalchemy.exc.DBAPIError) as refused:
            await ask(database)

    assert errors("08") == before + 1
    assert isinstance(problem_of(refused.value), Unavailable)


async def test_a_connection_that_is_cut_is_counted(database_url: str) -> None:
    database = Database(database_url, application_name="earned-test", pool_size=1, max_overflow=0)
    before = errors("08") + errors("57")

    async with observe_process(database, no_redis):
        with pytest.raises(sqlalchemy.exc.DBAPIError):
            await ask_and_be_cut(database, database_url)
        await ask(database)
    await database.close()

    assert errors("08") + errors("57") > before
