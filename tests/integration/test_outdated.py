"""Generations of before an upgrade are known as such until they are rebuilt, whoever folds on."""

from services.metrics.outdated import count_outdated, outdated
from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.verify import verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org
from shared.rollups.rules import CATALOGUE_VERSION
from tests.integration.test_rebuild import past, share, tell

OLDER, NEWER = CATALOGUE_VERSION - 1, CATALOGUE_VERSION + 1


async def begun_under(database: Database, org: Org, rules: int) -> None:
    """Let what is live have been begun under these rules."""
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "UPDATE generation SET catalogue_version = $2 WHERE org_id = $1", org.id, rules
        )


async def rules_of(database: Database, org: Org) -> dict[int, int]:
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(
            "SELECT generation, catalogue_version FROM generation WHERE org_id = $1", org.id
        )
    return dict(map(tuple, rows))


async def told_of(database: Database, org: Org) -> list[tuple[int, int, int | None]]:
    """Return what is told of the organization: generation, its rules, those of a rebuild."""
    async with database.transaction() as connection:
        found = await outdated(connection)
    return [(e.generation, e.rules, e.begun_under) for e in found if e.org_id == org.id]


async def test_what_begins_is_begun_under_the_newest_rules(database: Database, org: Org) -> None:
    assert await rules_of(database, org) == {1: CATALOGUE_VERSION}
    assert await told_of(database, org) == []


async def test_what_newer_code_folds_on_stays_older_until_it_is_rebuilt(
    database: Database, org: Org
) -> None:
    await tell(database, org, *past())
    await begun_under(database, org, OLDER)
    before = await count_outdated(database)

    await tell(database, org, share(99))
    assert await catch_up(database, org.id) > 0
    assert await told_of(database, org) == [(1, OLDER, None)]
    assert (await verify(database, org.id)).is_outdated

    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await told_of(database, org) == [(1, OLDER, CATALOGUE_VERSION)]
    assert await continue_rebuild(database, org.id)
    assert await told_of(database, org) == []
    assert await rules_of(database, org) == {1: OLDER, 2: CATALOGUE_VERSION}
    assert await count_outdated(database) == before - 1
    assert not (await verify(database, org.id)).is_outdated


async def test_a_rebuild_of_before_the_upgrade_takes_over_and_is_older(
    database: Database, org: Org
) -> None:
    await tell(database, org, *past())
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    await begun_under(database, org, OLDER)

    assert await continue_rebuild(database, org.id)
    assert await told_of(database, org) == [(2, OLDER, None)]


async def test_what_older_code_folds_on_is_older_from_then_on(database: Database, org: Org) -> None:
    await begun_under(database, org, NEWER)
    assert await catch_up(database, org.id) == 0
    assert await rules_of(database, org) == {1: NEWER}, "nothing was folded"

    await tell(database, org, share(1))
    assert await catch_up(database, org.id) == 1
    assert await rules_of(database, org) == {1: CATALOGUE_VERSION}
