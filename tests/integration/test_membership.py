"""Who is in the program: what the last word says, the same to every figure, group and explanation.

The words come from two sources, which know nothing of each other: so a person may join twice.
"""

from datetime import date

import pytest

from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.kpis.periods import Period
from shared.kpis.privacy import Crossed
from shared.kpis.vocabulary import Dimension
from shared.orgs import Org
from shared.rollups.explain import ContributionLine, explain_measure
from shared.rollups.populations import read_populations
from shared.rollups.read import MeasureQuery, read_measures
from tests.integration.telling import tell
from tests.property.engine import history_of
from tests.property.oracle.membership import members_on

FIRST_HALF = Period(date(2025, 2, 1), date(2025, 2, 15))
SECOND_HALF = Period(FIRST_HALF.end, date(2025, 3, 1))


def word(said: str, employee: str = "E1") -> Fact:
    """Return the fact of such words as ``csv joined 3``: at noon of 3 February."""
    source, event, day = said.split()
    return parse_fact(
        {
            "kind": f"member.{event}",
            "source": source,
            "external_id": f"{employee}@{day}",
            "occurred_at": f"2025-02-{int(day):02}T12:00:00Z",
            "employee": employee,
        }
    )


async def counted(database: Database, org: Org) -> dict[str, int]:
    """Return who is enrolled after the first half, as every place that counts members has it."""
    measures = ["enrolled", "enrolled_at_start"]
    async with database.transaction(org.id) as connection:
        query = MeasureQuery(buckets=(FIRST_HALF, SECOND_HALF))
        table = await read_measures(connection, org, measures, query)
        groups = await read_populations(connection, org.id, 1, SECOND_HALF, Dimension.TEAM)
    first_day = groups.during(Period(SECOND_HALF.start, date(2025, 2, 16)))
    sizes = first_day[0] if first_day else {}
    assert not isinstance(sizes, Crossed)
    return {
        "at the end": int(table[0, ""]["enrolled"] or 0),
        "before the next": int(table[1, ""]["enrolled_at_start"] or 0),
        "in small groups": sum(sizes.values()),
    }


async def explained(database: Database, org: Org) -> list[ContributionLine]:
    async with database.transaction(org.id) as connection:
        page = await explain_measure(
            connection, org, "enrolled", FIRST_HALF, filters={}, after=None, limit=10
        )
    return page.lines


@pytest.mark.parametrize(
    ("told", "join"),
    [
        ("csv joined 3, hr joined 4, hr left 10", None),
        ("csv joined 3, hr joined 3, csv left 10", None),
        ("csv joined 3, csv left 10, hr left 11, csv joined 12", "csv E1@12"),
        ("csv left 2, csv joined 3", "csv E1@3"),
        ("csv joined 3, hr joined 4", "hr E1@4"),
        ("csv joined 3, csv left 14", None),
        ("csv joined 3, csv left 16", "csv E1@3"),
    ],
)
async def test_the_last_word_counts(
    database: Database, org: Org, told: str, join: str | None
) -> None:
    facts = [word(said) for said in told.split(", ")]
    await tell(database, org, *facts)

    assert set((await counted(database, org)).values()) == {0 if join is None else 1}
    proof = [f"{line.source} {line.external_id}" for line in await explained(database, org)]
    assert proof == ([] if join is None else [join])
    members = members_on(history_of(org, facts), FIRST_HALF.last_day)
    assert len(members) == len(proof)


async def test_words_of_one_instant_are_told_apart_by_key(database: Database, org: Org) -> None:
    employees = [f"E{number}" for number in range(8)]
    facts = [word(said, who) for said in ("csv joined 3", "hr left 3") for who in employees]
    await tell(database, org, *facts)

    members = members_on(history_of(org, facts), FIRST_HALF.last_day)
    assert 0 < len(members) < len(employees)
    assert set((await counted(database, org)).values()) == {len(members)}
    assert {line.employee for line in await explained(database, org)} == members
