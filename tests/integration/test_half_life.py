"""The half-life nobody chose follows the sales cycle, one generation after another."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from services.api.publications.repository import folded_now
from services.metrics.half_life import LEAST_DEALS
from services.metrics.rebuild import PeriodsPublished, continue_rebuild, start_rebuild
from services.metrics.remeasure import Remeasurer, remeasure
from services.metrics.verify import repair, verify
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.facts import Fact
from shared.ids import new_id
from shared.ledger import append
from shared.orgs import HalfLifeSource, Org, create_org, load_org
from tests.integration.falsifying import by_hand
from tests.integration.test_generations_meet import until_they_wait
from tests.integration.test_rebuild import fact, won

CREATED = date(2025, 1, 10)
_PUBLISH = """
INSERT INTO publication VALUES ($1, $2, '2025-01-01', '2025-02-01', 1, '2025-03-01', now(), now(),
                                'k', '')
"""


class First(Random):
    """The earliest moment a worker may begin at."""

    def random(self) -> float:
        return 0.0


def sale(number: int, days: int) -> list[Fact]:
    """Return a deal won ``days`` after its lead, which two touches had brought."""
    created = datetime(CREATED.year, CREATED.month, CREATED.day, 10, tzinfo=UTC)
    closed = created + timedelta(days=days)
    touched = [created - timedelta(days=5), created + timedelta(days=days // 2)]
    return [
        *(
            fact(
                "touch.recorded", 10 * number + n, person=f"q{number}", channel=channel
            ).model_copy(update={"occurred_at": at})
            for n, (at, channel) in enumerate(
                zip(touched, ("paid", "employee_advocacy"), strict=True)
            )
        ),
        fact("lead.created", number, lead=f"l{number}", person=f"q{number}").model_copy(
            update={"occurred_at": created}
        ),
        won(number, created.isoformat(), closed.isoformat()),
    ]


async def sell(database: Database, org: Org, numbers: range, days: int) -> None:
    async with database.transaction(org.id) as connection:
        await append(connection, org, [item for n in numbers for item in sale(n, days)])
    await catch_up(database, org.id)


async def loaded(database: Database, org: Org) -> tuple[int, HalfLifeSource, int | None]:
    async with database.transaction() as connection:
        held = await load_org(connection, org.id)
    return held.half_life_days, held.half_life_source, held.half_life_deals


async def rebuild(database: Database, org: Org) -> None:
    assert await continue_rebuild(database, org.id)


def later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=days))


async def test_it_is_half_the_median_cycle_and_all_credit_is_computed_with_it(
    database: Database, org: Org
) -> None:
    await sell(database, org, range(LEAST_DEALS), 59)
    assert await loaded(database, org) == (7, HalfLifeSource.DEFAULT, None)

    assert await remeasure(database, org.id)
    await rebuild(database, org)

    assert await loaded(database, org) == (30, HalfLifeSource.MEASURED, LEAST_DEALS)
    assert (await verify(database, org.id)).mismatches == 0
    async with database.transaction(org.id) as connection:
        shares = await connection.fetch(
            "SELECT share FROM credit WHERE org_id = $1 AND generation = 2"
            " AND model = 'time_decay' AND kind = 'deal' AND channel = 'paid'",
            org.id,
        )
    # Touched 34 days before the other: 1 : 2^(34/30).
    (share,) = {row["share"] for row in shares}
    assert float(share) == pytest.approx(1 / (1 + 2 ** (34 / 30)))


async def test_few_deals_say_nothing(database: Database, org: Org) -> None:
    await sell(database, org, range(LEAST_DEALS - 1), 60)

    assert not await remeasure(database, org.id)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    await rebuild(database, org)
    assert await loaded(database, org) == (7, HalfLifeSource.DEFAULT, None)


async def test_it_moves_when_the_cycle_has_moved_materially_and_not_every_day(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sell(database, org, range(LEAST_DEALS), 60)
    assert await remeasure(database, org.id)
    assert not await remeasure(database, org.id), "a rebuild is under way"
    await rebuild(database, org)

    later(monkeypatch, 8)
    await sell(database, org, range(LEAST_DEALS, 3 * LEAST_DEALS), 68)
    assert not await remeasure(database, org.id), "34 days instead of 30"
    await sell(database, org, range(3 * LEAST_DEALS, 9 * LEAST_DEALS), 72)
    assert await remeasure(database, org.id), "36 days instead of 30: a fifth more"
    await rebuild(database, org)
    assert await loaded(database, org) == (36, HalfLifeSource.MEASURED, 9 * LEAST_DEALS)

    await sell(database, org, range(9 * LEAST_DEALS, 30 * LEAST_DEALS), 10)
    assert not await remeasure(database, org.id), "it was measured just now"
    later(monkeypatch, 8)
    assert await remeasure(database, org.id)


async def test_it_may_move_a_week_after_it_was_measured(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sell(database, org, range(LEAST_DEALS), 60)
    assert await remeasure(database, org.id)
    await rebuild(database, org)
    await sell(database, org, range(LEAST_DEALS, 4 * LEAST_DEALS), 10)
    async with database.transaction(org.id) as connection:
        measured_at = await connection.fetchval(
            "SELECT created_at FROM generation WHERE org_id = $1 AND state = 'live'", org.id
        )
    week_after = measured_at + timedelta(days=7)

    moved = []
    for moment in (week_after - timedelta(microseconds=1), week_after):
        monkeypatch.setattr(clock, "now", lambda now=moment: now)
        moved.append(await remeasure(database, org.id))

    assert moved == [False, True]


async def test_organizations_are_looked_at_every_six_hours(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = clock.now()
    now = begun
    monkeypatch.setattr(clock, "now", lambda: now)
    remeasurer = Remeasurer(database, chance=First())
    six_hours = timedelta(hours=6)

    looked_at = []
    for after in (timedelta(0), six_hours - timedelta(microseconds=1), six_hours):
        now = begun + after
        looked_at.append(org.id in await remeasurer.due())

    assert looked_at == [True, False, True]


async def test_what_an_organization_chose_stays(database: Database) -> None:
    async with database.transaction() as connection:
        org = await create_org(
            connection, name="One", time_zone="Europe/Warsaw", currency="USD", half_life_days=7
        )
    await sell(database, org, range(LEAST_DEALS), 60)

    assert not await remeasure(database, org.id)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    await rebuild(database, org)
    assert await loaded(database, org) == (7, HalfLifeSource.STATED, None)

    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id, half_life_days="measured")
    await rebuild(database, org)
    assert await loaded(database, org) == (30, HalfLifeSource.MEASURED, LEAST_DEALS)
    assert org.id in await _to_look_at(database)


async def test_a_choice_ends_the_measuring(database: Database, org: Org) -> None:
    assert org.id in await _to_look_at(database)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id, half_life_days=14)
    await rebuild(database, org)

    assert await loaded(database, org) == (14, HalfLifeSource.STATED, None)
    assert org.id not in await _to_look_at(database)


async def test_a_repair_does_not_measure_it_from_what_is_wrong(
    database: Database, org: Org, database_url: str
) -> None:
    await sell(database, org, range(LEAST_DEALS), 59)
    assert await remeasure(database, org.id)
    await rebuild(database, org)
    measured = await loaded(database, org)
    await by_hand(
        database_url, "UPDATE deal SET closed_day = closed_day + 99 WHERE org_id = $1", org.id
    )

    done = await repair(database, org.id)

    assert done.is_rebuilt
    assert done.after.mismatches == 0
    assert await loaded(database, org) == measured == (30, HalfLifeSource.MEASURED, LEAST_DEALS)


async def test_published_figures_are_not_moved(database: Database, org: Org) -> None:
    await sell(database, org, range(LEAST_DEALS), 60)
    async with database.transaction(org.id) as connection:
        await connection.execute(_PUBLISH, org.id, new_id())

    assert not await remeasure(database, org.id)


async def test_what_was_in_force_before_moves_what_was_published_after_it(
    database: Database, org: Org
) -> None:
    for half_life_days in (9, 14):
        async with database.transaction(org.id) as connection:
            await start_rebuild(connection, org.id, half_life_days=half_life_days)
        await rebuild(database, org)
    async with database.transaction(org.id) as connection:
        await connection.execute(_PUBLISH, org.id, new_id())

    # Both are in the table still, retired; what is frozen was told with the last.
    for retired in (7, 9):
        with pytest.raises(PeriodsPublished):
            async with database.transaction(org.id) as connection:
                await start_rebuild(connection, org.id, half_life_days=retired)
    async with database.transaction(org.id) as connection:
        assert await start_rebuild(connection, org.id, half_life_days=14) == 4


async def test_figures_that_are_being_published_are_not_moved(database: Database, org: Org) -> None:
    await sell(database, org, range(LEAST_DEALS), 60)
    async with database.transaction(org.id) as publishing:
        assert await folded_now(publishing, org) is not None
        measuring = asyncio.create_task(remeasure(database, org.id))
        await until_they_wait(database, 1)
        await publishing.execute(_PUBLISH, org.id, new_id())

    assert not await measuring


async def _to_look_at(database: Database) -> list[UUID]:
    remeasurer = Remeasurer(database, chance=First())
    found = list(await remeasurer.due())
    assert await remeasurer.due() == (), "once every few hours"
    return found
