"""Figures of cohorts: of who first joined in a month, whatever happened later, where enough did."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.orgs import Org
from tests.api.asking import explained, get, groups, quantities, refusal, values
from tests.api.conftest import Deliver, MakeClient, TellAndCorrect
from tests.api.goals import FIRST_HALF, of, stated
from tests.api.golden import Q1, fact, local

NOVEMBER, DECEMBER, NEVER = "2024-11", "2024-12", ""
TEAMS = ("Sales", "IT", "HR")
#: Ten joined in November, ten in December, and six were invited and never joined.
COHORTS = {NOVEMBER: range(10), DECEMBER: range(10, 20), NEVER: range(20, 26)}
JOINED = {NOVEMBER: date(2024, 11, 5), DECEMBER: date(2024, 12, 5)}
BEFORE = {"as_of": "2025-04-10"}
HALF_YEAR = {"from": "2024-10-01", "to": "2025-04-01"}


def did(kind: str, number: int, day: date, **said: Any) -> dict[str, Any]:
    return fact(kind, f"E{number}@{day}", local(day), employee=f"E{number}", **said)


def recorded(number: int, since: date, *, employed: bool = True) -> dict[str, Any]:
    row = {"team": TEAMS[number % 3], "effective_on": since.isoformat(), "employed": employed}
    return did("employee.recorded", number, since, **row)


def posted(number: int, day: date) -> dict[str, Any]:
    return did("post.published", number, day, post=f"{number}-{day}", network="linkedin")


def indexed(number: int, day: date, brand: str) -> dict[str, Any]:
    pillars = dict.fromkeys(("people", "insights", "relationships"), "0")
    return did("ssi.recorded", number, day, brand=brand, **pillars)


def joined() -> Iterator[dict[str, Any]]:
    for cohort, people in COHORTS.items():
        for number in people:
            yield recorded(number, date(2024, 6, 1))
            yield did("member.invited", number, date(2024, 10, 20))
            if cohort:
                yield did("member.joined", number, JOINED[cohort])


def quarter() -> Iterator[dict[str, Any]]:
    """Yield what three cohorts did: some leave and return, some post, some quit the company."""
    yield from joined()
    yield did("member.left", 0, date(2025, 2, 10))
    yield did("member.left", 1, date(2025, 3, 1))
    yield did("member.joined", 1, date(2025, 3, 20))
    yield did("member.left", 10, date(2025, 2, 15))
    yield posted(2, date(2024, 11, 1))
    for number in range(2, 10):
        yield posted(number, date(2025, 3, 12))
    for number in range(2, 7):
        yield from (posted(number, date(2025, 3, day)) for day in (5, 19))
    for number in range(10, 16):
        yield posted(number, date(2025, 2, 1))
    for number, hours in ((2, "1"), (3, "2"), (4, "6"), (11, "3")):
        course = {"course": "start", "hours": hours, "is_onboarding": True}
        yield did("training.completed", number, date(2025, 1, 15), **course)
    for number, brand in ((2, "12"), (3, "14"), (11, "15")):
        yield indexed(number, date(2024, 12, 15), "10")
        yield indexed(number, date(2025, 2, 15), brand)
    yield did("employment.ended", 5, date(2025, 3, 20), reason="adaptation", in_probation=True)
    yield recorded(5, date(2025, 3, 21), employed=False)
    yield did("employment.ended", 20, date(2025, 1, 31), reason="own_wish")
    yield recorded(20, date(2025, 2, 1), employed=False)


def correction() -> dict[str, Any]:
    """Return what is told later: one of November's had joined in December."""
    told = did("member.joined", 9, JOINED[NOVEMBER])
    return {**told, "occurred_at": did("member.joined", 9, JOINED[DECEMBER])["occurred_at"]}


@pytest_asyncio.fixture
async def staff(client: httpx.AsyncClient, tell_and_correct: TellAndCorrect) -> httpx.AsyncClient:
    """Return a client of a program, one first join of which was corrected after the quarter."""
    await tell_and_correct(quarter(), [correction()])
    return client


