"""Verify and repair: what differs is found, told, mended in the open, and nothing else changes."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from services.metrics.rebuild import RebuildUnderWay, start_rebuild
from services.metrics.verify import FAMILIES, Check, Sampler, Scope, draw_samples, repair, verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.observability import metrics
from shared.orgs import Org
from tests.integration.catalogue_facts import everything
from tests.integration.test_rebuild import fact, found, live, past, share, state_of, tell

_PLACE = """
SELECT s.family, s.slot, c.cell, v.day, v.value
  FROM rollup_slot s
  JOIN rollup_value v USING (org_id, generation, measure)
  JOIN cell c USING (org_id, generation, cell)
 WHERE s.org_id = $1 AND s.measure = $2 AND c.slice = $3 AND v.value <> 0
 ORDER BY v.day, c.cell LIMIT 1
"""


async def by_hand(database_url: str, statement: str, *arguments: Any) -> None:
    """Change something as the schema's owner, past all rules."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement, *arguments)
    finally:
        await connection.close()


async def falsify(
    database: Database, database_url: str, org: Org, measure: str, by: int, slice_: str = "total"
) -> Any:
    """Add ``by`` to one stored value and return which."""
    async with database.transaction(org.id) as connection:
        place = await connection.fetchrow(_PLACE, org.id, measure, slice_)
    assert place is not None
    await by_hand(
        database_url,
        f"UPDATE rollup SET v{place['slot']} = v{place['slot']} + $5"
        " WHERE org_id = $1 AND family = $2 AND cell = $3 AND day = $4",
        *(org.id, place["family"], place["cell"], place["day"], Decimal(by)),
    )
    return place


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


async def test_a_repair_adds_what_is_missing_and_says_so(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    logged = await _logged(database, org)
    place = await falsify(database, database_url, org, "shares", 2)

    done = await repair(database, org.id)
    assert done.before.counts[Check.CELLS] == 1
    assert done.after.mismatches == 0
    assert not done.is_rebuilt
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch("SELECT * FROM rollup_repair WHERE org_id = $1", org.id)
    (told,) = rows
    assert (told["measure"], told["day"], told["cell"]) == ("shares", place["day"], place["cell"])
    assert (told["stored"], told["recomputed"]) == (place["value"] + 2, place["value"])
    assert told["position"] == done.before.position
    # The log was right: there is nothing to add to it.
    assert await _logged(database, org) == logged

    assert (await repair(database, org.id)).before.mismatches == 0
    async with database.transaction(org.id) as connection:
        told_again = await connection.fetch(
            "SELECT id FROM rollup_repair WHERE org_id = $1", org.id
        )
    assert [row["id"] for row in told_again] == [told["id"]]


async def test_a_repair_beside_another_generation_adds_what_is_missing_once(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "INSERT INTO generation SELECT (g).* FROM ("
        ' SELECT jsonb_populate_record(g, \'{"generation": 2, "state": "building"}\') AS g'
        " FROM generation g WHERE org_id = $1) g",
        org.id,
    )
    await by_hand(
        database_url,
        "INSERT INTO rollup_slot (org_id, generation, measure, family, slot)"
        " SELECT org_id, 2, measure, family, slot FROM rollup_slot WHERE org_id = $1",
        org.id,
    )
    await falsify(database, database_url, org, "shares", 2)

    done = await repair(database, org.id)
    assert done.before.counts[Check.CELLS] == 1
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)


async def _logged(database: Database, org: Org) -> int:
    async with database.transaction(org.id) as connection:
        logged: int = await connection.fetchval(
            "SELECT count(*) FROM rollup_change WHERE org_id = $1", org.id
        )
    return logged


async def test_what_was_miscounted_is_mended_in_the_log_as_well(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await falsify(database, database_url, org, "shares", 2)
    miscounted = (
        "INSERT INTO rollup_change (org_id, generation, position, known_on, cell, day, family,"
        f" d{place['slot']}) VALUES ($1, 1, 1, $2, $3, $4, $5, 2)"
    )
    where = (place["cell"], place["day"], place["family"])
    await by_hand(database_url, miscounted, org.id, date(2025, 1, 1), *where)
    assert set((await verify(database, org.id)).counts) == {Check.CELLS}

    done = await repair(database, org.id)
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)
    async with database.transaction(org.id) as connection:
        (told,) = await connection.fetch("SELECT * FROM rollup_repair WHERE org_id = $1", org.id)
        (logged,) = await connection.fetch(
            "SELECT * FROM rollup_delta WHERE org_id = $1 AND repaired_at IS NOT NULL", org.id
        )
    assert (logged["measure"], logged["cell"], logged["day"]) == ("shares", *where[:2])
    assert (logged["delta"], logged["repaired_at"]) == (-2, told["repaired_at"])
    assert (logged["position"], logged["known_on"]) == (told["position"], told["known_on"])


