"""Who leaves has left once, however many sources tell it: the first to have told it says why."""

from datetime import date
from typing import Any

import pytest

from services.metrics.rebuild import continue_rebuild, start_rebuild
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


def left(hour: int, source: str = "hr", /, day: int = 14, **body: Any) -> Fact:
    """Return what a source tells of the day on which E1 left."""
    told = {"employee": "E1", **body}
    at = f"2025-02-{day:02}T{hour:02}:00:00Z"
    return fact("employment.ended", f"{told['employee']}-{day}", at, **told).model_copy(
        update={"source": source}
    )


FIRST = left(8, reason="own_wish")
AGAIN = left(9, "payroll", reason="adaptation", in_probation=True)


@pytest.mark.parametrize(
    ("taken_back", "leavers", "quits"),
    [
        ([], ["hr"], []),
        # What was told again counts when the first to have told it takes it back.
        ([FIRST], ["payroll"], ["payroll"]),
        ([AGAIN], ["hr"], []),
        ([FIRST, AGAIN], [], []),
    ],
)
@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_leaver_who_is_told_again_is_one(
    database: Database,
    org: Org,
    taken_back: list[Fact],
    leavers: list[str],
    quits: list[str],
    is_one_batch: bool,
) -> None:
    for chapter in ([AGAIN], [FIRST], [Retraction(told.identity) for told in taken_back]):
        await tell(database, org, chapter)
        if not is_one_batch:
            await catch_up(database, org.id)
    await catch_up(database, org.id)

    for measure, sources in (("leavers", leavers), ("adaptation_quits", quits)):
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters={}, after=None, limit=20
            )
        assert [line.source for line in page.lines] == sources, measure
        assert (page.total or 0) == page.lines_total == len(sources), measure
    assert not (await verify(database, org.id)).listed


async def test_leavers_of_another_day_or_name_are_others(database: Database, org: Org) -> None:
    # Who came back may leave again; who never settled in may do so after probation.
    settled = left(8, employee="E2", reason="adaptation")
    quit_ = left(8, "payroll", day=20, reason="adaptation", in_probation=True)
    on_the_first = left(8, day=1, employee="E3")
    invited = fact("member.invited", "E4", "2025-02-14", employee="E4")
    await tell(database, org, [FIRST, settled, quit_, on_the_first, invited])
    await catch_up(database, org.id)

    for measure, people in (("leavers", 4), ("adaptation_quits", 1)):
        async with database.transaction(org.id) as connection:
            page = await explain_measure(
                connection, org, measure, FEBRUARY, filters={}, after=None, limit=20
            )
        assert page.total == page.lines_total == people


async def test_a_new_generation_counts_the_leavers_that_it_has_read(
    database: Database, org: Org
) -> None:
    await tell(database, org, [FIRST, AGAIN])
    await catch_up(database, org.id)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id, batch=1)

    assert not (await verify(database, org.id)).listed


async def test_tellings_that_come_late_or_go_move_who_says_why(database: Database) -> None:
    place = fact(
        "employee.recorded",
        "E1",
        "2025-01-01",
        employee="E1",
        effective_on="2025-01-01",
        team="Sales",
    )
    await assert_right_at_each_step(
        database,
        [AGAIN, place],
        [FIRST],
        [left(9, "file", day=14, reason="other")],
        # The evening before in Greenwich is the same day in Warsaw, and an hour earlier is not.
        [FIRST.model_copy(update={"occurred_at": left(23, day=13).occurred_at})],
        [FIRST.model_copy(update={"occurred_at": left(22, day=13).occurred_at})],
        [Retraction(AGAIN.identity), FIRST],
        [AGAIN, Retraction(FIRST.identity), place.model_copy(update={"team": "IT"})],
        [Retraction(AGAIN.identity), Retraction(left(9, "file").identity)],
    )
