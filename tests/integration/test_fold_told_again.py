"""Joins and leaves that several sources tell: of words that say the same, the first counts."""

from datetime import date

import pytest

from services.metrics.verify import verify
from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.explain import explain_measure
from tests.integration.catalogue_facts import fact
from tests.integration.fold_chapters import assert_right_at_each_step
from tests.integration.planning import tell

FEBRUARY = Period(date(2025, 2, 1), date(2025, 3, 1))


def word(event: str, day: int, source: str = "platform", employee: str = "E1") -> Fact:
    """Return what a source tells of somebody on a day."""
    told = fact(
        f"member.{event}",
        f"{employee}-{day}",
        f"2025-02-{day:02}",
        employee=employee,
        network="linkedin",
    )
    return told.model_copy(update={"source": source})


TOLD = [
    *(word("joined", 1), word("joined", 2, "hr")),
    *(word("left", 12, "hr"), word("left", 10)),
    *(word("joined", 20), word("joined", 20, "hr"), word("joined", 21)),
]


@pytest.mark.parametrize(
    ("taken_back", "days"),
    [
        ([], {"joins": [1, 20], "leaves": [10], "rejoins": [20]}),
        # What was told again counts when the first word is taken back.
        ([TOLD[0], TOLD[3]], {"joins": [2, 20], "leaves": [12], "rejoins": [20]}),
        # Who never left does not come back.
        (TOLD[2:4], {"joins": [1], "leaves": [], "rejoins": []}),
        # Who was never in cannot leave, and does not come back.
        (TOLD[:2], {"joins": [20], "leaves": [], "rejoins": []}),
    ],
)
async def test_a_join_or_a_leave_that_is_told_again_counts_once(
    database: Database, org: Org, taken_back: list[Fact], days: dict[str, list[int]]
) -> None:
    await tell(database, org, TOLD)
    await catch_up(database, org.id)
    await tell(database, org, [Retraction(told.identity) for told in taken_back])
    await catch_up(database, org.id)

    for measure, expected in days.items():
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters={}, after=None, limit=20
            )
        assert sorted(line.day.day for line in page.lines) == expected, measure
        assert [line.quantity for line in page.lines] == [1] * len(expected), measure
        assert (page.total or 0) == len(expected), measure
    assert not (await verify(database, org.id)).listed


async def test_words_that_come_late_or_go_move_what_counts(database: Database) -> None:
    await assert_right_at_each_step(
        database,
        [word("left", 10), word("joined", 20)],
        [word("joined", 5, "hr"), word("left", 12, "hr")],
        [word("joined", 1), word("joined", 11)],
        [Retraction(word("left", 10).identity), word("left", 3)],
        [word("left", 20, "hr"), Retraction(word("joined", 5, "hr").identity)],
        # Somebody leaves of whom nobody told that they joined, until it is told.
        [word("left", 7, employee="E2"), word("joined", 9, employee="E2")],
        [word("joined", 2, employee="E2")],
        [Retraction(word("joined", 2, employee="E2").identity), word("left", 8, employee="E2")],
        [Retraction(word("joined", 11).identity), word("joined", 12)],
        [Retraction(told.identity) for told in (word("joined", 1), word("joined", 20))],
    )
