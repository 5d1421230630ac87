"""As known: wherever a batch of the fold ends, the views of ``known`` show what it had made."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.facts import Fact, Retraction, parse_fact
from shared.ledger import append
from shared.orgs import Org, create_org
from shared.rollups.known import (
    FutureDay,
    Knowledge,
    NotFoldedYet,
    known_on,
    look_at_present,
    look_back,
)
from tests.known_reading import TABLES, seen

Item = Fact | Retraction
_SETTINGS = """
SELECT nullif(current_setting(name, true), '') AS setting
  FROM unnest(ARRAY['search_path', 'app.as_of', 'app.as_of_day', 'app.as_of_time', 'app.as_of_from',
                    'app.as_of_stated', 'app.as_of_repaired', 'app.known']) name
"""
DAYS = (date(2025, 4, 1), date(2025, 4, 2), date(2025, 4, 5))


def fact(kind: str, external_id: str, day: str = "2025-03-10", **fields: Any) -> Fact:
    return parse_fact(
        {
            "kind": kind,
            "source": "crm",
            "external_id": external_id,
            "occurred_at": f"{day}T10:00:00Z",
            **fields,
        }
    )


def deal(**fields: Any) -> Fact:
    return fact(
        "deal.changed",
        "d1",
        "2025-03-20",
        deal="d1",
        lead="l1",
        opened_at="2025-03-11T10:00:00Z",
        **fields,
    )


def won(amount: str) -> Fact:
    return deal(state="won", amount=amount, currency="USD", closed_at="2025-03-20T10:00:00Z")


def reading(external_id: str, day: str, impressions: int) -> Fact:
    return fact("post.metrics", external_id, day, post="p1", employee="E1", impressions=impressions)


def place(team: str) -> Fact:
    return fact("employee.recorded", "E1", employee="E1", effective_on="2025-01-01", team=team)


#: What is recorded on each of DAYS: of every kind of state something is corrected or withdrawn.
TOLD: tuple[Sequence[Item], ...] = (
    (
        place("Sales"),
        fact("member.joined", "E1", employee="E1"),
        fact("post.published", "p1", post="p1", employee="E1", network="linkedin"),
        reading("r1", "2025-03-11", 10),
        reading("r2", "2025-03-12", 30),
        fact("audience.recorded", "a1", metric="followers", count=100, account="A"),
        fact("touch.recorded", "t1", person="q1", channel="employee_advocacy", employee="E1"),
        fact("lead.created", "l1", "2025-03-11", lead="l1", person="q1"),
        fact("person.identified", "i1", person="q1", same_as=["v1", "v2"]),
        won("15000.00"),
        fact(
            "ssi.recorded",
            "s1",
            employee="E1",
            brand="10",
            people="11",
            insights="12",
            relationships="9",
        ),
    ),
    (
        place("IT"),
        reading("r1", "2025-03-11", 25),
        fact("person.identified", "i1", person="q1", same_as=["v2", "v3"]),
        won("12000.00"),
        fact("audience.recorded", "a1", metric="followers", count=90, account="A"),
        Retraction(fact("member.joined", "E1", employee="E1").identity),
        fact(
            "ssi.recorded",
            "s1",
            employee="E1",
            brand="20",
            people="11",
            insights="12",
            relationships="9",
        ),
        fact("post.published", "p1", post="p1", employee="E2", network="linkedin"),
    ),
    (
        deal(state="lost", closed_at="2025-03-20T10:00:00Z"),
        Retraction(fact("touch.recorded", "t1", person="q1", channel="paid").identity),
        fact("lead.created", "l1", "2025-03-12", lead="l1", person="q2"),
        Retraction(reading("r2", "2025-03-12", 30).identity),
        won("9000.00"),
    ),
)


async def tell(database: Database, org: Org, day: date, items: Sequence[Item]) -> None:
    for item in items:
        async with database.transaction(org.id) as connection:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            await append(connection, org, [item], received_at=noon)


async def new_org(database: Database) -> Org:
    async with database.transaction() as connection:
        return await create_org(connection, name="One", time_zone="Europe/Warsaw", currency="USD")


async def test_each_day_is_seen_as_a_fold_that_stopped_there_saw_it(
    database: Database, org: Org
) -> None:
    for day, items in zip(DAYS, TOLD, strict=True):
        await tell(database, org, day, items)
    await catch_up(database, org.id)

    for told in range(len(DAYS) + 1):
        other = await new_org(database)
        for day, items in zip(DAYS[:told], TOLD[:told], strict=True):
            await tell(database, other, day, items)
        await catch_up(database, other.id)
        async with database.transaction(other.id) as connection:
            expected = await seen(connection, other)
        async with database.transaction(org.id) as connection:
            day = DAYS[told - 1] if told else date(2025, 3, 31)
            knowledge = await known_on(connection, org, day)
            await look_back(connection, knowledge)
            assert await seen(connection, org) == expected, day


async def test_the_present_is_read_after_a_look_back_on_the_same_connection(
    database: Database, org: Org
) -> None:
    for day, items in zip(DAYS, TOLD, strict=True):
        await tell(database, org, day, items)
    await catch_up(database, org.id)
    single = Database(
        database.engine.url.render_as_string(hide_password=False),
        application_name="tests",
        pool_size=1,
        max_overflow=0,
    )

    async with single.transaction(org.id) as connection:
        before = await seen(connection, org)
    async with single.transaction(org.id) as connection:
        await look_back(connection, await known_on(connection, org, DAYS[0]))
        past = await seen(connection, org)
    async with single.transaction(org.id) as connection:
        after = await seen(connection, org)
    await single.close()

    assert before == after != past


async def test_no_setting_of_a_look_back_outlives_its_transaction(
    database: Database, org: Org, database_url: str
) -> None:
    knowledge = Knowledge(0, DAYS[0], datetime(2025, 4, 2, tzinfo=UTC), is_final=True)
    # No pool stands between: it would reset what it is given back.
    connection = await asyncpg.connect(database_url)
    try:
        before = await connection.fetch(_SETTINGS)
        for look in (look_back(connection, knowledge), look_at_present(connection)):
            async with connection.transaction():
                await connection.execute("SELECT set_config('app.org_id', $1, true)", str(org.id))
                await look
            after = await connection.fetch(_SETTINGS)
            assert after == before
    finally:
        await connection.close()


async def test_known_days_end_where_the_recorded_day_ends(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 22:30 UTC is half past midnight in Warsaw: the second entry belongs to 2 April.
    for hour, name in ((21, "a"), (22, "b"), (23, "c")):
        async with database.transaction(org.id) as connection:
            at = datetime(2025, 4, 1, hour, 30, tzinfo=UTC)
            item = fact("link.clicked", name, link="x", employee="E1")
            await append(connection, org, [item], received_at=at)
    monkeypatch.setattr(clock, "now", lambda: datetime(2025, 4, 2, 10, tzinfo=UTC))

    async with database.transaction(org.id) as connection:
        with pytest.raises(NotFoldedYet):
            await known_on(connection, org, date(2025, 4, 1))
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        days = [date(2025, 3, 31), date(2025, 4, 1), date(2025, 4, 2)]
        known = [await known_on(connection, org, day) for day in days]
        with pytest.raises(FutureDay):
            await known_on(connection, org, date(2025, 4, 3))

    assert [(k.position, k.is_final) for k in known] == [(0, True), (1, True), (3, False)]
    assert known[1].until == datetime(2025, 4, 1, 22, tzinfo=UTC)


async def test_a_day_is_not_final_while_a_write_may_be_under_way(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(database, org, DAYS[0], TOLD[0])
    await catch_up(database, org.id)

    for minute, is_final in ((1, False), (14, False), (15, True)):
        now = datetime(2025, 4, 1, 22, minute, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        async with database.transaction(org.id) as connection:
            assert (await known_on(connection, org, DAYS[0])).is_final is is_final


@pytest.mark.parametrize("publication", [None, UUID("01a2061d-0000-7000-8000-000000000000")])
def test_what_is_known_can_be_written_down_and_read(publication: UUID | None) -> None:
    until = datetime(2025, 4, 1, 22, tzinfo=UTC)
    knowledge = Knowledge(7, DAYS[0], until, is_final=True, publication=publication)

    assert Knowledge.parse(knowledge.text()) == knowledge
    assert (Knowledge.parse(""), Knowledge.parse(None)) == (None, None)


async def test_what_is_told_after_midnight_does_not_end_the_day_before(
    database: Database, org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Entries are written one after another; a rate or a goal stated before midnight may still come.
    await tell(database, org, DAYS[0], TOLD[0])
    async with database.transaction(org.id) as connection:
        at = datetime(2025, 4, 1, 22, 1, tzinfo=UTC)
        item = fact("link.clicked", "after", link="x", employee="E1")
        await append(connection, org, [item], received_at=at)
    await catch_up(database, org.id)

    for minute, is_final in ((2, False), (16, True)):
        now = datetime(2025, 4, 1, 22, minute, tzinfo=UTC)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        async with database.transaction(org.id) as connection:
            assert (await known_on(connection, org, DAYS[0])).is_final is is_final


async def test_nothing_of_another_organization_is_seen(database: Database, org: Org) -> None:
    for day, items in zip(DAYS, TOLD, strict=True):
        await tell(database, org, day, items)
    await catch_up(database, org.id)
    other = await new_org(database)
    knowledge = Knowledge(5, DAYS[0], datetime(2025, 4, 2, tzinfo=UTC), is_final=True)

    async with database.transaction(other.id) as connection:
        await look_back(connection, knowledge)
        views = await connection.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'known'::regnamespace"
            " AND relkind = 'v'"
        )
        names = {row["relname"] for row in views} - {"fold_cursor"}
        assert names >= {*TABLES, "rollup_value", "rollup_delta", "ledger_entry", "fact_head"}
        for name in names:
            count = await connection.fetchval(f"SELECT count(*) FROM known.{name}")
            assert count == 0, name


async def test_the_past_is_not_read_without_saying_as_of_when(database: Database, org: Org) -> None:
    async with database.transaction(org.id) as connection:
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetch("SELECT * FROM known.deal")


async def test_every_table_of_the_fold_has_its_view(database: Database) -> None:
    # What is read under a generation must be read as known, or a look back mixes two times.
    timeless = {"cell", "generation", "rollup_repair"}
    async with database.transaction() as connection:
        rows = await connection.fetch(
            """
            SELECT c.relname, n.nspname
              FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'generation'
             WHERE n.nspname IN ('public', 'known') AND c.relkind IN ('r', 'p', 'v')
            """
        )
    present = {row["relname"] for row in rows if row["nspname"] == "public"}
    known = {row["relname"] for row in rows if row["nspname"] == "known"}
    past = {name for name in present if name.endswith("_past")}
    physical = {"rollup_change", "rollup_repair", "rollup_slot"}
    assert present - past - physical - timeless == known
