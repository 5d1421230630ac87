"""Departments that hires, recruiting costs and outputs name themselves, now and as it was known."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.asking import explained, quantities, refusal, values
from tests.api.conftest import Deliver, TellAndCorrect
from tests.api.golden import fact, local

BEFORE = {"as_of": "2025-04-10"}
CARE, KITCHEN = "Care", "Kitchen"


def applied(name: str, **said: str) -> dict[str, Any]:
    told = {"application": name, **said}
    return fact("application.submitted", name, local(date(2025, 1, 10)), **told)


def hired(name: str, contact: date, **said: str) -> dict[str, Any]:
    told = {"application": name, "first_contact_at": f"{contact}T12:00:00Z", **said}
    return fact("hire.accepted", f"{name}-hired", local(date(2025, 3, 10)), **told)


def entered(name: str, figure: str, value: str, **said: str) -> dict[str, Any]:
    told = {"figure": figure, "day": "2025-02-01", "value": value, **said}
    return fact("figure.recorded", name, local(date(2025, 2, 1)), **told)


def quarter() -> Iterator[dict[str, Any]]:
    """Yield two departments of six, four hires of which one is for nobody knows whom, and costs."""
    for number in range(12):
        who = {"employee": f"E{number}", "effective_on": "2024-06-01"}
        place = {"department": CARE if number < 6 else KITCHEN}
        yield fact("employee.recorded", f"E{number}", local(date(2024, 6, 1)), **who, **place)
    yield applied("a", department=CARE, employee="E7")
    yield applied("b")
    yield applied("c", department=KITCHEN)
    # For its application's department, for its own, for another one than applied for, for none.
    yield hired("a", date(2025, 2, 28))
    yield hired("b", date(2025, 2, 18), department=KITCHEN)
    yield hired("c", date(2025, 1, 29), department=CARE)
    yield hired("d", date(2025, 3, 5))
    money = {"currency": "USD"}
    yield entered("all", "recruiting_cost", "900.00", **money)
    yield entered("care", "recruiting_cost", "300.00", **money, department=CARE)
    yield entered("kitchen", "recruiting_cost", "50.00", **money, department=KITCHEN)
    yield entered("cared", "output", "100", hours="50", department=CARE)
    yield entered("cooked", "output", "30", hours="60", department=KITCHEN)


@pytest_asyncio.fixture
async def hiring(client: httpx.AsyncClient, tell_and_correct: TellAndCorrect) -> httpx.AsyncClient:
    """Return a client of a quarter in which somebody was later found to be the kitchen's."""
    await tell_and_correct(quarter(), [applied("a", department=KITCHEN, employee="E7")])
    return client


@pytest.mark.parametrize(
    ("kpi", "known", "care", "kitchen", "whole"),
    [
        ("time_to_hire", BEFORE, "25.00", "20.00", "15.00"),
        ("time_to_hire", {}, "40.00", "15.00", "15.00"),
        ("cost_per_hire", BEFORE, "150.00", "50.00", "312.50"),
        ("cost_per_hire", {}, "300.00", "25.00", "312.50"),
        ("productivity_index", {}, "2.00", "0.50", "1.18"),
        # Of who referred, not of who hires.
        ("referral_hires", {}, None, "1", "1"),
    ],
)
async def test_hires_and_figures_are_of_the_department_that_they_name(
    hiring: httpx.AsyncClient,
    kpi: str,
    known: dict[str, str],
    care: str | None,
    kitchen: str,
    whole: str,
) -> None:
    found = await values(hiring, kpi, **known, group_by="department")

    assert found == {name: v for name, v in ((CARE, care), (KITCHEN, kitchen)) if v is not None}
    for department, value in found.items():
        alone = await values(hiring, kpi, **known, department=str(department))
        assert alone == {None: value}
    assert await values(hiring, kpi, **known) == {None: whole}


@pytest.mark.parametrize(("kpi", "lines"), [("cost_per_hire", 3), ("time_to_hire", 2)])
async def test_the_facts_of_a_department_make_its_figure(
    hiring: httpx.AsyncClient, kpi: str, lines: int
) -> None:
    answer, found = await explained(hiring, kpi, department=KITCHEN, limit=100)

    for given in answer["inputs"]:
        made = sum(quantities(found, given["measure"])) / (2 if kpi == "time_to_hire" else 1)
        assert made == Fraction(given["value"]), given
    assert len(found) == lines


async def test_a_department_of_few_has_no_hires_to_be_seen(
    hiring: httpx.AsyncClient, deliver: Deliver
) -> None:
    who = {"employee": "E99", "effective_on": "2024-06-01", "department": "Board"}
    recorded = fact("employee.recorded", "E99", local(date(2024, 6, 1)), **who)
    await deliver([recorded, hired("e", date(2025, 3, 1), department="Board")])
    found = await values(hiring, "time_to_hire", group_by="department")

    assert found["Board"] is None
    assert found[KITCHEN] == "15.00"


async def test_how_long_people_search_is_told_of_teams(client: httpx.AsyncClient) -> None:
    hours = entered("h", "search_hours", "3", department=CARE)
    refused = await client.post("/v1/facts", json=[hours])

    assert refusal(refused) == (422, "invalid_facts")
