"""What PostgreSQL may believe of an organization's tables: states of statistics, and fixtures.

Of an organization or a generation younger than the statistics, of tables that were all but empty
or never looked at, one row is expected of each. A state is made around a way to fill a database.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from shared.db import Database
from shared.orgs import Org
from tests.integration.planning import execute, own_database

__all__ = ["PREPARED", "Fill", "Prepare", "database", "url"]

#: Fills a database with an organization of so many people, or of as many as it has.
Fill = Callable[[Database, int | None], Awaitable[Org]]
#: Makes a state of the statistics and returns the organization to ask about.
Prepare = Callable[[Database, str, Fill], Awaitable[Org]]

_FEW = 5


@pytest_asyncio.fixture
async def url(server_url: str) -> AsyncIterator[str]:
    """Return the address of a database of which only the test takes statistics."""
    async with own_database(server_url) as own:
        yield own


@pytest_asyncio.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Return that database."""
    opened = Database(url, application_name="tests", statement_timeout_ms=60_000)
    yield opened
    await opened.close()


async def _never_analyzed(database: Database, url: str, fill: Fill) -> Org:
    return await fill(database, None)


async def _analyzed_while_empty(database: Database, url: str, fill: Fill) -> Org:
    await execute(url, "ANALYZE")
    return await fill(database, None)


async def _analyzed_with_few_rows(database: Database, url: str, fill: Fill) -> Org:
    await fill(database, _FEW)
    await execute(url, "ANALYZE")
    return await fill(database, None)


async def _younger_organization(database: Database, url: str, fill: Fill) -> Org:
    await fill(database, None)
    await execute(url, "ANALYZE")
    return await fill(database, None)


PREPARED: tuple[Prepare, ...] = (
    _never_analyzed,
    _analyzed_while_empty,
    _analyzed_with_few_rows,
    _younger_organization,
)
