"""Which row speaks for a step of an application, where several sources tell of it."""

from collections import Counter

from shared.db import Database
from shared.facts import Fact, Retraction
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.catalogue_facts import fact
from tests.integration.telling import rebuild, tell
from tests.integration.test_fold import FEBRUARY, measure

_APPLICATIONS = [f"a{number}" for number in range(6)]


def hired(source: str, application: str, day: str) -> Fact:
    told = fact("hire.accepted", f"h-{application}", day, application=application)
    return told.model_copy(update={"source": source})


def submitted(source: str, application: str, employee: str) -> Fact:
    told = fact(
        "application.submitted",
        application,
        "2025-02-03",
        application=application,
        employee=employee,
    )
    return told.model_copy(update={"source": source})


async def test_of_two_submissions_of_one_instant_the_key_says_which_one_speaks(
    database: Database, org: Org
) -> None:
    both = {
        name: [submitted("x", name, "E1"), submitted("y", name, "E2")] for name in _APPLICATIONS
    }
    hires = [hired("x", name, "2025-02-10") for name in _APPLICATIONS]
    await tell(database, org, *hires, *(one for two in both.values() for one in two))
    speaks = [min(two, key=lambda one: one.identity.key) for two in both.values()]

    async with database.transaction(org.id) as connection:
        # An index may give them in the order wanted, asked for it or not.
        for way in ("indexscan", "bitmapscan"):
            await connection.execute(f"SET LOCAL enable_{way} = off")
        query = MeasureQuery((FEBRUARY,), "employee")
        table = await read_measures(connection, org, ["hires_advocacy"], query)

    found = {employee: row["hires_advocacy"] for (_, employee), row in table.items()}
    assert found == Counter(one.employee for one in speaks)
    assert len(found) == 2


async def test_what_a_generation_before_remembers_speaks_for_nothing(
    database: Database, org: Org
) -> None:
    earlier, later = hired("x", "a", "2025-02-03"), hired("y", "a", "2025-02-05")
    await tell(database, org, earlier, later)
    await rebuild(database, org)
    await tell(database, org, Retraction(earlier.identity))

    async with database.transaction(org.id) as connection:
        remembered = await connection.fetchval(
            "SELECT count(*) FROM application WHERE fact_key = $1", earlier.identity.key
        )
    assert (remembered, await measure(database, org, "hires")) == (1, 1)