async def test_a_delta_that_the_log_lost_is_logged_again(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(
        database_url,
        "DELETE FROM rollup_change WHERE org_id = $1 AND position = ("
        " SELECT max(position) FROM rollup_change WHERE org_id = $1)",
        org.id,
    )
    before = await verify(database, org.id)
    assert set(before.counts) == {Check.LOG}

    # By a rebuild: logged today it would be no part of what was known until then.
    done = await repair(database, org.id)
    assert done.after.mismatches == 0
    assert done.is_rebuilt


async def test_a_value_the_fold_never_wrote_is_taken_away_again(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await falsify(database, database_url, org, "shares", 0)
    await by_hand(
        database_url,
        f"INSERT INTO rollup (org_id, generation, cell, day, family, v{place['slot']})"
        " VALUES ($1, 1, $2, '2031-01-01', $3, 7)",
        *(org.id, place["cell"], place["family"]),
    )
    report = await verify(database, org.id)
    assert [(m.name, m.stored, m.facts) for m in report.listed if m.check is Check.CELLS] == [
        ("shares", "7", 0)
    ]
    assert (await repair(database, org.id)).after.mismatches == 0


@pytest.mark.parametrize(
    ("statement", "check", "name"),
    [
        ("UPDATE roster SET team = 'Z' WHERE org_id = $1", Check.STATE, "roster"),
        ("DELETE FROM post_snapshot WHERE org_id = $1", Check.STATE, "post_snapshot"),
        ("UPDATE deal SET amount = 1 WHERE org_id = $1", Check.STATE, "deal"),
        (
            "UPDATE credit_row SET amounts[4] = amounts[4] + 0.01 WHERE org_id = $1",
            Check.CREDIT,
            " linear ",
        ),
        ("DELETE FROM cell WHERE org_id = $1 AND slice = 'total'", Check.CELLS, "shares"),
    ],
)
async def test_what_deltas_cannot_mend_is_rebuilt(
    database: Database, org: Org, database_url: str, statement: str, check: Check, name: str
) -> None:
    await found(database, org)
    await by_hand(database_url, statement, org.id)
    report = await verify(database, org.id)
    assert report.counts[check]
    assert any(m.check is check and name in m.name for m in report.listed)

    done = await repair(database, org.id)
    assert done.is_rebuilt
    assert done.after.mismatches == 0
    assert await state_of(database, org) == {1: "retired", 2: "live"}


async def test_a_lost_cell_takes_a_rebuild_though_another_cell_lacks_the_same_value(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    alone = {"employee": "E9", "occurred_at": "2025-01-15T10:00:00Z"}
    await tell(database, org, fact("post.published", 900, post="p900", **alone))
    await catch_up(database, org.id)
    for table in ("rollup", "cell"):
        await by_hand(
            database_url,
            f"DELETE FROM {table} WHERE org_id = $1 AND cell = ("
            " SELECT max(cell) FROM cell WHERE org_id = $1 AND slice = 'employee')",
            org.id,
        )
    assert (await falsify(database, database_url, org, "shares", 1))["value"] == 1

    done = await repair(database, org.id)
    assert done.before.counts[Check.CELLS] == 2
    assert done.is_rebuilt
    assert done.after.mismatches == 0


async def test_a_repair_that_takes_a_rebuild_waits_for_the_one_under_way(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await by_hand(database_url, "DELETE FROM touch WHERE org_id = $1", org.id)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    with pytest.raises(RebuildUnderWay):
        await repair(database, org.id)
    assert await live(database, org) == 1


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


@pytest.fixture
def exported() -> CollectorRegistry:
    """Return the registry with the metrics of the worker, at 0."""
    metrics.expose("metrics-worker", version="test", revision="test")
    for family in FAMILIES:
        metrics.VERIFY_MISMATCHES.labels(family.name).reset()
    metrics.VERIFY_CELLS.reset()
    metrics.VERIFY_LAST_SUCCESS.set(0)
    return REGISTRY


def _value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    value = registry.get_sample_value(name, labels)
    assert value is not None
    return value


async def test_the_worker_samples_counts_and_recovers(
    database: Database, org: Org, database_url: str, exported: CollectorRegistry
) -> None:
    await found(database, org)
    sampler = Sampler(database, every=timedelta(hours=1), chance=Random(5))
    for _ in range(5):
        await sampler.verify(org.id)
    assert _value(exported, "earned_verify_cells_total") > 0
    assert _value(exported, "earned_verify_last_success_timestamp_seconds") > 0

    metrics.VERIFY_LAST_SUCCESS.set(0)
    # As owner, every family at once: whichever is drawn, the sample meets a wrong value.
    await by_hand(
        database_url,
        "UPDATE rollup SET v1 = v1 + 1 WHERE org_id = $1",
        org.id,
    )
    for _ in range(20):
        await sampler.verify(org.id)
    counted = {
        family.name: _value(exported, "earned_verify_mismatches_total", family=family.name)
        for family in FAMILIES
    }
    assert sum(counted.values()) > 0

    assert (await repair(database, org.id)).after.mismatches == 0
    await sampler.verify(org.id)
    assert _value(exported, "earned_verify_last_success_timestamp_seconds") > 0


async def test_a_sample_finds_what_is_wrong_in_it_and_nothing_beside(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    place = await falsify(database, database_url, org, "shares", 1)
    (linear,) = [family for family in FAMILIES if family.name == "linear"]
    (posts,) = [family for family in FAMILIES if family.name == "posts"]
    month = timedelta(days=15)

    hit = Scope(linear, place["day"] - month, place["day"] + month)
    assert [m.name for m in (await verify(database, org.id, scope=hit)).listed] == ["shares"]
    for scope in (
        Scope(posts, place["day"] - month, place["day"] + month),
        Scope(linear, place["day"] + timedelta(days=1), place["day"] + month),
    ):
        assert not (await verify(database, org.id, scope=scope)).listed


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_every_family_verifies_alone(database: Database, org: Org, family: Any) -> None:
    await found(database, org)
    report = await verify(database, org.id, scope=Scope(family))

    assert report.mismatches == 0
    assert report.compared or family.name in {"company", "costs", "rejoins"}


async def test_samples_are_drawn_where_the_facts_are(database: Database, org: Org) -> None:
    assert await draw_samples(database, org.id, 5, Random(1)) == []
    await found(database, org)

    drawn = await draw_samples(database, org.id, 5, Random(1))
    assert len(drawn) == 5
    assert all(scope.last_day - scope.first_day == timedelta(days=30) for scope in drawn)


async def test_an_organization_is_due_once_in_a_while(database: Database, org: Org) -> None:
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
