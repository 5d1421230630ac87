"""What is kept beside the ledger: verified against its entries, and mended from them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from services.metrics.verify import Check, Look, repair, verify, verify_sample
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.assumptions import exchange_rate_key
from shared.ledger import append, convert_anew
from shared.orgs import Org, create_org
from tests.integration.falsifying import by_hand
from tests.integration.test_known import DAYS, fact, tell

pytestmark = pytest.mark.timeout(60)

_RATE = """
INSERT INTO assumption
       (org_id, key, effective_from, version, value, source, grade, recorded_at)
VALUES ($1, $2, '2024-12-01', $3, $4, 'European Central Bank', 'measured', now())
"""
_NEWEST = """
SELECT source, known_on, newest_at FROM source_newest WHERE org_id = $1 ORDER BY known_on, source
"""
_CONVERTED = """
SELECT currency, fact_key FROM converted_fact WHERE org_id = $1 ORDER BY currency, fact_key
"""
#: Before all of DAYS, and after them.
_EARLY, _AHEAD = "2025-03-10", "2025-05-01"


def cost(name: str, currency: str, day: str = _EARLY, amount: str = "100.00", **more: Any) -> Fact:
    money = {"category": "content", "currency": currency, "amount": amount}
    days = {"starts_on": "2025-02-01", "ends_on": "2025-03-01"}
    return fact("cost.booked", name, day, **money, **days, **more)


def click(day: str, name: str = "", **more: Any) -> Fact:
    return fact("link.clicked", name or f"c-{day}", day, link="x", **more)


def at(day: str, hour: int = 10) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(
        hours=hour
    )


async def rate(database: Database, org: Org, currency: str, value: str, version: int = 1) -> None:
    async with database.transaction(org.id) as connection:
        key = exchange_rate_key(currency)
        await connection.execute(_RATE, org.id, key, version, Decimal(value))


async def convert(database: Database, org: Org, currency: str, day: date) -> int:
    """Restate what was told in a currency, on a day."""
    async with database.transaction(org.id) as connection:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "now", lambda: at(day.isoformat(), 12))
            return (await convert_anew(connection, org, currency, limit=100)).converted


async def read(database: Database, org: Org, query: str) -> Sequence[tuple[Any, ...]]:
    async with database.transaction(org.id) as connection:
        return [tuple(row) for row in await connection.fetch(query, org.id)]


async def found(database: Database, org: Org) -> None:
    """Tell clicks, late ones too, and costs: of two currencies, corrected, and restated."""
    await rate(database, org, "EUR", "1.6")
    await rate(database, org, "PLN", "0.25")
    told: tuple[Sequence[Fact | Retraction], ...] = (
        (click("2025-03-12"), cost("C-1", "EUR"), cost("C-2", "PLN"), cost("C-3", "USD")),
        # Nothing of it is newer than what was known.
        (
            click(_EARLY),
            click("2025-03-12", "at-the-same-time"),
            Retraction(cost("C-2", "PLN").identity),
            cost("C-1", "PLN"),
        ),
        (click("2025-04-04"), click("2025-04-03"), cost("C-4", "EUR", _AHEAD)),
    )
    for day, items in zip(DAYS, told, strict=True):
        await tell(database, org, day, items)
    await tell(database, org, DAYS[1] + timedelta(days=3), [click("2025-03-13", source="web")])
    # Newer than some of what was known, and not than all of it.
    await tell(database, org, DAYS[2] + timedelta(days=1), [click("2025-03-20")])
    await rate(database, org, "EUR", "1.5", version=2)
    assert await convert(database, org, "EUR", DAYS[2] + timedelta(days=2)) == 1
    await catch_up(database, org.id)


async def test_what_is_kept_beside_the_ledger_is_what_its_entries_say(
    database: Database, org: Org
) -> None:
    await found(database, org)

    # What is ahead of its time counts as told when it was, and a restatement is no news.
    assert await read(database, org, _NEWEST) == [
        ("crm", DAYS[0], at("2025-03-12")),
        ("crm", DAYS[2], at("2025-04-05", 12)),
        ("web", DAYS[2], at("2025-03-13")),
    ]
    named = {
        key: name for name in ("C-1", "C-2", "C-4") for key in [cost(name, "USD").identity.key]
    }
    converted = [(currency, named[key]) for currency, key in await read(database, org, _CONVERTED)]
    assert sorted(converted) == [("EUR", "C-1"), ("EUR", "C-4"), ("PLN", "C-1"), ("PLN", "C-2")]
    assert not (await verify(database, org.id)).listed


async def test_a_correction_ahead_of_its_time_is_news_and_a_restatement_is_none(
    database: Database, org: Org
) -> None:
    await rate(database, org, "EUR", "1.6")
    await tell(database, org, DAYS[0], [cost("C-1", "EUR", _AHEAD)])
    await rate(database, org, "EUR", "1.5", version=2)
    first = ("crm", DAYS[0], at("2025-04-01", 12))

    assert await convert(database, org, "EUR", DAYS[1]) == 1
    assert await read(database, org, _NEWEST) == [first]
    for number, changed in enumerate(({"amount": "90.00"}, {"campaign": "spring"}), start=3):
        await rate(database, org, "EUR", f"1.{number}", version=number)
        day = DAYS[2] + timedelta(days=number)
        await tell(database, org, day, [cost("C-1", "EUR", _AHEAD, **changed)])
    await catch_up(database, org.id)

    assert [row[1] for row in await read(database, org, _NEWEST)] == [
        DAYS[0],
        *(DAYS[2] + timedelta(days=number) for number in (3, 4)),
    ]
    assert not (await verify(database, org.id)).listed


@pytest.mark.usefixtures("org")  # its days are those of another zone
async def test_a_day_on_which_a_source_told_is_one_of_its_organization(
    database: Database,
) -> None:
    async with database.transaction() as connection:
        there = await create_org(
            connection, name="There", time_zone="Asia/Kathmandu", currency="USD"
        )
    for day, hour in (("2025-04-01", 18), ("2025-04-02", 19)):
        async with database.transaction(there.id) as connection:
            await append(connection, there, [click(day)], received_at=at(day, hour))
    await catch_up(database, there.id)

    known_on = [row[1].isoformat() for row in await read(database, there, _NEWEST)]
    assert known_on == ["2025-04-01", "2025-04-03"]
    assert not (await verify(database, there.id)).listed


_LAST = "org_id = $1 AND known_on = '2025-04-05'"
_FACT = "SELECT DISTINCT fact_key FROM ledger_entry WHERE org_id = $1 AND external_id = 'C-4'"
_WRONG = (
    (
        "UPDATE source_newest SET newest_at = '2025-04-04T00:00Z'"
        f" WHERE source = 'crm' AND {_LAST}",
        ("source_newest crm", "2025-04-04 00:00:00+00", "2025-04-05 12:00:00+00"),
    ),
    (
        f"DELETE FROM source_newest WHERE source = 'crm' AND {_LAST}",
        ("source_newest crm", None, "2025-04-05 12:00:00+00"),
    ),
    (
        "INSERT INTO source_newest VALUES ($1, 'web', '2025-04-01', '2025-03-01T00:00Z')",
        ("source_newest web", "2025-03-01 00:00:00+00", None),
    ),
    (
        f"DELETE FROM converted_fact WHERE org_id = $1 AND fact_key = ({_FACT})",
        ("converted_fact", None, "told in EUR"),
    ),
    (
        f"INSERT INTO converted_fact SELECT $1, 'GBP', ({_FACT})",
        ("converted_fact", "told in GBP", None),
    ),
    (
        f"INSERT INTO converted_fact SELECT $1, 'EUR', ({_FACT.replace('C-4', 'C-3')})",
        ("converted_fact", "told in EUR", None),
    ),
)


async def test_what_is_said_anew_at_another_rate_is_news_however_alike_it_is(
    database: Database, org: Org, database_url: str
) -> None:
    first = cost("C-1", "EUR", _AHEAD)
    told: tuple[Sequence[Fact | Retraction], ...] = (
        [first],
        # Another one in its place; that one is taken back, and told again on another day.
        [Retraction(first.identity), cost("C-2", "EUR", _AHEAD)],
        [Retraction(cost("C-2", "EUR").identity)],
        [cost("C-2", "EUR", _AHEAD)],
    )
    for number, items in enumerate(told, start=1):
        await rate(database, org, "EUR", f"1.{number}", version=number)
        async with database.transaction(org.id) as connection:
            moment = at("2025-04-01", 12) + timedelta(days=number)
            await append(connection, org, items, received_at=moment)
    # What its head has forgotten is a correction that changes nothing, and was said.
    key = cost("C-2", "EUR").identity.key
    forgotten = "UPDATE fact_head SET content_hash = '' WHERE org_id = $1 AND fact_key = $2"
    await by_hand(database_url, forgotten, org.id, key)
    await tell(database, org, date(2025, 4, 9), [cost("C-2", "EUR", _AHEAD)])
    await catch_up(database, org.id)

    known_on = [row[1].day for row in await read(database, org, _NEWEST)]
    assert known_on == [2, 3, 5, 9]
    assert not (await verify(database, org.id)).listed


@pytest.mark.parametrize(("statement", "difference"), _WRONG)
async def test_what_differs_beside_the_ledger_is_found_and_mended(
    database: Database, org: Org, database_url: str, statement: str, difference: tuple[Any, ...]
) -> None:
    await found(database, org)
    before = [await read(database, org, query) for query in (_NEWEST, _CONVERTED)]
    await by_hand(database_url, statement, org.id)

    done = await repair(database, org.id)
    (told,) = done.before.listed
    name, stored, recomputed = difference
    assert (told.check, told.stored, told.recomputed) == (Check.BESIDE, stored, recomputed)
    assert told.name.startswith(name)
    assert (told.day is not None) is name.startswith("source_newest")
    assert (done.after.mismatches, done.is_rebuilt) == (0, False)
    assert [await read(database, org, query) for query in (_NEWEST, _CONVERTED)] == before


async def test_all_of_it_is_mended_at_once(database: Database, org: Org, database_url: str) -> None:
    await found(database, org)
    before = [await read(database, org, query) for query in (_NEWEST, _CONVERTED)]
    for table in ("source_newest", "converted_fact"):
        await by_hand(database_url, f"DELETE FROM {table} WHERE org_id = $1", org.id)
    for statement, _ in _WRONG:
        await by_hand(database_url, statement, org.id)

    assert (await repair(database, org.id)).after.mismatches == 0
    assert [await read(database, org, query) for query in (_NEWEST, _CONVERTED)] == before


@pytest.mark.parametrize(("statement", "difference"), _WRONG)
async def test_a_look_beside_the_ledger_is_at_one_table(
    database: Database, org: Org, database_url: str, statement: str, difference: tuple[Any, ...]
) -> None:
    await found(database, org)
    await by_hand(database_url, statement, org.id)
    name, *_ = difference
    looks = [await verify_sample(database, org.id, Look.BESIDE, Random(seed)) for seed in range(9)]
    counts = [(report.counts[Check.BESIDE], report.mismatches) for report in looks]
    assert {*counts} == {(1, 1), (0, 0)}, f"of {name} and of the other one"


async def test_what_is_not_folded_yet_is_kept_beside_the_ledger_as_well(
    database: Database, org: Org, database_url: str
) -> None:
    await found(database, org)
    await tell(database, org, DAYS[2] + timedelta(days=9), [click("2025-04-12")])
    assert not (await verify(database, org.id)).listed
    await by_hand(
        database_url,
        "DELETE FROM source_newest WHERE org_id = $1 AND known_on = '2025-04-14'",
        org.id,
    )
    assert (await verify(database, org.id)).counts == {Check.BESIDE: 1}


async def test_what_was_refused_or_known_already_is_not_listed_as_converted(
    database: Database, org: Org
) -> None:
    await rate(database, org, "EUR", "1.6")
    await tell(database, org, DAYS[0], [cost("C-1", "USD", revision=2)])
    async with database.transaction(org.id) as connection:
        older = await append(connection, org, [cost("C-1", "EUR", revision=1)])
    assert older.stale == 1
    assert not await read(database, org, _CONVERTED)
