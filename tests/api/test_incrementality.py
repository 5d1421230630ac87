"""What the program changed, through the public door: teams that start at different times."""

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.orgs import Org
from tests.api.asking import refusal
from tests.api.conftest import Deliver, MakeClient
from tests.api.golden import fact, local
from tests.api.test_golden import get, golden

__all__ = ["golden"]

MONDAY = date(2025, 1, 6)
WEEKS = 16
#: Team → the week in which its people join. `Board` is too small to be compared.
STARTS = {
    "North": 6,
    "South": 7,
    "East": 9,
    "West": 10,
    "Hub": 12,
    "Lab": None,
    "Shop": None,
    "Board": None,
}
PERIOD = {"from": "2025-01-06", "to": "2025-04-28"}


def year() -> Iterator[dict[str, Any]]:
    """Yield staff, joins and posts: everybody posts in odd weeks, and once more after the start."""
    for place, (team, start) in enumerate(STARTS.items()):
        for number in range(3 if team == "Board" else 5):
            employee = f"{team}-{number}"
            yield fact(
                "employee.recorded",
                employee,
                local(MONDAY),
                employee=employee,
                effective_on="2025-01-01",
                team=team,
            )
            if start is not None:
                joined = local(MONDAY + timedelta(weeks=start))
                yield fact("member.joined", employee, joined, employee=employee)
            for week in range(WEEKS):
                # Weeks differ for all alike; a person's own noise depends on who it is.
                posts = week % 2 + (week * 7 + place * 3 + number * 5) % 3
                if start is not None and week >= start:
                    posts += 2
                for post_number in range(posts):
                    name = f"{employee}-{week}-{post_number}"
                    at = local(MONDAY + timedelta(weeks=week, days=post_number), 9)
                    yield fact(
                        "post.published", name, at, post=name, employee=employee, network="linkedin"
                    )


@pytest_asyncio.fixture
async def teams(client: httpx.AsyncClient, deliver: Deliver) -> AsyncIterator[httpx.AsyncClient]:
    await deliver(year())
    yield client


async def test_two_more_posts_a_week_are_found(teams: httpx.AsyncClient) -> None:
    response = await teams.get("/v1/roi/incrementality", params={**PERIOD, "metric": "shares"})
    answer = response.json()

    assert response.status_code == 200, answer
    assert answer["per_employee"] is True
    assert answer["weeks"] == WEEKS
    effect = answer["effect"]
    assert Decimal(effect["low"]) <= 2 <= Decimal(effect["high"])
    assert abs(Decimal(effect["value"]) - 2) < Decimal("0.5")
    assert Decimal(effect["p_value"]) < Decimal("0.01")
    assert answer["verdict"] == "passed"
    assert Decimal(answer["placebo"]["low"]) <= 0 <= Decimal(answer["placebo"]["high"])
    assert [week["weeks_since_start"] for week in answer["by_week"]] == list(range(10))
    started = {team["team"]: (team["started_on"], team["origin"]) for team in answer["teams"]}
    assert started["North"] == ("2025-02-17", "first_join")
    assert started["Lab"] == (None, "none")
    assert answer["left_out"] == [{"team": "Board", "reason": "small_group"}]


async def test_a_team_that_did_nothing_is_compared_with(
    teams: httpx.AsyncClient, deliver: Deliver
) -> None:
    await deliver(
        [
            fact(
                "employee.recorded",
                f"Idle-{number}",
                local(MONDAY),
                employee=f"Idle-{number}",
                effective_on="2025-01-01",
                team="Idle",
            )
            for number in range(5)
        ]
    )

    response = await teams.get("/v1/roi/incrementality", params={**PERIOD, "metric": "shares"})

    compared = {team["team"]: team["started_on"] for team in response.json()["teams"]}
    assert compared["Idle"] is None
    assert compared.keys() == {*STARTS, "Idle"} - {"Board"}


async def test_an_estimate_does_not_tell_of_a_team_that_is_hidden(
    teams: httpx.AsyncClient, org: Org, deliver: Deliver, client_of: MakeClient
) -> None:
    left = local(MONDAY + timedelta(weeks=WEEKS - 2))
    await deliver([fact("member.left", "North-0", left, employee="North-0")])
    reader = await client_of(org, ["kpis:read", "roi:read"])
    asked = {**PERIOD, "metric": "shares"}

    seen = (await teams.get("/v1/roi/incrementality", params=asked)).json()
    told = (await reader.get("/v1/roi/incrementality", params=asked)).json()
    shown = await reader.get("/v1/kpis/shares/series", params={**PERIOD, "group_by": "team"})

    # Four members for two weeks, and five employees throughout; another keeps North company.
    hidden = {p["group"] for p in shown.json()["points"] if p["suppressed"]}
    assert "North" in hidden
    assert hidden <= {team["team"] for team in told["left_out"]}
    assert "North" in {team["team"] for team in seen["teams"]}


async def test_a_stated_start_replaces_the_first_join(teams: httpx.AsyncClient) -> None:
    asked = {**PERIOD, "metric": "shares", "rollout": ["North=2025-02-24", "Hub=2024-12-02"]}

    answer = (await teams.get("/v1/roi/incrementality", params=asked)).json()

    started = {team["team"]: (team["started_on"], team["origin"]) for team in answer["teams"]}
    assert started["North"] == ("2025-02-24", "stated")
    assert {"team": "Hub", "reason": "started_before"} in answer["left_out"]


async def test_too_little_data_is_said_and_not_estimated(teams: httpx.AsyncClient) -> None:
    asked = {**PERIOD, "metric": "shares", "team": ["North", "South", "Lab"]}

    answer = (await teams.get("/v1/roi/incrementality", params=asked)).json()

    assert answer["null_reason"] == "too_few_teams"
    assert (answer["effect"], answer["verdict"], answer["by_week"]) == (None, None, [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"metric": "leads"}, "dimension_not_carried"),
        ({"metric": "shares", "to": "2025-01-09"}, "empty_period"),
        ({"metric": "shares", "rollout": "North"}, "invalid"),
        ({"metric": "shares", "rollout": "North=2025-02-31"}, "invalid"),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    client: httpx.AsyncClient, query: dict[str, str], code: str
) -> None:
    refused = await client.get("/v1/roi/incrementality", params={**PERIOD, **query})

    assert refusal(refused) == (422, code)


async def test_brand_baseline_of_golden_ratio(golden: httpx.AsyncClient, deliver: Deliver) -> None:
    brand = fact(
        "engagement.daily",
        "brand",
        local(date(2025, 2, 3)),
        day="2025-02-03",
        account="golden-ratio",
        network="linkedin",
        impressions=195_000,
        reactions=0,
        comments=0,
        reshares=0,
        clicks=0,
    )
    await deliver([brand])

    before = {"baseline_from": "2024-10-01", "baseline_to": "2025-01-01"}
    answer = await get(golden, "roi/baseline", **before)
    refused = await golden.get(
        "/v1/roi/baseline",
        params={
            "from": "2025-01-01",
            "to": "2025-04-01",
            "baseline_from": "2025-01-01",
            "baseline_to": "2025-02-01",
        },
    )

    assert (answer["now"]["advocacy"], answer["now"]["brand"]) == ("124800", "195000")
    assert (answer["expected"], answer["incremental"]) == ("0", "124800")
    assert answer["amplification"] == "0.64"
    assert refusal(refused) == (422, "empty_period")