async def by_cohort(client: httpx.AsyncClient, kpi: str, **query: Any) -> dict[str | None, Any]:
    return await values(client, kpi, group_by="cohort", **query)


@pytest.mark.parametrize(
    ("kpi", "period", "november", "december", "never"),
    [
        ("invited_employees", Q1, "10", "10", "6"),
        ("enrolled_employees", Q1, "9", "9", None),
        ("invite_acceptance_rate", Q1, "100.00", "100.00", "0.00"),
        # One of ten had posted within thirty days of the invitation.
        ("invite_activation_rate", HALF_YEAR, "10.00", "0.00", "0.00"),
        ("active_advocates", Q1, "5", None, None),
        ("active_of_enrolled_rate", Q1, "88.89", "66.67", None),
        ("left_program", Q1, "2", "1", None),
        ("returned_program", Q1, "1", None, None),
        ("program_churn_rate", Q1, "20.00", "10.00", None),
        # From 5 November to 12 March, but for five on the 5th; from 5 December to 1 February.
        ("time_to_first_share", HALF_YEAR, "2880.00", "1392.00", None),
        # The ninth week after 5 December, in which six posted; of November's it was in January.
        ("cohort_retention_week_8", HALF_YEAR, "0.00", "60.00", None),
        ("shares", Q1, "18", "6", None),
        ("training_coverage", Q1, "33.33", "11.11", None),
        ("training_time", Q1, "2.00", "3.00", None),
        ("ssi_delta", Q1, "3.00", "5.00", None),
        ("adaptation_quits", Q1, "1", None, None),
    ],
)
async def test_who_joined_together_is_one_group(
    staff: httpx.AsyncClient,
    kpi: str,
    period: dict[str, str],
    november: str,
    december: str | None,
    never: str | None,
) -> None:
    expected = {NOVEMBER: november, DECEMBER: december, NEVER: never}
    found = await by_cohort(staff, kpi, **period, **BEFORE)

    assert {group: value for group, value in found.items() if value not in {None, "0"}} == {
        group: value for group, value in expected.items() if value is not None
    }
    for group, value in expected.items():
        alone = await values(staff, kpi, **period, **BEFORE, cohort=group)
        assert (alone[None] in {None, "0"}) if value is None else alone == {None: value}


async def test_cohorts_add_up_to_the_whole(staff: httpx.AsyncClient) -> None:
    for kpi, whole in (
        ("invited_employees", "26"),
        ("left_program", "3"),
        ("enrolled_employees", "18"),
    ):
        found = await by_cohort(staff, kpi)
        assert sum(int(value) for value in found.values()) == int(whole), kpi
        assert await values(staff, kpi) == {None: whole}, kpi


async def test_who_left_the_company_was_of_the_cohort_on_all_days(
    staff: httpx.AsyncClient,
) -> None:
    rates = await groups(staff, "turnover_rate", group_by="cohort", **BEFORE)
    found = {group: (one["numerator"], one["denominator"]) for group, one in rates.items()}

    # Ten of November, of whom one is gone for the last 11 of 90 days; six, one of them for 59.
    assert found[NOVEMBER] == ("1", "9.877777777778")
    assert found[DECEMBER] == ("0", "10")
    assert found[NEVER] == ("1", "5.344444444444")


async def test_a_first_join_that_was_another_day_moves_history(staff: httpx.AsyncClient) -> None:
    asked = {**Q1, "kpi": "enrolled_employees", "cohort": NOVEMBER}
    assert await by_cohort(staff, "enrolled_employees", **BEFORE) == {NOVEMBER: "9", DECEMBER: "9"}
    assert await by_cohort(staff, "enrolled_employees") == {NOVEMBER: "8", DECEMBER: "10"}

    moves = await get(staff, "restatements", **asked)
    assert [(one["day"], one["before"], one["after"]) for one in moves["restatements"]] == [
        ("2025-04-20", "9", "8")
    ]
    causes = await get(staff, "restatements/facts", **asked, day="2025-04-20")
    assert [(one["kind"], one["weight"]) for one in causes["facts"]] == [
        ("member.joined", -1),
        ("member.joined", 1),
    ]


