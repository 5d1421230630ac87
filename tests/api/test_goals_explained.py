"""The explanation of a goal: its days, its arithmetic, the facts, and the forecast's weeks."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.facts import EngagementDaily, Fact
from tests.api.asking import get
from tests.api.conftest import At, MakeClient, Tell
from tests.api.goals import of, stated
from tests.api.test_goals_by_hand import MONDAYS, followers, views

pytestmark = pytest.mark.usefixtures("today")

NOON = datetime(2025, 6, 30, 12, tzinfo=UTC)


async def explained(client: httpx.AsyncClient, goal: dict[str, Any], **asked: str) -> Any:
    return await get(client, f"goals/{goal['id']}/explain", **asked)


def steps_of(answer: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["arithmetic"] for step in answer["steps"]}


async def test_a_sum_is_explained_down_to_its_facts(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(list(views()))
    goal = await stated(
        client, of("impressions_advocacy", "views", "900", filters={"network": ["x"]})
    )

    found = await explained(client, goal)
    facts = (await client.get(found["actual"]["facts"])).json()

    assert found["goal"] == {name: goal[name] for name in found["goal"]}
    assert (found["formula"], found["until"]) == ("impressions_advocacy", "2025-06-30")
    assert (found["actual"]["from"], found["actual"]["to"]) == ("2025-06-02", "2025-06-30")
    assert found["actual"]["value"] == facts["facts"]["total"] == "340"
    assert sum(Decimal(line["quantity"]) for line in facts["facts"]["lines"]) == 340
    assert found["baseline"] is None
    assert steps_of(found) == {
        "progress": "100 × (340 - 0) / (900 - 0) ≈ 37.777777778",
        "of_target": "100 × 340 / 900 ≈ 37.777777778",
        "expected_by_now": "0 + (900 - 0) × 4 / 12 weeks = 300",
    }


async def test_a_forecast_is_explained_by_its_weeks(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(list(views()))
    goal = await stated(client, of("impressions_advocacy", "views", "2400"))

    forecast = (await explained(client, goal))["forecast"]

    (series,) = forecast["series"]
    # The first week of the history begins in its middle, and does not count as one.
    assert [week["from"] for week in series["weeks"]] == list(map(str, MONDAYS[1:]))
    assert [week["value"] for week in series["weeks"]][:3] == ["150", "210", "135"]
    made = {step["name"]: step["value"] for step in series["steps"]}
    assert (made["mean"], made["length"], made["center"]) == ("213.461538461538", "8", "10.5")
    ends = {step["name"]: step["value"] for step in forecast["steps"]}
    assert ends["expected"] == goal["standing"]["forecast"]["expected"]
    assert (ends["low"], ends["high"]) == (goal["forecast_low"], goal["forecast_high"])
    assert steps_of(forecast)["expected"].startswith("1020 + 2400")
    assert (forecast["method"], forecast["level"]) == ("weekly_line", "0.8")
    assert "Draper" in forecast["source"]


async def test_a_rate_shows_three_series_and_its_baseline(
    client: httpx.AsyncClient, tell: Tell
) -> None:
    await tell(list(views()))
    goal = await stated(client, of("engagement_rate", "percent", "2"))

    found = await explained(client, goal)

    assert (found["baseline"]["from"], found["baseline"]["to"]) == ("2025-05-05", "2025-06-02")
    # 13 reactions of 825 views.
    assert found["baseline"]["arithmetic"].endswith("/ 825 ≈ 1.58 %")
    assert [one["of"] for one in found["forecast"]["series"]] == [
        "numerator",
        "denominator",
        "deviation",
    ]
    top, bottom, off = (
        [Decimal(w["value"]) for w in one["weeks"]] for one in found["forecast"]["series"]
    )
    rate = Decimal(next(s["value"] for s in found["forecast"]["steps"] if s["name"] == "expected"))
    assert [a - rate * b for a, b in zip(top, bottom, strict=True)] == [
        pytest.approx(deviation, abs=Decimal("1e-9")) for deviation in off
    ]


async def test_a_level_shows_its_changes(client: httpx.AsyncClient, tell: Tell) -> None:
    await tell(list(followers()))
    goal = await stated(client, of("followers", "people", "1300"))

    found = await explained(client, goal)

    (series,) = found["forecast"]["series"]
    changes = ["10", "15", "5", "20", "15", "10", "5", "20", "15", "5", "20", "10", "20"]
    assert series["of"] == "change"
    assert [week["value"] for week in series["weeks"]] == changes
    assert steps_of(series)["expected"].startswith("8 × 13.076923077 ≈ 104.615384")
    assert (
        steps_of(found)["expected_by_now"] == "1115 + (1300 - 1115) × 4 / 12 weeks ≈ 1176.666666667"
    )


async def test_where_nothing_is_known_nothing_is_computed(client: httpx.AsyncClient) -> None:
    goal = await stated(client, of("engagement_rate", "percent", "2"))

    found = await explained(client, goal)

    assert found["actual"]["null_reason"] == "missing:reactions_advocacy"
    assert (found["steps"], found["forecast"]) == ([], None)


def _changed() -> Iterator[Fact]:
    (first, *_) = views()
    assert isinstance(first, EngagementDaily)
    day = date(2025, 6, 11)
    yield first.model_copy(update={"external_id": f"e{day}", "day": day, "impressions": 1})


async def test_an_explanation_is_as_of_a_day(client: httpx.AsyncClient, tell: Tell, at: At) -> None:
    await tell(list(views()))
    goal = await stated(client, of("impressions_advocacy", "views", "2400"))
    then = await explained(client, goal)
    at("2025-07-02T12:00")
    await tell(list(_changed()))
    await client.patch(f"/v1/goals/{goal['id']}", json={"target": "3000"})

    now = await explained(client, goal)
    known = await explained(client, goal, as_of="2025-06-30")
    facts = (await client.get(known["actual"]["facts"])).json()

    told_apart = {"as_of", "is_final", "actual"}
    assert {k: v for k, v in known.items() if k not in told_apart} == {
        k: v for k, v in then.items() if k not in told_apart
    }
    assert known["actual"]["value"] == then["actual"]["value"] == facts["facts"]["total"] == "1020"
    assert (known["as_of"], facts["as_of"]) == ("2025-06-30", "2025-06-30")
    assert (now["goal"]["target"], now["actual"]["value"]) == ("3000", "881")


async def test_explanations_are_for_readers_of_goals(
    client: httpx.AsyncClient, client_of: MakeClient, other_org: Any, org: Any
) -> None:
    goal = await stated(client, of("clicks", "clicks", "10"))
    url = f"/v1/goals/{goal['id']}/explain"

    stranger = await (await client_of(other_org)).get(url)
    other_scope = await (await client_of(org, {"kpis:read"})).get(url)
    tomorrow = await client.get(url, params={"as_of": "2025-07-01"})

    assert [a.status_code for a in (stranger, other_scope, tomorrow)] == [404, 403, 422]
    assert tomorrow.json()["code"] == "as_of_in_future"
