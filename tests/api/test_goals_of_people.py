"""A goal is of the program: what it keeps and says is for all readers of goals, not of people."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import httpx
import pytest

from shared.facts import Fact
from shared.orgs import Org
from tests.api.asking import refusal
from tests.api.conftest import MakeClient, Tell
from tests.api.goals import of, stated
from tests.api.test_goals import rules_of, state
from tests.api.test_goals_by_hand import MONDAYS, posts, told, views

pytestmark = pytest.mark.usefixtures("today")


def hired(people: Sequence[str], team: str, on: date) -> list[Fact]:
    row = {"effective_on": str(on), "employed": True, "team": team}
    return [told("employee.recorded", f"{one}", on, employee=one, **row) for one in people]


def others() -> list[Fact]:
    """Return two teams that are large enough."""
    names = [[f"{team}{n}" for n in range(9)] for team in ("hr", "it")]
    return [*hired(names[0], "hr", date(2024, 1, 1)), *hired(names[1], "it", date(2024, 1, 1))]


@pytest.mark.parametrize("pair", [("team", "role"), ("team", "department"), ("department", "role")])
async def test_a_goal_of_who_is_in_two_places_is_not_kept(
    client: httpx.AsyncClient, pair: tuple[str, str]
) -> None:
    # Who has a role in a team is often one person.
    filters = {place: ["x"] for place in pair}
    response = await state(client, kpi="shares", unit="posts", filters=filters)

    assert response.json()["code"] == "goal_not_smart"
    assert rules_of(response) == {("body.filters", "of_single_people")}
    assert (await client.get("/v1/goals")).json()["goals"] == []


async def test_what_is_kept_with_a_goal_is_no_more_than_all_may_see(
    client: httpx.AsyncClient, client_of: MakeClient, org: Org, tell: Tell
) -> None:
    # A team of four grew to nine thirteen weeks ago: its levels next to that are hidden.
    small = hired([f"E{n}" for n in range(4)], "sales", date(2024, 1, 1))
    grown = hired([f"E{n}" for n in range(4, 9)], "sales", MONDAYS[1])
    await tell([*others(), *small, *grown, *posts()])

    made = await stated(client, of("sharers_any", "people", "14", filters={"team": ["sales"]}))

    reader = await client_of(org, {"goals:read"})
    read = (await reader.get(f"/v1/goals/{made['id']}")).json()
    assert read["standing"]["actual"] == "9"
    # Eight weeks are shown, and twelve would make a forecast.
    assert (read["standing"]["forecast"], read["forecast_low"]) == (None, None)
    assert {name: made[name] for name in read} == read


async def test_a_team_too_small_to_be_shown_is_not_shown_by_its_goal(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    few = hired(["E0", "E1", "E2"], "sales", date(2024, 1, 1))
    await tell([*others(), *few, *views()])
    team: dict[str, Any] = {"filters": {"team": ["sales"]}}
    goal = (await client.post("/v1/goals", json=of("shares", "posts", "2400", **team))).json()

    found = (await client.get(f"/v1/goals/{goal['id']}/explain")).json()
    facts = await client.get(found["actual"]["facts"])

    standing = goal["standing"]
    assert standing["null_reason"] == "suppressed:small_group"
    assert (standing["actual"], standing["forecast"], goal["forecast_low"]) == (None, None, None)
    assert found["actual"]["arithmetic"] == "shares = null (suppressed:small_group)"
    assert (found["actual"]["value"], found["forecast"]) == (None, None)
    # The pace is that of the calendar, as without history.
    (pace,) = found["steps"]
    assert pace["arithmetic"] == "0 + (2400 - 0) × 4 / 12 weeks = 800"
    assert refusal(facts) == (422, "small_group")
