"""What was ever stated, of assumptions and of goals, page by page; the lists hold the present."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from shared.orgs import Org
from tests.api.asking import assume, get, pages, refusal
from tests.api.conftest import MakeClient
from tests.api.test_goals import state

pytestmark = pytest.mark.usefixtures("today")

STATED = "assumptions/emv.cpm/statements"
#: (effective from, value), in the order of being stated: the later versions begin earlier.
STATEMENTS = [
    ("2025-06-01", "10"),
    ("2025-03-01", "20"),
    ("2025-03-01", "21"),
    ("2025-01-01", "30"),
    ("2025-08-01", "40"),
]


@pytest_asyncio.fixture
async def stated(client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    for since, value in STATEMENTS:
        await assume(client, "emv.cpm", value, since, source="agency")
    yield client


async def walked(client: httpx.AsyncClient, path: str, items: str, limit: int) -> list[Any]:
    told = [page[items] for page in await pages(client, path, limit=limit)]
    assert all(0 < len(page) <= limit for page in told)
    return [one for page in told for one in page]


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_statements_are_listed_from_the_latest_to_begin(
    stated: httpx.AsyncClient, limit: int
) -> None:
    told = await walked(stated, STATED, "statements", limit)

    assert [(one["effective_from"], one["version"], one["value"]) for one in told] == [
        ("2025-08-01", 5, "40.00000000"),
        ("2025-06-01", 1, "10.00000000"),
        ("2025-03-01", 3, "21.00000000"),
        ("2025-03-01", 2, "20.00000000"),
        ("2025-01-01", 4, "30.00000000"),
    ]
    assert {one["source"] for one in told} == {"agency"}


async def test_an_assumption_shows_the_statement_in_force(stated: httpx.AsyncClient) -> None:
    listed = (await stated.get("/v1/assumptions")).json()["assumptions"]
    (cpm,) = [one for one in listed if one["key"] == "emv.cpm"]
    others = [one for one in listed if one["key"] != "emv.cpm"]

    # The one of August has not begun, and the last one stated begins before it.
    assert (cpm["in_force"], cpm["stated"]["version"]) == ("10", 1)
    assert all(one["stated"] is None for one in others)
    assert any(one["in_force"] is not None for one in others)


async def test_a_key_without_statements_has_an_empty_list(stated: httpx.AsyncClient) -> None:
    empty = await stated.get("/v1/assumptions/gross_margin/statements")
    unknown = await stated.get("/v1/assumptions/shoe_size/statements")

    assert empty.json() == {"statements": [], "next_cursor": None}
    assert unknown.status_code == 404


async def test_versions_of_a_goal_are_listed_page_by_page(client: httpx.AsyncClient) -> None:
    goal = (await state(client)).json()
    for target in ("1300", "1400", "1500"):
        answer = await client.patch(f"/v1/goals/{goal['id']}", json={"target": target})
        assert answer.status_code == 200, answer.text

    for limit in (1, 3, 4):
        told = await walked(client, f"goals/{goal['id']}/versions", "versions", limit)
        assert [(one["version"], one["target"]) for one in told] == [
            (4, "1500"),
            (3, "1400"),
            (2, "1300"),
            (1, "1200"),
        ]


async def test_a_cursor_goes_on_in_its_own_history_alone(
    stated: httpx.AsyncClient, client_of: MakeClient, other_org: Org
) -> None:
    cursor = (await get(stated, STATED, limit=1))["next_cursor"]
    other = await client_of(other_org)

    refused = [
        await stated.get("/v1/assumptions/emv.cpc/statements", params={"cursor": cursor}),
        await stated.get(f"/v1/goals/{uuid4()}/versions", params={"cursor": cursor}),
        await other.get(f"/v1/{STATED}", params={"cursor": cursor}),
    ]

    assert [refusal(one) for one in refused] == [(400, "invalid_cursor")] * 3
