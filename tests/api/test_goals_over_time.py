"""Goals while days pass: where a day ends, what corrections and new targets change."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from shared.facts import EngagementDaily, Fact, Retraction, parse_fact
from tests.api.asking import get, refusal
from tests.api.conftest import At, Tell
from tests.api.goals import of, stated
from tests.api.test_goals_by_hand import MONDAYS, told, views


async def standing(client: httpx.AsyncClient, goal: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await get(client, f"goals/{goal['id']}"))["standing"]
    return found


def clicks(instants: Iterable[str]) -> list[Fact]:
    click = {"kind": "link.clicked", "source": "test", "link": "abc", "employee": "E1"}
    return [
        parse_fact({**click, "external_id": at, "occurred_at": f"{at}:00Z", "network": "x"})
        for at in instants
    ]


#: The last and the first minutes of days in Warsaw: of 23 hours in March, of 25 in October.
_DAYS_OF_CHANGE = [
    pytest.param(
        ("2025-03-29T22:59", "2025-03-29T23:00", "2025-03-30T21:59", "2025-03-30T22:00"),
        date(2025, 3, 30),
        ("2025-03-31T21:59", "2025-03-31T22:00"),
        id="spring",
    ),
    pytest.param(
        ("2025-10-25T21:59", "2025-10-25T22:00", "2025-10-26T22:59", "2025-10-26T23:00"),
        date(2025, 10, 26),
        ("2025-10-27T22:59", "2025-10-27T23:00"),
        id="autumn",
    ),
]


@pytest.mark.parametrize(("instants", "changes_on", "asked_at"), _DAYS_OF_CHANGE)
async def test_days_are_the_organizations_when_its_clocks_change(
    client: httpx.AsyncClient,
    tell: Tell,
    at: At,
    instants: tuple[str, ...],
    changes_on: date,
    asked_at: tuple[str, str],
) -> None:
    # The day on which clocks change, and the one after it.
    at(f"{changes_on}T10:00")
    ends = {"baseline_on": str(changes_on), "due_on": str(changes_on + timedelta(days=1))}
    goal = await stated(client, of("clicks", "clicks", "3", **ends))
    await tell(clicks(instants))

    at(asked_at[0])
    before_midnight = await standing(client, goal)
    at(asked_at[1])
    after_midnight = await standing(client, goal)

    # Two of the four lie on the first day; one is too early, and one on the second day.
    first = {"actual": "2", "expected_by_now": "2", "verdict": "unknown"}
    assert {name: before_midnight[name] for name in first} == first
    assert before_midnight["progress"] == "66.666666666667"
    both = {"actual": "3", "expected_by_now": "3", "progress": "100", "verdict": "reached"}
    assert {name: after_midnight[name] for name in both} == both


async def test_a_corrected_past_moves_the_standing_and_not_what_was_stated(
    client: httpx.AsyncClient, tell: Tell, at: At
) -> None:
    at("2025-06-30T12:00")
    await tell(list(views()))
    goal = await stated(client, of("impressions_advocacy", "views", "3400"))
    *_, wednesday, friday = [one for one in views() if isinstance(one, EngagementDaily)]

    # What the last week brought was counted wrongly: nothing of it stands.
    at("2025-06-30T13:00")
    await tell([wednesday.model_copy(update={"impressions": 0}), Retraction(friday.identity)])
    now = (await client.get(f"/v1/goals/{goal['id']}")).json()

    assert (goal["attainable"], goal["standing"]["verdict"]) == ("yes", "on_track")
    assert now["standing"]["actual"] == "720"
    # By hand: 720 and 1384.615, give or take 715.656.
    forecast = now["standing"]["forecast"]
    assert (forecast["expected"], forecast["low"], forecast["high"]) == ("2105", "1389", "2820")
    assert now["standing"]["verdict"] == "off_track"
    for kept in ("version", "attainable", "forecast_low", "forecast_high", "recorded_at"):
        assert now[kept] == goal[kept], kept


async def test_a_new_target_is_judged_by_the_day_it_is_stated_on(
    client: httpx.AsyncClient, tell: Tell, at: At
) -> None:
    at("2025-06-30T12:00")
    await tell(list(views()))
    goal = await stated(client, of("impressions_advocacy", "views", "3400", stretch=False))
    url = f"/v1/goals/{goal['id']}"
    at("2025-07-01T12:00")

    refused = await client.patch(url, json={"target": "5000"})
    kept = await client.patch(url, json={"target": "5000", "stretch": True})
    versions = (await client.get(f"{url}/versions")).json()["versions"]

    assert refusal(refused) == (422, "goal_not_attainable")
    assert (kept.json()["attainable"], kept.json()["standing"]["verdict"]) == ("no", "off_track")
    assert kept.json()["standing"]["progress"] == "20.4"
    assert [(one["version"], one["target"], one["attainable"]) for one in versions] == [
        (2, "5000", "no"),
        (1, "3400", "yes"),
    ]


async def test_a_level_may_start_from_nothing(
    client: httpx.AsyncClient, tell: Tell, at: At
) -> None:
    at("2025-06-30T12:00")
    joined = MONDAYS[-4] + timedelta(days=1)
    await tell([told("member.joined", f"j{n}", joined, employee=f"E{n}") for n in range(12)])

    goal = await stated(client, of("enrolled_employees", "people", "30"))

    found = goal["standing"]
    assert (found["baseline"], found["actual"], found["expected_by_now"]) == ("0", "12", "10")
    assert found["progress"] == found["of_target"] == "40"
