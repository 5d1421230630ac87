"""Recruiting by opening: as applications, hires and costs name it, now and as it was known."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.orgs import Org
from tests.api.asking import explained, get, quantities, refusal, values
from tests.api.conftest import MakeClient, TellAndCorrect
from tests.api.goals import FIRST_HALF, of, stated
from tests.api.golden import Q1, fact, local

BEFORE, NOW = {"as_of": "2025-04-10"}, {"as_of": "2025-05-01"}
NURSE, COOK = "nurse", "cook"


def applied(name: str, day: date, **said: str) -> dict[str, Any]:
    return fact("application.submitted", name, local(day), application=name, **said)


def hired(name: str, day: date, contact: date, **said: str) -> dict[str, Any]:
    said = {"first_contact_at": f"{contact}T12:00:00Z", **said}
    return fact("hire.accepted", f"{name}-hired", local(day), application=name, **said)


def spent(name: str, value: str, **said: str) -> dict[str, Any]:
    cost = {"figure": "recruiting_cost", "currency": "USD", "day": "2025-02-01", "value": value}
    return fact("figure.recorded", name, local(date(2025, 2, 1)), **cost, **said)


def quarter() -> Iterator[dict[str, Any]]:
    """Yield six applications, all but one referred, and four hires; one of no known opening."""
    for number in range(10):
        team = {"team": "Sales" if number < 5 else "IT", "effective_on": "2025-01-01"}
        who = {"employee": f"E{number}"}
        yield fact("employee.recorded", f"E{number}", local(date(2025, 1, 1)), **team, **who)
        yield fact("member.joined", f"E{number}", local(date(2025, 1, 1)), **who)
    january, march = date(2025, 1, 10), date(2025, 3, 10)
    yield applied("a", january, job=NURSE, employee="E1")
    yield applied("b", january, job=NURSE, employee="E6")
    yield applied("c", january, job=COOK, employee="E1")
    yield applied("d", january, job=COOK)
    yield applied("e", march, employee="E2")
    yield applied("f", march, job=NURSE, employee="E2")
    # For its application's opening, for another one than applied for, and for one nobody named.
    yield hired("a", march, date(2025, 3, 1))
    yield hired("b", march, date(2025, 2, 8), job=COOK)
    yield hired("c", march, date(2025, 2, 18), job=COOK)
    yield hired("e", march, date(2025, 1, 9))
    yield spent("of-all", "900.00")
    yield spent("of-nurses", "350.00", job=NURSE)
    yield spent("of-cooks", "100.01", job=COOK)


@pytest_asyncio.fixture
async def recruiting(
    client: httpx.AsyncClient, tell_and_correct: TellAndCorrect
) -> httpx.AsyncClient:
    """Return a client of a quarter's recruiting, one application of which was corrected later."""
    corrected = applied("a", date(2025, 1, 10), job=COOK, employee="E1")
    await tell_and_correct(quarter(), [corrected])
    return client


@pytest.mark.parametrize(
    ("kpi", "known", "jobs", "whole"),
    [
        ("referrals", BEFORE, {NURSE: "3", COOK: "1"}, "5"),
        ("referrals", NOW, {NURSE: "2", COOK: "2"}, "5"),
        ("referral_hires", BEFORE, {NURSE: "1", COOK: "2"}, "4"),
        ("referral_hires", NOW, {COOK: "3"}, "4"),
        # 9 days for the nurse, 30 and 20 for the cooks, 60 for nobody knows what.
        ("time_to_hire", BEFORE, {NURSE: "9.00", COOK: "25.00"}, "25.00"),
        ("time_to_hire", NOW, {COOK: "20.00"}, "25.00"),
        ("cost_per_hire", BEFORE, {NURSE: "350.00", COOK: "50.01"}, "337.50"),
        ("cost_per_hire", NOW, {NURSE: None, COOK: "33.34"}, "337.50"),
    ],
)
async def test_recruiting_comes_by_opening(
    recruiting: httpx.AsyncClient,
    kpi: str,
    known: dict[str, str],
    jobs: dict[str, str | None],
    whole: str,
) -> None:
    assert await values(recruiting, kpi, **known, group_by="job") == jobs
    for job, value in jobs.items():
        assert await values(recruiting, kpi, **known, job=job) == {None: value}
    assert await values(recruiting, kpi, **known) == {None: whole}


