"""Credit by team: hidden as the days hide it on which it is booked, also those that lie ahead."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from shared.orgs import Org
from tests.api.asking import Answer, get, post
from tests.api.conftest import At, Fold, MakeClient
from tests.api.golden import fact, local

TODAY = date(2025, 5, 2)
#: Two days of close: one that is over, and one that is told a day ahead.
CLOSED, CLOSING = date(2025, 4, 25), TODAY + timedelta(days=1)
APRIL = {"from": "2025-04-01", "to": "2025-05-01"}


def sold(name: str, employee: str, closed: date) -> Iterator[dict[str, Any]]:
    """Yield the touch of an employee and the deal that it led to."""
    touched, person = date(2025, 4, 24), f"{name}@client.example"
    who = {"person_email": person, "employee": employee, "channel": "employee_advocacy"}
    yield fact("touch.recorded", name, local(touched), **who)
    lead_at = local(touched, 13)
    yield fact("lead.created", name, lead_at, lead=name, person_email=person)
    at = lead_at.isoformat(), local(closed).isoformat()
    deal = {"deal": name, "lead": name, "state": "won", "amount": "100.00", "currency": "USD"}
    yield fact("deal.changed", name, lead_at, opened_at=at[0], closed_at=at[1], **deal)


def alone(since: date) -> dict[str, Any]:
    """Return that one of IT is a team of their own from a day on."""
    row = {"employee": "IT-0", "team": "Solo", "effective_on": since.isoformat()}
    return fact("employee.recorded", "alone", local(TODAY, 8), **row)


def history() -> Iterator[dict[str, Any]]:
    """Yield two teams of six, who sold in April."""
    start = date(2025, 1, 1)
    for employee in (f"{team}-{number}" for team in ("Sales", "IT") for number in range(6)):
        row = {"employee": employee, "team": employee.partition("-")[0]}
        yield fact(
            "employee.recorded", employee, local(start), effective_on=start.isoformat(), **row
        )
        yield fact("member.joined", employee, local(start), employee=employee)
    yield from sold("d1", "IT-1", CLOSED)
    yield from sold("d2", "Sales-1", CLOSED)


@pytest.fixture
async def reader(
    client: httpx.AsyncClient, client_of: MakeClient, org: Org, fold: Fold, at: At
) -> httpx.AsyncClient:
    at(local(TODAY))
    await post(client, history())
    await fold(org)
    return await client_of(org, {"roi:read", "kpis:read"})


async def by_team(client: httpx.AsyncClient, **query: Any) -> dict[str | None, Answer]:
    """Return team → its credit under the linear model."""
    answer = await get(client, "roi/models", **APRIL, group_by="team", **query)
    (linear,) = (one for one in answer["models"] if one["model"] == "linear")
    return {group["group"]: group for group in linear["groups"]}


async def test_a_close_that_lies_ahead_does_not_tell_of_a_team_of_one(
    client: httpx.AsyncClient, reader: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    await post(client, [alone(CLOSING), *sold("d3", "IT-0", CLOSING)])
    await fold(org)

    for window in ({}, {"window_days": 60}):
        credit = await by_team(reader, **window)
        # Nor is it what is left of the whole without those that are shown.
        amounts = {team: one["amount"] for team, one in credit.items()}
        assert amounts == {"Sales": "100.00", "Solo": None, "IT": None, "IT + Solo": "200.00"}
        hidden = {team for team, one in credit.items() if one["suppressed"]}
        assert hidden == {"IT", "Solo"}


@pytest.mark.parametrize(("since", "window"), [(CLOSING, 2), (TODAY + timedelta(days=3), 90)])
async def test_a_team_is_not_hidden_for_days_on_which_nothing_can_be_booked(
    client: httpx.AsyncClient,
    reader: httpx.AsyncClient,
    org: Org,
    fold: Fold,
    since: date,
    window: int,
) -> None:
    await post(client, [alone(since)])
    await fold(org)

    credit = await by_team(reader, window_days=window)
    amounts = {team: one["amount"] for team, one in credit.items()}
    assert amounts == {"IT": "100.00", "Sales": "100.00"}


async def test_small_teams_that_brought_nothing_are_not_shown_as_one(
    client: httpx.AsyncClient, reader: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    start = date(2025, 1, 1)
    for employee in (f"{team}-{number}" for team in ("Law", "Press") for number in range(3)):
        row = {"employee": employee, "team": employee.partition("-")[0]}
        told = fact("employee.recorded", employee, local(start), effective_on=str(start), **row)
        await post(client, [told])
    await fold(org)

    assert set(await by_team(reader)) == {"IT", "Sales"}
