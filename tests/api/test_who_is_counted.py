"""What the organization states of whom it counts: from a day on, with its history, at once."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.api.asking import over, problem
from tests.api.conftest import At, Deliver

FEBRUARY = {"from": "2025-02-01", "to": "2025-03-01"}
_get = over(FEBRUARY)
#: KPI → the key that says who is counted, another value for it, and what it counts before and then.
MOVED = {
    "active_advocates": ("active.weeks_needed", "2", "1", "2"),
    "invite_activation_rate": ("activation.days", "37", "0.00", "100.00"),
    "recognised_experts": ("expert.index", "60.5", "0", "1"),
}


def _told(kind: str, day: str, **body: Any) -> dict[str, Any]:
    at = {"source": "test", "external_id": f"{kind} {day} {body['employee']}"}
    return {**at, "kind": kind, "occurred_at": f"{day}T10:00:00Z", **body}


def _facts() -> list[dict[str, Any]]:
    # The four whole weeks before March begin on 27 January.
    posts = {
        "E1": ("2025-02-04", "2025-02-11"),
        "E2": ("2025-02-04", "2025-02-11", "2025-02-18"),
        "E3": ("2025-03-10",),  # 37 days after the invitation
    }
    pillars = {"brand": "15.5", "people": "15", "insights": "15", "relationships": "15"}
    return [
        _told("member.invited", "2025-02-01", employee="E3"),
        _told("ssi.recorded", "2025-02-20", employee="E4", **pillars),
        *(
            _told("post.published", day, employee=employee, post=f"{employee} {day}", network="x")
            for employee, days in posts.items()
            for day in days
        ),
    ]


@pytest_asyncio.fixture
async def told(client: httpx.AsyncClient, deliver: Deliver, at: At) -> httpx.AsyncClient:
    """Tell of February on 1 April, and state who is counted on 10 April, of its last day."""
    at(datetime(2025, 4, 1, 12, tzinfo=UTC))
    await deliver(_facts())
    at(datetime(2025, 4, 10, 12, tzinfo=UTC))
    for key, value, _, _ in MOVED.values():
        response = await _state(client, key, value)
        assert response.status_code == 200, response.text
    at(datetime(2025, 5, 1, 12, tzinfo=UTC))
    return client


async def _state(client: httpx.AsyncClient, key: str, value: str) -> httpx.Response:
    stated = {"effective_from": "2025-02-28", "value": value, "source": "program office"}
    return await client.put(f"/v1/assumptions/{key}", json=stated)


@pytest.mark.parametrize("kpi", MOVED)
async def test_what_is_stated_counts_at_once_and_never_before_it_was(
    told: httpx.AsyncClient, kpi: str
) -> None:
    _, _, before, now = MOVED[kpi]

    for query, value in (
        ({}, now),
        ({"as_of": "2025-04-09"}, before),
        ({"as_of": "2025-04-10"}, now),
    ):
        series = await _get(told, f"kpis/{kpi}/series", interval="month", **query)
        assert [point["value"] for point in series["points"]] == [value], query
    # The day before it holds is counted as ever, in a bucket of the same answer.
    days = await _get(
        told, f"kpis/{kpi}/series", interval="day", **{"from": "2025-02-27", "to": "2025-03-01"}
    )
    if kpi != "invite_activation_rate":  # nobody was invited on these days
        assert [point["value"] for point in days["points"]] == [before, now]


@pytest.mark.parametrize("kpi", MOVED)
async def test_an_explanation_says_what_was_stated_and_lists_who_counts(
    told: httpx.AsyncClient, kpi: str
) -> None:
    key, value, before, now = MOVED[kpi]
    definition = (await told.get(f"/v1/kpis/{kpi}")).json()
    measure = definition["measures"][0]

    shown = await _get(told, f"kpis/{kpi}/explain", measure=measure)
    then = await _get(told, f"kpis/{kpi}/explain", measure=measure, as_of="2025-04-09")

    assert shown["value"]["value"] == now
    assert [one["key"] for one in shown["assumptions"]] == definition["assumptions"]
    assert {one["key"]: one["version"] for one in shown["assumptions"]}[key] == 1
    stated = next(one for one in shown["assumptions"] if one["key"] == key)
    assert Decimal(stated["value"]) == Decimal(value)
    assert then["value"]["value"] == before
    assert [one["version"] for one in then["assumptions"]] == [0] * len(then["assumptions"])
    for page in shown, then:
        assert page["facts"]["lines_total"] == len(page["facts"]["lines"])
        assert page["facts"]["total"] == str(len(page["facts"]["lines"]))


async def test_the_weeks_in_an_explanation_are_those_that_were_looked_at(
    told: httpx.AsyncClient,
) -> None:
    response = await _state(told, "active.weeks", "2")
    assert response.status_code == 200, response.text

    page = (await _get(told, "kpis/active_advocates/explain"))["facts"]

    assert [line["note"] for line in page["lines"]] == ["shares in 2 of 2 weeks"]
    assert page["lines"][0]["occurred_at"] == "2025-02-11T10:00:00Z"
    assert page["total"] == "1"


@pytest.mark.parametrize("kpi", MOVED)
async def test_what_is_stated_restates_a_figure(told: httpx.AsyncClient, kpi: str) -> None:
    _, _, before, now = MOVED[kpi]

    found = await _get(told, "restatements", kpi=kpi)

    assert [(one["day"], one["before"], one["after"]) for one in found["restatements"]] == [
        ("2025-04-01", None, before),
        ("2025-04-10", before, now),
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("active.weeks", "0", "a whole number, at least 1 and at most 52"),
        ("active.weeks", "4.5", "a whole number, at least 1 and at most 52"),
        ("active.weeks", "53", "a whole number, at least 1 and at most 52"),
        ("active.weeks", "2", "from 2025-02-28 on more weeks would be needed than are looked at"),
        ("active.weeks_needed", "5", "from 2025-02-28 on more weeks would be needed than are"),
        ("activation.days", "366", "a whole number, at least 1 and at most 365"),
        ("expert.index", "100.5", "at least 0 and at most 100"),
    ],
)
async def test_what_would_count_nobody_is_refused(
    client: httpx.AsyncClient, key: str, value: str, message: str
) -> None:
    refused = problem(await _state(client, key, value))

    (error,) = refused["errors"]
    assert (error["field"], error["rule"]) == ("body.value", "out_of_bounds")
    assert error["message"].startswith(message)
    assert (await client.get(f"/v1/assumptions/{key}/statements")).json()["statements"] == []


async def test_two_statements_at_once_cannot_contradict_each_other(
    client: httpx.AsyncClient,
) -> None:
    answers = await asyncio.gather(
        _state(client, "active.weeks_needed", "4"), _state(client, "active.weeks", "3")
    )

    assert sorted(answer.status_code for answer in answers) == [200, 422]
