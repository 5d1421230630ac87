"""Goals: stated whole or not at all, kept by versions, and measured against what is known."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine

from services.api.goals.repository import lock_goal, lock_new_goals
from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.orgs import Org
from tests.api.asking import refusal
from tests.api.conftest import MakeClient, Tell
from tests.api.goals import GOAL
from tests.integration.test_generations_meet import until_they_wait

#: A Monday; everything before it is known.
TODAY = date(2025, 6, 30)


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(datetime(2025, 6, 30, 12, tzinfo=UTC), tick=True):
        yield


def clicked(number: int, day: date, employee: str = "E1") -> Fact:
    return parse_fact(
        {
            "kind": "link.clicked",
            "source": "test",
            "external_id": f"c{number}",
            "occurred_at": f"{day.isoformat()}T10:00:00Z",
            "link": "abc",
            "employee": employee,
            "network": "linkedin",
        }
    )


def joined(number: int, day: date) -> Fact:
    return parse_fact(
        {
            "kind": "member.joined",
            "source": "test",
            "external_id": f"j{number}",
            "occurred_at": f"{day.isoformat()}T10:00:00Z",
            "employee": f"E{number}",
        }
    )


def clicks(weeks: int, per_week: int) -> list[Fact]:
    """Return clicks of the weeks before today: all of a week on its Wednesday."""
    return [
        clicked(week * 1000 + number, TODAY - timedelta(days=7 * week - 2))
        for week in range(1, weeks + 1)
        for number in range(per_week)
    ]


async def state(client: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    return await client.post("/v1/goals", json={**GOAL, **changed})


def rules_of(response: httpx.Response) -> set[tuple[str, str]]:
    assert response.status_code == 422, response.text
    return {(error["field"], error["rule"]) for error in response.json()["errors"]}


@pytest.mark.parametrize(
    "part",
    ["kpi", "target", "unit", "direction", "owner", "objective", "baseline_on", "due_on"],
)
async def test_a_goal_without_one_of_its_parts_is_refused_by_name(
    client: httpx.AsyncClient, part: str
) -> None:
    body = {name: value for name, value in GOAL.items() if name != part}

    response = await client.post("/v1/goals", json=body)

    assert rules_of(response) == {(f"body.{part}", "missing")}
    assert (await client.get("/v1/goals")).json()["goals"] == []


async def test_every_missing_part_is_named(client: httpx.AsyncClient) -> None:
    missing = {field for field, _ in rules_of(await client.post("/v1/goals", json={}))}

    assert missing == {f"body.{part}" for part in GOAL}


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"kpi": "happiness"}, ("body.kpi", "no_number")),
        ({"kpi": "roi_program", "unit": "percent"}, ("body.kpi", "no_number")),
        ({"unit": "views"}, ("body.unit", "not_the_unit")),
        ({"direction": "down"}, ("body.direction", "wrong_way")),
        ({"filters": {"channel": ["paid"]}}, ("body.filters", "dimension_not_carried")),
        ({"baseline_on": "2025-08-24"}, ("body.due_on", "before_baseline")),
        ({"due_on": "2025-06-29"}, ("body.due_on", "in_the_past")),
        ({"due_on": "2028-08-24"}, ("body.due_on", "too_far")),
        ({"target": "0"}, ("body.target", "already_reached")),
        ({"target": 1200}, ("body.target", "decimal_text")),
        ({"owner": "  "}, ("body.owner", "string_too_short")),
        ({"objective": "?"}, ("body.objective", "string_too_short")),
    ],
)
async def test_parts_that_do_not_fit_are_named(
    client: httpx.AsyncClient, changed: dict[str, Any], rule: tuple[str, str]
) -> None:
    assert rules_of(await state(client, **changed)) == {rule}


async def test_a_goal_for_one_person_is_not_kept(client: httpx.AsyncClient) -> None:
    assert (await state(client, filters={"employee": ["E1"]})).status_code == 422


async def test_several_faults_are_told_at_once(client: httpx.AsyncClient) -> None:
    response = await state(client, unit="views", direction="down", due_on="2025-06-10")

    assert response.json()["code"] == "goal_not_smart"
    assert {field for field, _ in rules_of(response)} == {
        "body.unit",
        "body.direction",
        "body.due_on",
    }


async def test_without_history_attainable_is_unknown(client: httpx.AsyncClient) -> None:
    made = await state(client)

    assert made.status_code == 201, made.text
    goal = made.json()
    assert goal["attainable"] == "unknown"
    assert goal["forecast_low"] is None
    assert goal["standing"]["forecast"] is None
    assert goal["standing"]["verdict"] == "unknown"
    assert goal["standing"]["actual"] is None
    assert goal["standing"]["null_reason"] == "missing:clicks"


async def test_a_sum_is_paced_and_forecast(client: httpx.AsyncClient, tell: Tell) -> None:
    # 100 each Wednesday: 400 in the 4 weeks that are over, and 8 more to come. The first week of
    # the history begins in its middle, and does not count as one.
    await tell(clicks(14, 100))

    goal = (await state(client)).json()

    standing = goal["standing"]
    assert goal["attainable"] == "yes"
    assert (standing["reading"], standing["until"]) == ("sum", "2025-06-30")
    assert (standing["actual"], standing["baseline"]) == ("400", "0")
    assert Decimal(standing["progress"]) == Decimal("33.333333333333")
    assert standing["of_target"] == standing["progress"]
    assert (standing["expected_by_now"], standing["pacing"]) == ("400", "weekdays")
    assert standing["forecast"] == {
        "expected": "1200",
        "low": "1200",
        "high": "1200",
        "level": "0.8",
        "method": "weekly_line",
        "weeks": 13,
    }
    assert standing["verdict"] == "on_track"


@pytest.mark.parametrize("target", ["1201", "1199"])
async def test_a_target_outside_the_interval_needs_stretch(
    client: httpx.AsyncClient, tell: Tell, target: str
) -> None:
    await tell(clicks(14, 100))

    refused = await state(client, target=target)
    kept = await state(client, target=target, stretch=True)

    assert refused.json()["code"] == "goal_not_attainable"
    assert rules_of(refused) == {("body.target", "outside_forecast")}
    assert "1200 to 1200" in refused.json()["errors"][0]["message"]
    assert kept.status_code == 201
    assert kept.json()["attainable"] == "no"
    assert (kept.json()["forecast_low"], kept.json()["forecast_high"]) == ("1200", "1200")
    assert kept.json()["standing"]["verdict"] == ("off_track" if target == "1201" else "on_track")


async def test_a_goal_that_begins_later_is_forecast_over_its_own_days(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    await tell(clicks(14, 100))

    made = await state(client, baseline_on="2025-07-07", due_on="2025-07-20", target="200")

    standing = made.json()["standing"]
    assert standing["forecast"]["expected"] == "200"
    assert (standing["actual"], standing["null_reason"]) == (None, "not_started")
    assert standing["expected_by_now"] is None


async def test_a_level_starts_at_its_baseline(client: httpx.AsyncClient, tell: Tell) -> None:
    # Two members join each Tuesday, the last ones on June 24.
    await tell([joined(n, TODAY - timedelta(days=7 * (n // 2) + 6)) for n in range(40)])

    made = await state(
        client, kpi="enrolled_employees", unit="people", target="56", due_on="2025-08-24"
    )

    standing = made.json()["standing"]
    assert made.status_code == 201, made.text
    assert (standing["reading"], standing["baseline"], standing["actual"]) == ("level", "32", "40")
    assert Decimal(standing["progress"]) == Decimal("33.333333333333")
    assert Decimal(standing["of_target"]) == Decimal("71.428571428571")
    assert standing["expected_by_now"] == "40"
    assert standing["pacing"] == "straight_line"
    assert standing["forecast"]["method"] == "weekly_drift"
    assert standing["forecast"]["expected"] == "56"


async def test_a_level_at_the_target_is_no_goal(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell([joined(n, date(2025, 5, 1)) for n in range(30)])

    response = await state(client, kpi="enrolled_employees", unit="people", target="30")

    assert ("body.target", "already_reached") in rules_of(response)


async def test_a_change_is_a_version_and_nothing_is_overwritten(
    client: httpx.AsyncClient, client_of: MakeClient, org: Org
) -> None:
    first = (await state(client)).json()
    other_key = await client_of(org)

    changed = await other_key.patch(f"/v1/goals/{first['id']}", json={"target": "1500"})

    assert changed.status_code == 200, changed.text
    assert (changed.json()["version"], changed.json()["target"]) == (2, "1500")
    assert changed.json()["owner"] == GOAL["owner"]
    url = f"/v1/goals/{first['id']}"
    versions = (await client.get(f"{url}/versions")).json()["versions"]
    assert [(v["version"], v["target"]) for v in versions] == [(2, "1500"), (1, "1200")]
    assert versions[0]["recorded_by"] != versions[1]["recorded_by"]
    assert {name: versions[1][name] for name in versions[1]} == {
        name: first[name] for name in versions[1]
    }
    assert (await client.get(url)).json()["version"] == 2


@pytest.mark.parametrize(
    "change", [{}, {"target": "1200.00"}, {"filters": {}, "owner": GOAL["owner"]}]
)
async def test_a_change_that_changes_nothing_is_no_version(
    client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    goal = (await state(client)).json()
    url = f"/v1/goals/{goal['id']}"

    answer = await client.patch(url, json=change)

    assert answer.status_code == 200, answer.text
    assert {**answer.json(), "recorded_at": goal["recorded_at"]} == goal
    assert len((await client.get(f"{url}/versions")).json()["versions"]) == 1


async def test_a_goal_that_is_stated_once_more_is_the_same_goal(client: httpx.AsyncClient) -> None:
    """A request whose answer was lost is sent again; one goal is not followed twice."""
    goal = (await state(client)).json()
    url = f"/v1/goals/{goal['id']}"

    again = await state(client, target="1200.00")
    other = (await state(client, target="1201")).json()
    await client.patch(url, json={"owner": "head of sales"})
    other_now = (await state(client)).json()
    await client.delete(url)
    anew = (await state(client, owner="head of sales")).json()

    assert (again.status_code, again.json()) == (201, goal)
    assert len({made["id"] for made in (goal, other, other_now, anew)}) == 4


async def test_one_goal_that_is_stated_twice_at_one_moment_is_one(
    client: httpx.AsyncClient, org: Org, database: Database
) -> None:
    async with database.transaction(org.id) as connection:
        await lock_new_goals(connection, org.id)
        stating = [asyncio.create_task(state(client)) for _ in range(2)]
        await until_they_wait(database, 2)
    answers = await asyncio.gather(*stating)

    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_changes_at_one_moment_are_all_kept(
    client: httpx.AsyncClient, org: Org, database: Database
) -> None:
    goal = (await state(client)).json()
    url = f"/v1/goals/{goal['id']}"
    changes = [{"target": "1500"}, {"owner": "head of sales"}, {"objective": "Enter Iberia"}]
    async with database.transaction(org.id) as connection:
        await lock_goal(connection, org.id, UUID(goal["id"]))
        changing = [asyncio.create_task(client.patch(url, json=change)) for change in changes]
        await until_they_wait(database, len(changes))
    answers = await asyncio.gather(*changing)

    assert [answer.status_code for answer in answers] == [200] * len(changes)
    assert {answer.json()["version"] for answer in answers} == {2, 3, 4}
    last = (await client.get(url)).json()
    assert {name: last[name] for change in changes for name in change} == {
        name: value for change in changes for name, value in change.items()
    }


async def test_a_change_is_checked_like_a_new_goal(client: httpx.AsyncClient) -> None:
    goal = (await state(client)).json()

    response = await client.patch(f"/v1/goals/{goal['id']}", json={"due_on": "2025-06-01"})

    assert ("body.due_on", "before_baseline") in rules_of(response)
    assert (await client.get(f"/v1/goals/{goal['id']}")).json()["version"] == 1
    other_kpi = await client.patch(f"/v1/goals/{goal['id']}", json={"kpi": "shares"})
    assert other_kpi.status_code == 422


async def test_an_archived_goal_is_out_of_the_list_and_does_not_change(
    client: httpx.AsyncClient,
) -> None:
    goal = (await state(client)).json()
    url = f"/v1/goals/{goal['id']}"

    assert (await client.delete(url)).status_code == 204
    assert (await client.delete(url)).status_code == 204

    assert (await client.get("/v1/goals")).json()["goals"] == []
    archived = (await client.get("/v1/goals", params={"archived": "true"})).json()["goals"]
    assert [(g["version"], g["is_archived"]) for g in archived] == [(2, True)]
    refused = await client.patch(url, json={"target": "5"})
    assert refusal(refused) == (409, "goal_archived")
    assert (await client.get(url)).status_code == 200


async def test_goals_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    ids = [(await state(client, target=f"120{n}")).json()["id"] for n in range(3)]

    first = (await client.get("/v1/goals", params={"limit": 2})).json()
    rest = (
        await client.get("/v1/goals", params={"limit": 2, "cursor": first["next_cursor"]})
    ).json()

    assert [g["id"] for g in first["goals"] + rest["goals"]] == ids[::-1]
    assert rest["next_cursor"] is None
    other = await client.get(
        "/v1/goals", params={"archived": "true", "cursor": first["next_cursor"]}
    )
    assert other.json()["code"] == "invalid_cursor"


async def test_another_organizations_goal_is_not_there(
    client: httpx.AsyncClient, client_of: MakeClient, other_org: Org
) -> None:
    goal = (await state(client)).json()
    other = await client_of(other_org)
    url = f"/v1/goals/{goal['id']}"

    answers = [
        await other.get(url),
        await other.get(f"{url}/versions"),
        await other.patch(url, json={"target": "1"}),
        await other.delete(url),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4
    assert (await other.get("/v1/goals")).json()["goals"] == []
    assert (await client.get(url)).json()["version"] == 1


async def test_the_application_cannot_rewrite_a_version(
    client: httpx.AsyncClient, database: Database, org: Org
) -> None:
    await state(client)

    async with database.transaction(org.id) as connection:
        rights = [
            await connection.fetchval("SELECT has_table_privilege('goal', $1)", right)
            for right in ("INSERT", "UPDATE", "DELETE")
        ]
    assert rights == [True, False, False]


async def test_a_goal_whose_due_day_is_over_was_reached_or_missed(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    await tell(clicks(14, 100))
    reached = (await state(client, due_on="2025-07-06", target="500")).json()
    missed = (await state(client, due_on="2025-07-06", target="501", stretch=True)).json()
    await tell([clicked(99000 + n, date(2025, 7, 2)) for n in range(100)])
    await tell([clicked(98000 + n, date(2025, 7, 7)) for n in range(50)])

    with time_machine.travel(datetime(2025, 7, 20, 12, tzinfo=UTC)):
        standings = [
            (await client.get(f"/v1/goals/{goal['id']}")).json()["standing"]
            for goal in (reached, missed)
        ]

    assert [(s["until"], s["actual"]) for s in standings] == [("2025-07-07", "500")] * 2
    assert [s["verdict"] for s in standings] == ["reached", "missed"]
    assert [s["forecast"] for s in standings] == [None, None]
