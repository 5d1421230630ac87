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
from tests.api.conftest import At, Deliver, MakeClient
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


async def test_what_is_no_sum_is_compared_as_it_is(teams: httpx.AsyncClient) -> None:
    asked = {**PERIOD, "metric": "enrolled_employees"}
    answer = (await teams.get("/v1/roi/incrementality", params=asked)).json()

    # All five of a team join in the week in which it starts.
    assert answer["per_employee"] is False
    assert Decimal(answer["effect"]["value"]) == 5
    assert {Decimal(week["effect"]) for week in answer["by_week"]} == {5}


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
    rollout = ["North=2025-02-24", "South=2025-01-06", "Hub=2025-01-05"]
    asked = {**PERIOD, "metric": "shares", "rollout": rollout}

    answer = (await teams.get("/v1/roi/incrementality", params=asked)).json()

    started = {team["team"]: (team["started_on"], team["origin"]) for team in answer["teams"]}
    assert started["North"] == ("2025-02-24", "stated")
    # The first day asked about, and the one before it.
    assert started["South"] == ("2025-01-06", "stated")
    assert {"team": "Hub", "reason": "started_before"} in answer["left_out"]


async def test_a_team_starts_with_its_first_member_however_they_came(
    teams: httpx.AsyncClient, deliver: Deliver
) -> None:
    before, moved = local(date(2024, 12, 2)), date(2025, 3, 12)
    # The roster begins in January: whoever joined before it was in the program all the time.
    early = [fact("member.joined", f"Lab-{n}", before, employee=f"Lab-{n}") for n in range(5)]
    place = {"employee": "North-0", "effective_on": str(moved), "team": "Shop"}
    # Who leaves the program on the very day brings nothing along, nor does who is no member, nor a
    # member who is no longer employed.
    gone = {"employee": "South-0", "effective_on": str(moved), "team": "Idle"}
    other = {"employee": "Board-0", "effective_on": str(moved), "team": "Idle"}
    ended = {"employee": "East-0", "effective_on": str(moved), "team": "Idle", "employed": False}
    late = {"employee": "late", "effective_on": "2025-01-01", "team": "South"}
    idle = [
        fact(
            "employee.recorded",
            f"Idle-{n}",
            local(MONDAY),
            employee=f"Idle-{n}",
            effective_on="2025-01-01",
            team="Idle",
        )
        for n in range(5)
    ]
    await deliver(
        [
            *early,
            *idle,
            fact("employee.recorded", "moved", local(moved), **place),
            fact("member.left", "South-0", local(moved), employee="South-0"),
            fact("employee.recorded", "gone", local(moved), **gone),
            fact("employee.recorded", "other", local(moved), **other),
            fact("employee.recorded", "ended", local(moved), **ended),
            # Who joins later changes nothing of the day on which the team started.
            fact("employee.recorded", "late", local(MONDAY), **late),
            fact("member.joined", "late", local(moved), employee="late"),
        ]
    )

    answer = (
        await teams.get("/v1/roi/incrementality", params={**PERIOD, "metric": "shares"})
    ).json()

    started = {team["team"]: (team["started_on"], team["origin"]) for team in answer["teams"]}
    assert started["Shop"] == ("2025-03-12", "first_join")
    assert started["South"] == ("2025-02-24", "first_join")
    assert started["Idle"] == (None, "none")
    assert {"team": "Lab", "reason": "started_before"} in answer["left_out"]


async def test_a_team_that_is_named_and_is_not_there_is_said(teams: httpx.AsyncClient) -> None:
    misspelled = {**PERIOD, "metric": "shares", "rollout": "Nroth=2025-02-24"}
    elsewhere = {**PERIOD, "metric": "shares", "rollout": "North=2025-02-24", "team": "Nobody"}

    stated = (await teams.get("/v1/roi/incrementality", params=misspelled)).json()
    asked = (await teams.get("/v1/roi/incrementality", params=elsewhere)).json()

    assert stated["left_out"] == [
        {"team": "Board", "reason": "small_group"},
        {"team": "Nroth", "reason": "no_staff"},
    ]
    assert (asked["teams"], asked["left_out"]) == ([], [{"team": "Nobody", "reason": "no_staff"}])


async def test_a_start_is_stated_in_any_spelling_of_its_letters(
    teams: httpx.AsyncClient, deliver: Deliver
) -> None:
    composed, decomposed = "Łódź", "Ło\u0301dz\u0301"
    await deliver(
        fact(
            "employee.recorded",
            f"Lodz-{n}",
            local(MONDAY),
            employee=f"Lodz-{n}",
            effective_on="2025-01-01",
            team=composed,
        )
        for n in range(5)
    )
    asked = {**PERIOD, "metric": "shares", "rollout": f"{decomposed}=2025-03-03"}

    answer = (await teams.get("/v1/roi/incrementality", params=asked)).json()

    started = {team["team"]: team["started_on"] for team in answer["teams"]}
    assert started[composed] == "2025-03-03"


@pytest.mark.parametrize(("days", "weeks"), [(0, WEEKS), (-1, WEEKS - 1)])
async def test_a_week_counts_as_soon_as_it_is_over(
    teams: httpx.AsyncClient, at: At, days: int, weeks: int
) -> None:
    at(local(MONDAY + timedelta(weeks=WEEKS, days=days)))

    response = await teams.get("/v1/roi/incrementality", params={**PERIOD, "metric": "shares"})

    assert response.json()["weeks"] == weeks


async def test_money_has_its_currency(teams: httpx.AsyncClient) -> None:
    answers = {
        metric: (
            await teams.get("/v1/roi/incrementality", params={**PERIOD, "metric": metric})
        ).json()
        for metric in ("program_cost", "shares")
    }

    assert {metric: one["currency"] for metric, one in answers.items()} == {
        "program_cost": "USD",
        "shares": None,
    }


async def test_too_little_data_is_said_and_not_estimated(teams: httpx.AsyncClient) -> None:
    asked = {**PERIOD, "metric": "shares", "team": ["North", "South", "Lab"]}

    answer = (await teams.get("/v1/roi/incrementality", params=asked)).json()

    assert answer["null_reason"] == "too_few_teams"
    assert (answer["effect"], answer["verdict"], answer["by_week"]) == (None, None, [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"metric": "leads"}, "dimension_not_carried"),
        ({"metric": "top_sharers"}, "answered_by_statement"),
        ({"metric": "shares", "to": "2025-01-09"}, "empty_period"),
        ({"metric": "shares", "rollout": "North"}, "invalid"),
        ({"metric": "shares", "rollout": "North=2025-02-31"}, "invalid"),
        ({"metric": "shares", "rollout": ["North=2025-02-24", "North=2025-03-03"]}, "invalid"),
    ],
)
async def test_what_cannot_be_compared_is_refused(
    client: httpx.AsyncClient, query: dict[str, str | list[str]], code: str
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

    async def refused(baseline_from: str, baseline_to: str) -> tuple[int, str]:
        asked = {"baseline_from": baseline_from, "baseline_to": baseline_to}
        response = await golden.get(
            "/v1/roi/baseline", params={"from": "2025-01-01", "to": "2025-04-01", **asked}
        )
        return refusal(response)

    assert (answer["now"]["advocacy"], answer["now"]["brand"]) == ("124800", "195000")
    assert (answer["expected"], answer["incremental"]) == ("0", "124800")
    assert answer["amplification"] == "0.64"
    assert await refused("2025-01-01", "2025-02-01") == (422, "empty_period")
    assert await refused("2024-12-01", "2024-12-01") == (422, "empty_period")
