"""Generations of before an upgrade are known as such until they are rebuilt, whoever folds on."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from services.api.publications.repository import add_publication, add_withdrawal, folded_now
from services.metrics.fold import fold_batch
from services.metrics.outdated import count_outdated, outdated
from services.metrics.rebuild import (
    PeriodsPublished,
    continue_rebuild,
    start_rebuild,
    under_way,
)
from services.metrics.verify import verify
from services.metrics.verify.repair import repair
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.ids import new_id
from shared.kpis.periods import Period
from shared.orgs import Org, create_org
from shared.rollups.rules import CATALOGUE_VERSION
from tests.integration.falsifying import by_hand
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


async def publish(database: Database, org: Org) -> UUID:
    """Freeze February as it is known now; return the publication's id."""
    publication = new_id()
    async with database.transaction(org.id) as connection:
        known = await folded_now(connection, org)
        assert known is not None
        await add_publication(
            connection,
            org.id,
            publication,
            Period(date(2025, 2, 1), date(2025, 3, 1)),
            known,
            published_at=known.until,
            published_by="key",
            note="February",
        )
    return publication


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


async def test_what_older_code_did_not_fold_is_no_older(database: Database, org: Org) -> None:
    await tell(database, org, share(1))
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    await begun_under(database, org, NEWER)

    async with database.transaction(org.id) as connection:
        assert await fold_batch(connection, org.id, 1) is not None
    assert await rules_of(database, org) == {1: CATALOGUE_VERSION, 2: NEWER}


async def test_newer_rules_move_nothing_that_is_published(
    database: Database, org: Org, database_url: str
) -> None:
    await tell(database, org, *past())
    await catch_up(database, org.id)
    publication = await publish(database, org)
    await begun_under(database, org, OLDER)

    with pytest.raises(PeriodsPublished, match="the rules of this version"):
        async with database.transaction(org.id) as connection:
            await start_rebuild(connection, org.id)
    # What is wrong so that deltas do not mend it is left, too, and nothing is begun.
    await by_hand(database_url, "UPDATE roster SET team = 'other' WHERE org_id = $1", org.id)
    done = await repair(database, org.id)
    assert (done.is_frozen, done.is_rebuilt, done.after.is_outdated) == (True, False, True)
    assert done.after.mismatches > 0
    async with database.transaction(org.id) as connection:
        assert await under_way(connection, org.id) is None

    async with database.transaction(org.id) as connection:
        assert await add_withdrawal(
            connection,
            *(org.id, publication),
            withdrawn_at=clock.now(),
            withdrawn_by="key",
            note="to be told by newer rules",
        )
    done = await repair(database, org.id)
    assert (done.is_frozen, done.is_rebuilt, done.after.mismatches) == (False, True, 0)
    assert await told_of(database, org) == []


async def test_nothing_is_published_that_is_about_to_be_told_by_newer_rules(
    database: Database, org: Org
) -> None:
    await begun_under(database, org, OLDER)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
        assert await folded_now(connection, org) is None
    assert await continue_rebuild(database, org.id)
    async with database.transaction(org.id) as connection:
        assert await folded_now(connection, org) is not None


async def test_organizations_of_one_moment_are_told_in_the_order_of_their_ids(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        orgs = [
            await create_org(connection, name=name, time_zone="UTC", currency="USD")
            for name in "fedcba"
        ]
    moment = datetime(2025, 1, 1, tzinfo=UTC)
    # The last one's rows come first.
    for org in reversed(orgs):
        await begun_under(database, org, OLDER)
        async with database.transaction(org.id) as connection:
            await connection.execute(
                "UPDATE organization SET created_at = $2 WHERE id = $1", org.id, moment
            )

    async with database.transaction() as connection:
        told = [one.org_id for one in await outdated(connection)]
    ids = {org.id for org in orgs}
    assert [org_id for org_id in told if org_id in ids] == sorted(ids)
