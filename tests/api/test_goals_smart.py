"""A goal is SMART or refused: with a problem, a stable code, each field named, nothing kept."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.db import Database
from shared.kpis.vocabulary import Unit
from shared.orgs import Org
from tests.api.conftest import Tell
from tests.api.goals import GOAL
from tests.api.test_goals_by_hand import followers

pytestmark = pytest.mark.usefixtures("today")

#: The letters of SMART, and what of a goal says each.
PARTS = {
    "specific": ("kpi",),
    "measurable": ("target", "unit", "direction"),
    "relevant": ("owner", "objective"),
    "time-bound": ("baseline_on", "due_on"),
}
FIELDS = [(letter, field) for letter, fields in PARTS.items() for field in fields]


async def versions(database: Database, org: Org) -> int:
    async with database.transaction(org.id) as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM goal")
    return count


@pytest_asyncio.fixture(autouse=True)
async def _nothing_is_written(database: Database, org: Org) -> AsyncIterator[None]:
    yield
    assert await versions(database, org) == 0


def refused(answer: httpx.Response) -> tuple[str, list[tuple[str, str]]]:
    """Return the code of a refusal, and the fields and rules that it names."""
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:earned:problem:{problem['code']}"
    named = [(one["field"], one["rule"]) for one in problem.get("errors", ())]
    return problem["code"], named


@pytest.mark.parametrize(("letter", "field"), FIELDS)
@pytest.mark.parametrize("empty", [..., None, "", "  ", [], {}])
async def test_a_part_that_is_missing_or_empty_is_named(
    client: httpx.AsyncClient, letter: str, field: str, empty: object
) -> None:
    body = {**GOAL, field: empty}
    if empty is ...:
        del body[field]

    code, named = refused(await client.post("/v1/goals", json=body))

    assert code == "invalid"
    assert [name for name, _ in named] == [f"body.{field}"], letter


async def test_a_unit_that_is_none_is_answered_with_those_there_are(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/v1/goals", json={**GOAL, "unit": "shares"})

    assert refused(answer) == ("invalid", [("body.unit", "enum")])
    message = answer.json()["errors"][0]["message"]
    assert all(f"'{unit}'" in message for unit in Unit)


@pytest.mark.parametrize(
    ("changed", "code", "named"),
    [
        ({"kpi": "happiness"}, "goal_not_smart", ["kpi/no_number"]),
        ({"kpi": "goal_progress", "unit": "percent"}, "goal_not_smart", ["kpi/no_number"]),
        ({"kpi": "reach_unique", "unit": "people"}, "goal_not_smart", ["kpi/no_number"]),
        ({"kpi": "payback_date", "unit": "days"}, "goal_not_smart", ["kpi/no_number"]),
        ({"unit": "money"}, "goal_not_smart", ["unit/not_the_unit"]),
        ({"direction": "down"}, "goal_not_smart", ["direction/wrong_way"]),
        (
            {"due_on": "2025-06-01"},
            "goal_not_smart",
            ["due_on/before_baseline", "due_on/in_the_past"],
        ),
        (
            {"baseline_on": "2025-07-08", "due_on": "2025-07-08"},
            "goal_not_smart",
            ["due_on/before_baseline"],
        ),
        ({"due_on": "2025-06-29"}, "goal_not_smart", ["due_on/in_the_past"]),
        ({"due_on": "2028-07-01"}, "goal_not_smart", ["due_on/too_far"]),
        ({"filters": {"account": ["A"]}}, "goal_not_smart", ["filters/dimension_not_carried"]),
        ({"filters": {"team": ["sales"], "content": ["x"]}}, "combination_not_kept", []),
        ({"target": "0"}, "goal_not_attainable", ["target/already_reached"]),
        ({"target": "-5", "stretch": True}, "goal_not_attainable", ["target/already_reached"]),
    ],
)
async def test_parts_that_contradict_each_other_are_named(
    client: httpx.AsyncClient, changed: dict[str, Any], code: str, named: list[str]
) -> None:
    found = refused(await client.post("/v1/goals", json={**GOAL, **changed}))

    assert found == (code, [("body." + name.split("/")[0], name.split("/")[1]) for name in named])


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "NaN"},
        {"target": "Infinity"},
        {"target": "1e400"},
        {"target": "12,5"},
        {"target": True},
        {"target": 1.5},
        {"unit": "pieces of eight"},
        {"direction": "sideways"},
        {"baseline_on": "2025-06-31"},
        {"due_on": 1756000000},
        {"due_on": "2025-08-24T00:00:00Z"},
        {"stretch": "perhaps"},
        {"filters": {"team": []}},
        {"filters": {"team": [""]}},
        {"filters": {"team": "sales"}},
        {"filters": {"planet": ["mars"]}},
    ],
)
async def test_what_cannot_be_read_is_invalid(
    client: httpx.AsyncClient, changed: dict[str, Any]
) -> None:
    code, named = refused(await client.post("/v1/goals", json={**GOAL, **changed}))

    assert code == "invalid"
    assert named
    assert all(field.startswith(f"body.{next(iter(changed))}") for field, _ in named)


async def test_what_only_the_product_says_of_a_goal_is_not_taken(
    client: httpx.AsyncClient,
) -> None:
    found = refused(await client.post("/v1/goals", json={**GOAL, "attainable": "yes"}))

    assert found == ("invalid", [("body.?", "extra_forbidden")])


@pytest.mark.parametrize(
    ("target", "rule"),
    [("1245", "outside_forecast"), ("1304", "outside_forecast"), ("1115", "already_reached")],
)
async def test_attainable_is_inside_the_interval(
    client: httpx.AsyncClient, tell: Tell, target: str, rule: str
) -> None:
    # By hand: from 1115 to between 1245.5 and 1303.7.
    await tell(list(followers()))
    goal = {**GOAL, "kpi": "followers", "unit": "people", "target": target}

    code, named = refused(await client.post("/v1/goals", json=goal))

    assert code == "goal_not_attainable"
    assert ("body.target", rule) in named
