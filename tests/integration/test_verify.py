"""Verify: what differs from the ledger is found and told, in whole verifications and in samples."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import pytest

from services.metrics.verify import (
    FAMILIES,
    Check,
    Look,
    Sampler,
    Scope,
    draw_scope,
    verify,
    verify_sample,
)
from services.metrics.verify.recompute import target_of
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.orgs import Org
from tests.integration.catalogue_facts import everything
from tests.integration.falsifying import by_hand, falsify
from tests.integration.test_rebuild import fact, found, past, share, tell


async def test_nothing_is_found_where_nothing_is_wrong(database: Database, org: Org) -> None:
    await found(database, org)
    report = await verify(database, org.id)

    assert report.mismatches == 0
    assert report.compared > 300
    assert report.position == 128
    assert report.unverified == ()


async def test_an_empty_ledger_is_right(database: Database, org: Org) -> None:
    report = await verify(database, org.id)
    assert (report.mismatches, report.compared) == (0, 0)


async def test_entries_that_are_not_folded_yet_are_no_mismatch(
    database: Database, org: Org
) -> None:
    await found(database, org)
    await tell(database, org, share(900))

    assert (await verify(database, org.id)).mismatches == 0


async def test_a_changed_value_is_found_with_the_facts_behind_it(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await falsify(database, database_url, org, "shares", 2, "employee")

    report = await verify(database, org.id)
    cell, log = report.listed
    assert report.counts == {Check.CELLS: 1, Check.LOG: 1}
    assert (cell.name, cell.day, cell.cell["slice"]) == ("shares", place["day"], "employee")
    assert Decimal(cell.stored or "") == place["value"] + 2
    assert Decimal(cell.recomputed or "") == place["value"] == cell.facts
    assert all(example.startswith("test post.published-") for example in cell.examples)
    assert (log.name, log.day) == ("shares", place["day"])


async def test_what_nothing_recomputes_is_named(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "UPDATE rollup_slot SET measure = 'unheard_of' WHERE org_id = $1 AND measure = 'shares'",
        org.id,
    )
    report = await verify(database, org.id)
    assert report.unverified == ("unheard_of",)
    assert {m.name for m in report.listed} >= {"shares"}


async def test_a_sample_finds_what_is_wrong_in_it_and_nothing_beside(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await falsify(database, database_url, org, "shares", 1)
    (publications,) = [family for family in FAMILIES if family.name == "publications"]
    (posts,) = [family for family in FAMILIES if family.name == "posts"]
    month = timedelta(days=15)

    hit = Scope(publications, place["day"] - month, place["day"] + month)
    assert [m.name for m in (await verify(database, org.id, scope=hit)).listed] == ["shares"]
    for scope in (
        Scope(posts, place["day"] - month, place["day"] + month),
        Scope(publications, place["day"] + timedelta(days=1), place["day"] + month),
    ):
        assert not (await verify(database, org.id, scope=scope)).listed


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_every_family_verifies_alone(database: Database, org: Org, family: Any) -> None:
    await found(database, org)
    report = await verify(database, org.id, scope=Scope(family))

    assert report.mismatches == 0
    assert report.compared or family.name in {"company", "costs", "leaving", "membership"}


async def test_samples_are_drawn_where_the_facts_are(database: Database, org: Org) -> None:
    chance = Random(1)
    for look in Look:
        assert (await verify_sample(database, org.id, look, chance)).compared == 0
    await found(database, org)

    async with database.transaction(org.id) as connection:
        target = await target_of(connection, org.id)
        drawn = [await draw_scope(connection, target, chance) for _ in range(20)]
    assert all(scope.last_day - scope.first_day == timedelta(days=30) for scope in drawn)
    assert len({scope.family for scope in drawn if scope.family}) > 4


class _Told(Random):
    """Draws the position that it is told."""

    def __init__(self, position: int) -> None:
        super().__init__(1)
        self._position = position

    def randint(self, a: int, b: int) -> int:
        assert a <= self._position <= b
        return self._position


async def test_the_days_of_a_sample_are_those_around_the_fact_that_was_drawn(
    database: Database, org: Org
) -> None:
    days = (10, 25, 17)
    for number in days:
        await tell(database, org, share(number))
    await catch_up(database, org.id)

    async with database.transaction(org.id) as connection:
        target = await target_of(connection, org.id)
        drawn = [
            await draw_scope(connection, target, _Told(position))
            for position in range(1, target.position + 1)
        ]
    assert [scope.first_day.isoformat() for scope in drawn] == [
        "2025-01-27",
        "2025-02-11",
        "2025-02-03",
    ]


async def test_where_entries_are_lost_that_were_folded_a_sample_is_of_all_days(
    database: Database, org: Org, database_url: str
) -> None:
    await tell(database, org, share(10))
    await catch_up(database, org.id)
    await by_hand(database_url, "UPDATE fold_cursor SET position = 9 WHERE org_id = $1", org.id)

    async with database.transaction(org.id) as connection:
        target = await target_of(connection, org.id)
        scope = await draw_scope(connection, target, _Told(9))
    assert (scope.first_day, scope.last_day) == (date.min, date.max)
    for look in (Look.CELLS, Look.PAST):
        assert (await verify_sample(database, org.id, look, _Told(9))).mismatches == 0


class _Attentive(Random):
    """Remembers what there was to choose from."""

    offered: frozenset[UUID] = frozenset()

    def choice(self, seq: Any) -> Any:
        self.offered = frozenset(row["org_id"] for row in seq)
        return super().choice(seq)


async def test_whoever_has_a_figure_may_be_sampled(database: Database, org: Org) -> None:
    chance = _Attentive(1)
    sampler = Sampler(database, every=timedelta(0), chance=chance)
    await tell(database, org, share(1))
    await sampler.due()
    assert org.id not in chance.offered, "nothing is folded yet"

    await catch_up(database, org.id)
    await sampler.due()
    assert org.id in chance.offered


async def test_an_organization_is_due_once_in_a_while(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    sampler = Sampler(database, every=timedelta(days=1), chance=Random(1))
    assert await sampler.due() is None, "not all at once, when workers start"
    ready = Sampler(database, every=timedelta(0), chance=Random(1))
    await found(database, org)
    due = await ready.due()
    assert due is not None


async def test_every_kind_of_fact_is_recomputed(database: Database, org: Org) -> None:
    await tell(database, org, *everything())
    await catch_up(database, org.id)
    report = await verify(database, org.id)

    assert not report.listed
    assert report.unverified == ()
    await tell(database, org, *(Retraction(item.identity) for item in everything()))
    await catch_up(database, org.id)
    assert (await verify(database, org.id)).document()["mismatches"] == dict.fromkeys(Check, 0)


async def test_costs_and_returns_are_recomputed_too(database: Database, org: Org) -> None:
    facts: list[Fact] = [
        *past(),
        fact(
            "cost.booked",
            1,
            category="platform",
            amount="100.00",
            currency="USD",
            starts_on="2025-01-30",
            ends_on="2025-02-02",
        ),
        *(
            fact(kind, number, employee="E1")
            for number, kind in ((1, "member.joined"), (2, "member.left"), (3, "member.joined"))
        ),
    ]
    await tell(database, org, *facts)
    await catch_up(database, org.id)
    assert (await verify(database, org.id)).mismatches == 0
