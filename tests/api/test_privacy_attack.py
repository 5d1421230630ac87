"""An attack through the public door: many overlapping questions, and everything they add up to.

Each employee's figure of a day and network is a power of two, so the digits of an answer tell whose
figures are in it, whatever the code believes. What follows from the answers is a linear combination
of them; none may be about fewer than five people.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from typing import Any

import httpx
import pytest

from shared.orgs import Org
from tests.api.asking import get, post
from tests.api.conftest import At, Fold, MakeClient
from tests.api.golden import fact, local
from tests.elimination import reduced, remainder

K = 5
DAYS = [date(2025, 3, 10) + timedelta(days=number) for number in range(4)]
#: A kind of response for each day, so that its digits are those of one day.
KPIS = ["reactions", "comments", "reshares", "impressions_advocacy"]
NETWORKS = ["linkedin", "x"]
SIZES = {"Sales": 6, "Marketing": 5, "IT": 4, "Mgmt": 3, "New": 2}
PEOPLE = [f"{team}-{number}" for team, size in SIZES.items() for number in range(size)]
TEAMS = ["Sales", "Marketing", "IT", "Mgmt"]
TOLD, CORRECTED, ASKED = date(2025, 3, 20), date(2025, 4, 1), date(2025, 4, 10)

Question = Mapping[str, str | list[str]]


def recorded(employee: str, team: str, since: date) -> dict[str, Any]:
    name = f"{employee}@{since}"
    where = {"employee": employee, "team": team, "effective_on": since.isoformat()}
    return fact("employee.recorded", name, local(since), **where)


def history() -> Iterator[dict[str, Any]]:
    """Yield four days: on the second somebody changes teams, on the third two people join.

    So Mgmt is too small for two days, and from then on IT is alone in that; it loses one more.
    """
    start = date(2025, 1, 1)
    for place, employee in enumerate(PEOPLE):
        is_new = employee.startswith("New")
        since = DAYS[2] if is_new else start
        yield recorded(employee, "Mgmt" if is_new else employee.partition("-")[0], since)
        yield fact("member.joined", employee, local(since, 1), employee=employee)
        reading = {"employee": employee, "network": "linkedin", "metric": "connections"}
        yield fact("audience.recorded", employee, local(start), count=2**place, **reading)
        for day, response in zip(DAYS, KPIS, strict=True):
            if day < since:
                continue
            for half, network in enumerate(NETWORKS):
                counts = {response.partition("_")[0]: 2 ** (half * len(PEOPLE) + place)}
                who = {"employee": employee, "network": network, "day": day.isoformat()}
                name = f"{employee}-{network}-{day}"
                yield fact("engagement.daily", name, local(day), **who, **counts)
    yield recorded("Sales-5", "Mgmt", DAYS[1])
    yield fact("member.left", "IT-3", local(DAYS[3], 1), employee="IT-3")


def correction() -> dict[str, Any]:
    """Return what is told later: one of Marketing had been in IT all the time."""
    return recorded("Marketing-4", "IT", date(2025, 1, 1))


@pytest.fixture
async def reader(
    client: httpx.AsyncClient, client_of: MakeClient, org: Org, fold: Fold, at: At
) -> httpx.AsyncClient:
    """Return a client without the right to see people."""
    at(local(TOLD))
    await post(client, history())
    at(local(CORRECTED))
    await post(client, [correction()])
    at(local(ASKED))
    await fold(org)
    return await client_of(org, ["kpis:read"])


def questions() -> Iterator[Question]:
    """Yield what is asked: single days, adjacent ones, all; whole, cut, filtered; then and now."""
    some = [list(teams) for count in (1, 2, 3) for teams in combinations(TEAMS, count)]
    for first, end in [(0, 1), (1, 2), (2, 3), (3, 4), (1, 3), (0, 4)]:
        period = {"from": str(DAYS[first]), "to": str(DAYS[0] + timedelta(days=end))}
        for asked in (period, {**period, "as_of": "2025-03-25"}):
            yield asked
            yield {**asked, "group_by": "team"}
            if first == 0:
                yield {**asked, "group_by": "team", "network": "x"}
                yield {**asked, "team": "Mgmt", "group_by": "network"}
                for teams in some:
                    yield {**asked, "team": teams}


async def answers(client: httpx.AsyncClient) -> tuple[list[list[int]], list[list[int]]]:
    """Return whose figures are in each answer, digit by digit: those of days, those of levels."""
    flows, levels = [], []
    for question in questions():
        asked = {**question, "ids": [*KPIS, "connections_total"]}
        if question.get("group_by") == "network" or "network" in question:
            asked["ids"] = KPIS
        answer = await get(client, "kpis/values", **asked)
        found = {kpi["kpi"]: kpi["values"] for kpi in answer["kpis"]}
        for place, value in enumerate(found[KPIS[0]]):
            if value["value"] is not None:
                flows.append([d for kpi in KPIS for d in digits(found[kpi][place]["value"], 40)])
        shown = (value["value"] for value in found.get("connections_total", []))
        levels += [digits(value, len(PEOPLE)) for value in shown if value is not None]
    return flows, levels


def digits(value: str, count: int) -> list[int]:
    return [int(value) >> place & 1 for place in range(count)]


def fractions(rows: list[list[int]]) -> list[list[Fraction]]:
    return [[Fraction(digit) for digit in row] for row in {tuple(row) for row in rows}]


def small_sets(rows: list[list[int]]) -> Iterator[frozenset[str]]:
    """Yield every set of fewer than five people that the answers do not always treat alike.

    Who is in the same answers throughout can only be found together.
    """
    alike: dict[tuple[tuple[int, ...], ...], list[str]] = {}
    for place, employee in enumerate(PEOPLE):
        columns = tuple(tuple(row[place :: len(PEOPLE)]) for row in rows)
        alike.setdefault(columns, []).append(employee)
    for count in range(1, K):
        for classes in combinations(alike.values(), count):
            people = frozenset(employee for group in classes for employee in group)
            if len(people) < K:
                yield people


async def test_nothing_follows_about_fewer_than_five_people(reader: httpx.AsyncClient) -> None:
    flows, levels = await answers(reader)

    basis = reduced(fractions(flows))
    found = []
    for people in small_sets(flows):
        outside = [place for place in range(160) if PEOPLE[place % len(PEOPLE)] not in people]
        # Fewer dimensions without their columns: some combination holds nothing but these.
        if len(reduced([[row[place] for place in outside] for row in basis])) < len(basis):
            found.append(people)
    assert not found

    known = reduced(fractions(levels))
    for team in hidden_teams():
        target = [Fraction(employee in team) for employee in PEOPLE]
        assert any(remainder(known, target)), team


def hidden_teams() -> Iterator[frozenset[str]]:
    """Yield who was in a team that is too small, on any day, as told then or now."""
    first = {team: {p for p in PEOPLE if p.startswith(team)} for team in SIZES}
    yield frozenset(first["Mgmt"])
    yield frozenset(first["Mgmt"] | {"Sales-5"})
    yield frozenset(first["IT"])
    yield frozenset(first["IT"] - {"IT-3"})
    yield frozenset(first["Marketing"] - {"Marketing-4"})
    yield frozenset(first["IT"] - {"IT-3"} | {"Marketing-4"})
