"""The open pipeline, credited to the touches that led to its leads: a level, told by model."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from shared.db import Database
from shared.facts import Fact
from shared.kpis.periods import Period
from shared.orgs import Org, create_org
from shared.rollups.explain import explain_measure
from shared.rollups.read import MeasureQuery, Value, read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.telling import tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))
MARCH = Period(date(2025, 3, 1), date(2025, 4, 1))
MODELS = ["pipeline.first", "pipeline.last", "pipeline.linear", "pipeline.position"]
SELLER = fact(
    "employee.recorded",
    "E1",
    "2025-01-01",
    employee="E1",
    team="Sales",
    effective_on="2025-01-01",
)


def _lead(name: str, *channels: str) -> Iterator[Fact]:
    """Yield touches, one a day from the first of February on, and the lead that they led to."""
    for day, channel in enumerate(channels, start=1):
        employee = {"employee": "E1"} if channel == "employee_advocacy" else {}
        at = f"2025-02-{day:02}"
        yield fact("touch.recorded", f"{name}-{day}", at, person=name, channel=channel, **employee)
    yield fact("lead.created", name, "2025-02-08", lead=name, person=name)


def _deal(name: str, lead: str | None, amount: str | None, **fields: Any) -> Fact:
    told: dict[str, Any] = {"deal": name, "state": "open", "opened_at": "2025-02-10T09:00:00Z"}
    if lead is not None:
        told["lead"] = lead
    if amount is not None:
        told |= {"amount": amount, "currency": "USD"}
    return fact("deal.changed", name, "2025-02-10", **(told | fields))


@pytest.fixture
async def business(database: Database, org: Org) -> Org:
    later = fact("touch.recorded", "later", "2025-02-20", person="a", channel="paid")
    await tell(
        database,
        org,
        SELLER,
        *_lead("a", "brand", "employee_advocacy", "employee_advocacy"),
        *_lead("b", "employee_advocacy"),
        *_lead("cold"),
        later,
        _deal("d1", "a", "900.00"),
        _deal("d2", "b", "100.00", state="won", closed_at="2025-03-05T12:00:00Z"),
        _deal("d3", "cold", "50.00"),
        _deal("d4", None, "50.00"),
        _deal("d5", "a", None),
    )
    return org


async def _read(
    database: Database, org: Org, by: str | None, *measures: str
) -> dict[tuple[int, str], dict[str, Value]]:
    query = MeasureQuery((FEBRUARY, MARCH), by)
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, list(measures), query)
    return {place: dict(values) for place, values in table.items()}


async def test_each_model_divides_what_is_open_at_the_end(
    database: Database, business: Org
) -> None:
    found = await _read(database, business, "channel", *MODELS)

    def told(month: int, channel: str) -> list[Value]:
        return [found[month, channel][measure] for measure in MODELS]

    # Of 900 the brand has the first of three touches; the other 100 are won in March. What comes
    # after the lead led to nothing, and neither a cold lead nor no lead at all is anybody's.
    assert told(0, "brand") == [900, 0, 300, 360]
    assert told(0, "employee_advocacy") == [100, 1000, 700, 640]
    assert told(1, "employee_advocacy") == [0, 900, 600, 540]
    assert (0, "paid") not in found


async def test_it_adds_up_to_the_deals_whose_leads_were_touched(
    database: Database, business: Org
) -> None:
    whole = await _read(database, business, None, "pipeline", "pipeline.linear", "pipeline.shapley")
    teams = await _read(database, business, "team", "pipeline.last")

    assert whole[0, ""] == {"pipeline": 1100, "pipeline.linear": 1000, "pipeline.shapley": 1000}
    assert whole[1, ""] == {"pipeline": 1000, "pipeline.linear": 900, "pipeline.shapley": 900}
    assert teams[0, "Sales"]["pipeline.last"] == 1000


async def test_it_is_explained_touch_by_touch(database: Database, business: Org) -> None:
    async with database.transaction(business.id) as connection:
        page = await explain_measure(
            connection, business, "pipeline.linear", FEBRUARY, filters={}, after=None, limit=20
        )

    assert page.total == 1000
    assert sum(line.quantity for line in page.lines) == 1000
    assert sorted(line.external_id for line in page.lines) == ["a-1", "a-2", "a-3", "b-1"]


async def test_without_deals_it_is_missing_and_without_touched_leads_none(
    database: Database, org: Org
) -> None:
    await tell(database, org, *_lead("a", "brand"))
    before = await _read(database, org, None, "pipeline.linear")
    await tell(database, org, _deal("d1", None, "50.00"))
    after = await _read(database, org, None, "pipeline.linear")

    assert before[0, ""] == {"pipeline.linear": None}
    assert after[0, ""] == {"pipeline.linear": 0}


async def test_what_is_open_without_any_amount_is_missing_and_where_nothing_is_open_it_is_0(
    database: Database, org: Org
) -> None:
    """Nobody knows what deals are worth whose amount nobody told; of others theirs is the sum."""
    asked = ("pipeline", "pipeline.linear", "pipeline.last")
    until_march = {"state": "lost", "closed_at": "2025-03-05T12:00:00Z"}
    unknown = _deal("d1", "a", None, employee="E1", **until_march)
    await tell(database, org, SELLER, *_lead("a", "brand", "employee_advocacy"), unknown)

    whole = await _read(database, org, None, *asked)
    by_channel = await _read(database, org, "channel", *asked[1:])
    assert whole == {(0, ""): dict.fromkeys(asked), (1, ""): dict.fromkeys(asked, 0)}
    # By the last touch the deal is worth nothing to the brand, whatever it is worth.
    assert by_channel[0, "brand"] == {"pipeline.linear": None, "pipeline.last": 0}
    assert by_channel[1, "brand"] == {"pipeline.linear": 0, "pipeline.last": 0}
    assert (await _read(database, org, "team", "pipeline"))[0, "Sales"] == {"pipeline": None}
    for measure in asked:
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters={}, after=None, limit=20
            )
        assert (page.total, page.lines, page.lines_total) == (None, [], 0)

    await tell(database, org, *_lead("b", "paid"), _deal("d2", "b", "0.00"))
    whole = await _read(database, org, None, *asked)
    by_channel = await _read(database, org, "channel", "pipeline.linear")
    assert whole == {(month, ""): dict.fromkeys(asked, 0) for month in (0, 1)}
    assert [by_channel[0, of]["pipeline.linear"] for of in ("brand", "paid")] == [None, 0]


async def test_day_by_day_it_is_missing_while_only_deals_without_an_amount_are_open(
    database: Database, org: Org
) -> None:
    both = {"employee": "E1", "state": "lost"}
    known = _deal("d1", None, "100.00", closed_at="2025-02-12T09:00:00Z", **both)
    opened = {"opened_at": "2025-02-11T09:00:00Z", "closed_at": "2025-02-13T09:00:00Z"}
    await tell(database, org, SELLER, known, _deal("d2", None, None, **both, **opened))

    days = tuple(Period(date(2025, 2, day), date(2025, 2, day + 1)) for day in range(10, 14))
    for by, place in ((None, ""), ("team", "Sales")):
        async with database.transaction(org.id) as connection:
            found = await read_measures(connection, org, ["pipeline"], MeasureQuery(days, by))
        # One that is known, both, the other alone, and none; where none is, a team is not listed.
        told = [found.get((day, place), {"pipeline": 0})["pipeline"] for day in range(len(days))]
        assert told == [100, 100, None, 0]


@pytest.mark.parametrize(
    ("currency", "amount", "parts"),
    [
        ("USD", "100.00", ["33.34", "33.33", "33.33"]),
        ("USD", "-0.05", ["-0.02", "-0.02", "-0.01"]),
        ("USD", "0.02", ["0.01", "0.01"]),
        ("JPY", "100", ["34", "33", "33"]),
        ("KWD", "0.100", ["0.034", "0.033", "0.033"]),
    ],
)
async def test_its_parts_are_whole_minor_units_and_add_up_to_the_deal(
    database: Database, currency: str, amount: str, parts: list[str]
) -> None:
    async with database.transaction() as connection:
        org = await create_org(
            connection, name="Sales", time_zone="Europe/Warsaw", currency=currency
        )
    deal = _deal("d1", "a", amount, currency=currency)
    await tell(database, org, *_lead("a", "brand", "paid", "employee_advocacy"), deal)

    async with database.transaction(org.id) as connection:
        page = await explain_measure(
            connection, org, "pipeline.linear", FEBRUARY, filters={}, after=None, limit=20
        )
    told = sorted(page.lines, key=lambda line: line.external_id)
    assert [line.quantity for line in told] == [Decimal(part) for part in parts]
    assert page.total == Decimal(amount)

    by_channel = await _read(database, org, "channel", "pipeline.linear")
    assert by_channel[0, "paid"]["pipeline.linear"] == Decimal(parts[1])
    assert by_channel[0, "employee_advocacy"]["pipeline.linear"] == Decimal(amount) - sum(
        Decimal(part) for part in parts[:2]
    )