@pytest.mark.parametrize(
    "kpi",
    [
        *("invited_employees", "invite_acceptance_rate", "active_advocates", "left_program"),
        *("active_of_enrolled_rate", "returned_program", "program_churn_rate"),
        *("training_coverage", "turnover_rate", "adaptation_quits", "shares"),
    ],
)
async def test_the_facts_of_a_cohort_add_up_to_its_figure(
    staff: httpx.AsyncClient, kpi: str
) -> None:
    answer, lines = await explained(staff, kpi, cohort=NOVEMBER, limit=100)

    for given in (one for one in answer["inputs"] if one["measure"] != "weeks"):
        listed = quantities(lines, given["measure"])
        assert sum(listed) == Fraction(given["value"]), given
        assert listed
    assert {one["employee"] for one in lines} <= {f"E{n}" for n in range(9)}


async def test_a_cohort_of_few_is_hidden_and_one_more_with_it(
    staff: httpx.AsyncClient, deliver: Deliver
) -> None:
    told = [recorded(number, date(2024, 6, 1)) for number in range(26, 30)]
    told += [did("member.joined", number, date(2025, 1, 7)) for number in range(26, 30)]
    await deliver(told)

    found = await by_cohort(staff, "enrolled_employees")
    # But for them the fewest are those who never joined: they keep them company.
    assert found == {NOVEMBER: "8", DECEMBER: "10", "2025-01": None, " + 2025-01": "4"}
    invited = await by_cohort(staff, "invited_employees")
    assert (invited[NEVER], invited[" + 2025-01"]) == (None, "6")
    few = {"cohort": "2025-01"}
    alone = await groups(staff, "enrolled_employees", **few)
    assert alone[None]["null_reason"] == "suppressed:small_group"
    refused = await staff.get("/v1/kpis/enrolled_employees/explain", params={**Q1, **few})
    assert refusal(refused) == (422, "small_group")


async def test_what_tells_of_single_people_needs_the_scope(
    staff: httpx.AsyncClient, client_of: MakeClient, org: Org
) -> None:
    reader = await client_of(org, ["kpis:read"])
    of_people: list[tuple[str, dict[str, Any]]] = [
        ("kpis/values", {"ids": "left_program", "team": "Sales", "cohort": NOVEMBER}),
        ("kpis/turnover_rate/series", {"group_by": "cohort", "role": "leader"}),
        ("kpis/left_program/series", {"group_by": "department", "cohort": NOVEMBER}),
        ("kpis/left_program/explain", {"cohort": NOVEMBER}),
        ("restatements/facts", {"kpi": "left_program", "cohort": NOVEMBER, "day": "2025-04-20"}),
    ]
    for path, query in of_people:
        refused = await reader.get(f"/v1/{path}", params={**Q1, **query})
        assert refusal(refused) == (403, "insufficient_scope"), path
        await get(staff, path, **Q1, **query)

    assert await by_cohort(reader, "left_program") == {NOVEMBER: "2", DECEMBER: "1"}
    # Both tellings together would say who was moved from the one to the other.
    then = await by_cohort(reader, "enrolled_employees", **BEFORE)
    assert then == {NOVEMBER: None, DECEMBER: None, "2024-11 + 2024-12": "18"}


async def test_a_goal_may_be_a_cohorts(staff: httpx.AsyncClient) -> None:
    fewer = of("left_program", "events", "3", direction="down", **FIRST_HALF)
    goal = await stated(staff, {**fewer, "filters": {"cohort": [NOVEMBER]}})
    assert goal["standing"]["actual"] == "2"

    of_team = {"cohort": [NOVEMBER], "team": ["Sales"]}
    refused = await staff.post("/v1/goals", json={**fewer, "filters": of_team})
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["rule"]) == (422, "of_single_people")


@pytest.mark.parametrize(
    "kpi", ["headcount", "reactions", "lead_conversion_rate", "onboarding_time"]
)
async def test_what_has_no_cohort_is_refused_by_name(client: httpx.AsyncClient, kpi: str) -> None:
    refused = await client.get("/v1/kpis/values", params={**Q1, "ids": kpi, "group_by": "cohort"})

    assert refusal(refused) == (422, "dimension_not_carried")
