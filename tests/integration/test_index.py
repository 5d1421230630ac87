"""The index of people by hand: how it changes, and from when to when it makes an expert."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from shared.db import Database
from shared.facts import Fact
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.explain import ContributionLine, explain_measure
from shared.rollups.query import MeasureQuery
from shared.rollups.read import read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.catalogue_lines import assert_explained
from tests.integration.telling import tell
from tests.property.engine import state
from tests.property.oracle.rates import Stated

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))
#: With 20 points for each of the other pillars, an index is 60 more than its brand.
_OTHERS = {"people": "20", "insights": "20", "relationships": "20"}


def reading(employee: str, day: str, brand: int, source: str = "network") -> Fact:
    told = fact(
        *("ssi.recorded", f"{employee}@{day}", f"2025-{day}"),
        employee=employee,
        brand=str(brand),
        **_OTHERS,
    )
    return told.model_copy(update={"source": source})


def mention(employee: str, day: str, name: str = "") -> Fact:
    whose = {"employee": employee} if employee else {}
    name = f"{employee}-{day}{name}"
    return fact("mention.recorded", name, f"2025-{day}", mention=name, brand="own", **whose)


async def value(database: Database, org: Org, measure: str, *buckets: Period) -> list[object]:
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, [measure], MeasureQuery(buckets))
    return [table[bucket, ""][measure] for bucket in range(len(buckets))]


async def lines_of(
    database: Database, org: Org, measure: str, period: Period
) -> Sequence[ContributionLine]:
    async with database.transaction(org.id) as connection:
        page = await explain_measure(
            connection, org, measure, period, filters={}, after=None, limit=100
        )
    return page.lines


def days(first: str, last: str) -> list[Period]:
    """Return each of the days of 2025 from the first to the last."""
    day, end = date.fromisoformat(f"2025-{first}"), date.fromisoformat(f"2025-{last}")
    count = (end - day).days + 1
    return [Period(day + timedelta(n), day + timedelta(n + 1)) for n in range(count)]


async def test_a_change_is_from_the_last_reading_before_to_the_last_one_in_the_period(
    database: Database, org: Org
) -> None:
    await tell(
        database,
        org,
        # Read on the day before, on both edges, and on the day after.
        *(reading("E1", *told) for told in (("01-10", 9), ("01-31", 10), ("02-01", 12))),
        *(reading("E1", *told) for told in (("02-28", 15), ("03-01", 25))),
        reading("E2", "02-05", 10),  # no one knows what it was before
        reading("E3", "01-05", 5),  # not read again: it is what it was
        # What else is read of people is no part of it.
        *(
            fact("audience.recorded", day, day, metric="connections", count=9, employee="E1")
            for day in ("2025-01-05", "2025-02-05")
        ),
    )

    assert await value(database, org, "ssi_change", FEBRUARY) == [Decimal("2.5")]
    lines = await lines_of(database, org, "ssi_change", FEBRUARY)
    assert {(line.external_id, str(line.day), int(line.quantity), line.note) for line in lines} == {
        ("E1@02-28", "2025-02-28", 5, "75 after 70"),
        ("E3@01-05", "2025-01-05", 0, "65 after 65"),
    }


async def test_of_two_readings_of_one_instant_the_figure_and_its_facts_take_the_same(
    database: Database, org: Org
) -> None:
    staff = [f"E{number}" for number in range(12)]
    for source, brand in (("network", 2), ("partner", 4)):
        await tell(
            database,
            org,
            *(reading(employee, "01-10", number, source) for number, employee in enumerate(staff)),
            *(reading(employee, "02-10", brand + 10, source) for employee in staff),
        )

    for measure in ("ssi_change", "recognized_experts"):
        await assert_explained(database, org, measure, {})


async def test_an_index_makes_an_expert_from_its_day_on_for_as_long_as_it_is_enough(
    database: Database, org: Org
) -> None:
    await tell(
        database,
        org,
        *(reading("E1", *told) for told in (("02-03", 10), ("02-12", 4), ("02-15", 11))),
        reading("E2", "02-04", 9),
    )
    # 70 is enough unless another is stated; of two for one day the later one is.
    told = [("02-06", "69"), ("02-08", "80"), ("02-08", "70"), ("02-17", "71"), ("02-18", "72")]
    await state(
        database,
        org,
        [Stated("expert.index", date.fromisoformat(f"2025-{day}"), least) for day, least in told],
    )

    parts = days("02-02", "02-19")
    by_day = {part.start.day: set[str]() for part in parts}
    for part in parts:
        lines = await lines_of(database, org, "recognized_experts", part)
        by_day[part.start.day] = {line.employee for line in lines}
    both = {6: {"E1", "E2"}, 7: {"E1", "E2"}}
    alone = {day: {"E1"} for day in (3, 4, 5, 8, 9, 10, 11, 15, 16, 17)}
    assert by_day == {day: set() for day in range(2, 20)} | alone | both
    counts = [len(experts) for experts in by_day.values()]
    assert await value(database, org, "recognized_experts", *parts) == counts


async def test_a_mention_makes_an_expert_in_the_period_of_its_day_and_twice_is_once(
    database: Database, org: Org
) -> None:
    await tell(
        database,
        org,
        *(mention("E1", *told) for told in (("02-03",), ("02-03", "again"), ("02-05",))),
        mention("", "02-04"),  # of the brand: nobody's
        reading("E1", "02-05", 10),
    )

    assert await value(database, org, "recognized_experts", *days("02-02", "02-06")) == [
        *(0, 1, 0, 1, 1)
    ]
    assert await value(database, org, "recognized_experts", FEBRUARY) == [1]
    for part in (*days("02-02", "02-06"), FEBRUARY):
        await assert_explained(database, org, "recognized_experts", {}, part)