async def test_openings_are_combined_with_who_referred(recruiting: httpx.AsyncClient) -> None:
    teams = await values(recruiting, "referrals", group_by="team", job=NURSE)
    jobs = await values(recruiting, "referrals", group_by="job", team="Sales")
    one = await values(recruiting, "referral_hires", group_by="job", employee="E1")

    assert teams == {"Sales": "1", "IT": "1"}
    assert jobs == {NURSE: "1", COOK: "2"}
    assert one == {COOK: "2"}


@pytest.mark.parametrize("kpi", ["referrals", "referral_hires", "time_to_hire", "cost_per_hire"])
async def test_the_facts_of_an_opening_make_its_figure(
    recruiting: httpx.AsyncClient, kpi: str
) -> None:
    answer, lines = await explained(recruiting, kpi, job=COOK, limit=1)

    for given in answer["inputs"]:
        told = sorted(quantities(lines, given["measure"]))
        made = told[len(told) // 2] if kpi == "time_to_hire" else sum(told)
        assert made == Fraction(given["value"]), given
        assert len(told) == {"applications_advocacy": 2, "figure.recruiting_cost": 1}.get(
            given["measure"], 3
        )


async def test_a_corrected_application_moves_its_hire_too(recruiting: httpx.AsyncClient) -> None:
    for kpi, before, after in (("referrals", "1", "2"), ("referral_hires", "2", "3")):
        asked = {**Q1, "kpi": kpi, "job": COOK}
        moves = await get(recruiting, "restatements", **asked)
        assert [(m["day"], m["before"], m["after"]) for m in moves["restatements"]] == [
            ("2025-04-20", before, after)
        ]
        causes = await get(recruiting, "restatements/facts", **asked, day="2025-04-20")
        assert [(one["external_id"], one["weight"]) for one in causes["facts"]] == [
            ("a", -1),
            ("a", 1),
        ]


async def test_who_may_not_see_people_sees_openings_and_not_who_referred(
    recruiting: httpx.AsyncClient, client_of: MakeClient, org: Org
) -> None:
    reader = await client_of(org, ["kpis:read"])
    assert await values(reader, "referrals", group_by="job") == {NURSE: "2", COOK: "2"}
    _, lines = await explained(reader, "referrals", job=COOK)

    assert [(one["employee"], one["external_id"]) for one in lines] == [(None, None)] * 2


async def test_a_goal_may_be_an_openings(recruiting: httpx.AsyncClient) -> None:
    of_nurses = of("referrals", "applications", "20", filters={"job": [NURSE]}, **FIRST_HALF)
    goal = await stated(recruiting, of_nurses)

    assert goal["standing"]["actual"] == "2"


@pytest.mark.parametrize("kpi", ["job_portal_traffic", "job_click_to_apply", "referral_savings"])
async def test_what_names_no_opening_is_refused_by_name(
    client: httpx.AsyncClient, kpi: str
) -> None:
    refused = await client.get("/v1/kpis/values", params={**Q1, "ids": kpi, "group_by": "job"})

    assert refusal(refused) == (422, "dimension_not_carried")


async def test_only_a_recruiting_cost_names_an_opening(client: httpx.AsyncClient) -> None:
    output = {"figure": "output", "day": "2025-02-01", "value": "1", "hours": "1", "job": COOK}
    told = fact("figure.recorded", "o", local(date(2025, 2, 1)), **output)
    refused = await client.post("/v1/facts", json=[told])

    assert refusal(refused) == (422, "invalid_facts")
