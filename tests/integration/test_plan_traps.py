"""A batch reads what it touches, whatever PostgreSQL believes of its tables.

The planner goes by statistics, and those are wrong where it hurts: taken when a table was all but
empty, or ignorant of a generation or an organization that is younger. A look-up through the wrong
index, or through the whole table, then seems to cost as little as the right one. So the same news
is told of some of a small crowd and of some of a large one, and what is counted is the rows that
the two batches read, never time.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pytest_asyncio

from services.metrics.fold import fold_batch
from services.metrics.rebuild import start_rebuild
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.orgs import Org
from tests.integration.believing import database, url
from tests.integration.crowd import life, news
from tests.integration.planning import TABLES, execute, found, rows_read, tell

__all__ = ["database", "url"]

_BEGINNINGS, _FEW, _MANY, _CONCERNED = 5, 40, 240, 8


class Story(NamedTuple):
    """The positions at which the chapters of a ledger end."""

    few: int
    news_of_few: int
    many: int
    news_of_many: int


@pytest_asyncio.fixture
async def org(database: Database) -> Org:
    return await found(database)


async def tell_story(database: Database, org: Org) -> Story:
    """Tell of a small crowd and of a large one, each with the same news of as many people."""
    return Story(
        await tell(database, org, _lives(range(_FEW))),
        await tell(database, org, _news(range(_CONCERNED))),
        await tell(database, org, _lives(range(_FEW, _MANY))),
        await tell(database, org, _news(range(_FEW, _FEW + _CONCERNED))),
    )


def _lives(numbers: range) -> Iterable[Fact]:
    return (fact for number in numbers for fact in life(number))


def _news(numbers: range) -> Iterable[Fact | Retraction]:
    return (item for number in numbers for item in news(number))


async def fold(
    database: Database, org: Org, until: int, *, generation: int = 1
) -> Mapping[str, int]:
    """Fold what there is up to a position as one batch; return how many rows it read of each."""
    async with database.transaction(org.id) as connection:
        position = await connection.fetchval(
            "SELECT position FROM fold_cursor WHERE org_id = $1 AND generation = $2",
            org.id,
            generation,
        )
        before = await rows_read(connection)
        result = await fold_batch(connection, org.id, generation, limit=until - position)
        assert result is not None
        assert result.position == until, "a batch of its own"
        after = await rows_read(connection)
    return {table: after[table] - before[table] for table in after}


async def assert_flat(database: Database, org: Org, story: Story, *, generation: int = 1) -> None:
    """Fold a story; the news of the large crowd must read no more than that of the small one."""
    read = {}
    for chapter, until in story._asdict().items():
        read[chapter] = await fold(database, org, until, generation=generation)
    few, many = read["news_of_few"], read["news_of_many"]
    # Six times as many people: what reads all of them, for each of a few or once, reads as much
    # more. The two batches themselves differ in a few rows, by which cells were there before.
    steeper = {
        table: (few[table], many[table])
        for table in TABLES
        if many[table] > 1.5 * few[table] + 10 * _CONCERNED
    }
    assert not steeper
    assert all(
        many[table] for table in ("cell", "deal", "lead", "person_link", "standing", "touch")
    )


async def test_a_batch_reads_what_it_touches_before_statistics_were_ever_taken(
    database: Database, org: Org
) -> None:
    await assert_flat(database, org, await tell_story(database, org))


async def test_a_batch_reads_what_it_touches_with_statistics_of_all_but_empty_tables(
    database: Database, org: Org, url: str
) -> None:
    first = range(_MANY, _MANY + _BEGINNINGS)
    await fold(database, org, await tell(database, org, _lives(first)))
    await fold(database, org, await tell(database, org, _news(first)))
    await execute(url, "ANALYZE")

    await assert_flat(database, org, await tell_story(database, org))


async def test_a_batch_of_a_generation_younger_than_the_statistics_reads_what_it_touches(
    database: Database, org: Org, url: str
) -> None:
    story = await tell_story(database, org)
    for until in story:
        await fold(database, org, until)
    await execute(url, "ANALYZE")
    async with database.transaction(org.id) as connection:
        generation = await start_rebuild(connection, org.id)

    await assert_flat(database, org, story, generation=generation)


async def test_a_batch_of_an_organization_younger_than_the_statistics_reads_what_it_touches(
    database: Database, org: Org, url: str
) -> None:
    for until in await tell_story(database, org):
        await fold(database, org, until)
    await execute(url, "ANALYZE")
    younger = await found(database)

    await assert_flat(database, younger, await tell_story(database, younger))
