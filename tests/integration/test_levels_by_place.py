"""Levels by team where sources disagree on a day, and where a generation has been replaced."""

from datetime import date

from services.metrics.rebuild import continue_rebuild, start_rebuild
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Dimension
from shared.orgs import Org
from shared.rollups.query import MeasureQuery
from shared.rollups.read import read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.telling import tell
from tests.property.oracle.ledger import key_of

BEFORE = Period(date(2025, 2, 1), date(2025, 2, 10))
AFTER = Period(date(2025, 2, 10), date(2025, 3, 1))
WHOLE = Period(BEFORE.start, AFTER.end)
#: Enough of them that no order but that of the keys can be right for all by chance.
STAFF = tuple(f"E{number}" for number in range(12))


def place(employee: str, team: str, day: str, source: str = "hr", *, employed: bool = True) -> Fact:
    told = fact(
        *("employee.recorded", f"{employee}-{day}", day),
        employee=employee,
        team=team,
        effective_on=day,
        employed=employed,
    )
    return told.model_copy(update={"source": source})


def joined(employee: str) -> Fact:
    return fact("member.joined", employee, "2025-01-05", employee=employee)


async def by_team(
    database: Database, org: Org, measure: str, *buckets: Period
) -> list[dict[str, int]]:
    """Return the value of each team that the answer lists, of each bucket asked for alone."""
    async with database.transaction(org.id) as connection:
        tables = [
            await read_measures(connection, org, [measure], MeasureQuery((part,), Dimension.TEAM))
            for part in buckets
        ]
        together = await read_measures(
            connection, org, [measure], MeasureQuery(buckets, Dimension.TEAM)
        )
    found = [{team: int(row[measure] or 0) for (_, team), row in table.items()} for table in tables]
    for (bucket, team), row in together.items():
        assert int(row[measure] or 0) == found[bucket].get(team, 0)
    return found


async def test_of_two_places_on_one_day_the_last_key_says_where_they_are(
    database: Database, org: Org
) -> None:
    first = [place(employee, "Sales", "2025-01-01") for employee in STAFF]
    told = {
        employee: [
            place(employee, "IT", "2025-02-10"),
            place(employee, "Nowhere", "2025-02-10", "crm", employed=False),
        ]
        for employee in STAFF
    }
    last = [max(places, key=key_of) for places in told.values()]
    stayed = sum(one.source == "hr" for one in last)
    assert 0 < stayed < len(STAFF)

    both = [one for places in told.values() for one in places]
    await tell(database, org, *map(joined, STAFF), *first, *both)

    gone = len(STAFF) - stayed
    assert await by_team(database, org, "enrolled", BEFORE, AFTER) == [
        {"Sales": len(STAFF)},
        {"IT": stayed, "Nowhere": gone},
    ]
    # Who is said not to be employed is in no day of a team: it is not listed.
    for measure, days in (("headcount", (1, 1)), ("person_days", (9, 19))):
        assert await by_team(database, org, measure, BEFORE, AFTER) == [
            {"Sales": days[0] * len(STAFF)},
            {"IT": days[1] * stayed},
        ]
    assert await by_team(database, org, "person_days", WHOLE) == [
        {"Sales": 9 * len(STAFF), "IT": 19 * stayed}
    ]


async def test_where_a_generation_that_was_replaced_had_them_says_nothing(
    database: Database, org: Org
) -> None:
    moved = place("E1", "IT", "2025-02-10")
    await tell(database, org, joined("E1"), place("E1", "Sales", "2025-01-01"), moved)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id)
    await tell(database, org, Retraction(moved.identity))
    await catch_up(database, org.id)

    for measure, days in (("enrolled", (1, 1)), ("headcount", (1, 1)), ("person_days", (9, 19))):
        found = await by_team(database, org, measure, BEFORE, AFTER)
        assert found == [{"Sales": each} for each in days]
