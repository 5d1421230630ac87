"""A repair moves a figure from its own moment on, and is told apart from the facts of that day.

What was published before it stays, however close the two come together.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.metrics.verify import repair, verify
from shared import clock
from shared.db import Database
from shared.orgs import Org
from tests.api.conftest import Fold
from tests.integration.falsifying import by_hand

RECORDED = datetime(2025, 4, 28, 12, tzinfo=UTC)
REPAIRED = RECORDED + timedelta(days=7)
MARCH = {"kpi": "shares", "from": "2025-03-01", "to": "2025-04-01"}


async def get(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    """Return an answer about the shares of March, or about what ``query`` asks for."""
    response = await client.get(f"/v1/{path}", params={**MARCH, **query})
    assert response.status_code == 200, response.text
    return response.json()


def share(number: int) -> dict[str, str]:
    return {
        "kind": "post.published",
        "source": "s",
        "external_id": f"p{number}",
        "occurred_at": "2025-03-10T10:00:00Z",
        "post": f"p{number}",
        "employee": "E1",
    }


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return what sets the clock of the whole product."""

    def set_clock(instant: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: instant)

    return set_clock


@pytest_asyncio.fixture
async def told(
    client: httpx.AsyncClient, org: Org, fold: Fold, at: Callable[[datetime], None]
) -> AsyncIterator[httpx.AsyncClient]:
    """Tell and fold three shares of March."""
    at(RECORDED)
    shares = [share(number) for number in range(3)]
    assert (await client.post("/v1/facts", json=shares)).status_code == 200
    await fold(org)
    yield client


async def miscount(
    database: Database,
    database_url: str,
    org: Org,
    places: Mapping[str, str] = MappingProxyType({"rollup": "v", "rollup_change": "d"}),
    by: int = 2,
    measure: str = "shares",
) -> None:
    """Add to a measure: to values and log alike, as a wrong fold would, or to one of them."""
    async with database.transaction(org.id) as connection:
        place = await connection.fetchrow(
            "SELECT family, slot FROM rollup_slot WHERE org_id = $1 AND measure = $2",
            org.id,
            measure,
        )
    assert place is not None
    for table, name in places.items():
        column = f"{name}{place['slot']}"
        change = f"UPDATE {table} SET {column} = {column} + {by} WHERE org_id = $1 AND family = $2"
        await by_hand(database_url, change, org.id, place["family"])


async def publish(client: httpx.AsyncClient) -> str:
    body = {"from": MARCH["from"], "to": MARCH["to"], "note": "March as reported"}
    response = await client.post("/v1/publications", json=body)
    assert response.status_code == 201, response.text
    published: str = response.json()["id"]
    return published


async def shares(client: httpx.AsyncClient, **query: str) -> tuple[str | None, str | None]:
    """Return the shares of March and how far they have moved since they were published."""
    days = {"from": MARCH["from"], "to": MARCH["to"], "interval": "month"}
    response = await client.get("/v1/kpis/shares/series", params={**days, **query})
    assert response.status_code == 200, response.text
    (point,) = response.json()["points"]
    return point["value"], point["moved"]


async def test_a_repair_is_no_work_of_facts(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    at: Callable[[datetime], None],
) -> None:
    await miscount(database, database_url, org)
    at(REPAIRED)
    assert (await repair(database, org.id)).after.mismatches == 0

    listed = await get(told, "restatements")
    days = [(move["day"], move["moved"]) for move in listed["restatements"]]
    assert days[-1] == (REPAIRED.date().isoformat(), "-2")
    moved = await get(told, "restatements/facts", day=REPAIRED.date().isoformat())
    assert moved["facts"] == []
    (mended,) = [r for r in moved["repairs"] if r["measure"] == "shares"]
    assert (mended["day"], mended["before"], mended["after"]) == ("2025-03-10", "5", "3")
    before = await get(told, "restatements/facts", day=RECORDED.date().isoformat())
    assert (len(before["facts"]), before["repairs"]) == (3, [])


async def test_people_counted_from_what_was_repaired_move_that_day(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    at: Callable[[datetime], None],
) -> None:
    await miscount(database, database_url, org, by=-3)
    at(REPAIRED)
    assert (await repair(database, org.id)).after.mismatches == 0

    day = REPAIRED.date().isoformat()
    listed = await get(told, "restatements", kpi="sharers_any")
    moves = [(move["day"], move["after"]) for move in listed["restatements"]]
    assert moves[-1] == (day, "1")
    assert sum(int(move["moved"]) for move in listed["restatements"]) == int(listed["moved"])
    moved = await get(told, "restatements/facts", kpi="sharers_any", day=day)
    assert [r["after"] for r in moved["repairs"]] == ["3"]


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1), timedelta(days=7)])
async def test_what_was_published_stays_whenever_it_is_repaired(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    at: Callable[[datetime], None],
    later: timedelta,
) -> None:
    await miscount(database, database_url, org)
    await publish(told)
    assert await shares(told) == ("5", "0")
    at(RECORDED + later)
    assert not (await repair(database, org.id)).is_rebuilt

    day = (RECORDED + later).date().isoformat()
    assert await shares(told) == ("5", "-2")
    assert (await shares(told, live="true"))[0] == "3"
    assert (await shares(told, as_of=day))[0] == "3"
    listed = await get(told, "restatements")
    assert listed["first"]["value"] == "5"
    moves = [(move["day"], move["before"], move["after"]) for move in listed["restatements"]]
    assert moves == [(day, "5", "3")]
    repairs = (await get(told, "restatements/facts", day=day))["repairs"]
    assert [one["after"] for one in repairs if one["measure"] == "shares"] == ["3"]


async def test_what_was_published_stays_though_the_clock_that_repairs_is_behind(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    fold: Fold,
    at: Callable[[datetime], None],
) -> None:
    await miscount(database, database_url, org)
    at(RECORDED + timedelta(hours=2))
    await publish(told)
    at(RECORDED + timedelta(hours=1))
    assert not (await repair(database, org.id)).is_rebuilt

    assert await shares(told) == ("5", "-2")
    assert (await shares(told, live="true"))[0] == "3"

    at(REPAIRED)
    response = await told.post("/v1/facts", json=[share(3)])
    assert response.status_code == 200
    await fold(org)
    # Published and repaired at one instant: the repair is no part of what was known by then.
    assert (await verify(database, org.id)).mismatches == 0


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1), timedelta(days=7)])
async def test_what_was_repaired_before_is_published_as_it_is(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    at: Callable[[datetime], None],
    later: timedelta,
) -> None:
    await miscount(database, database_url, org)
    at(RECORDED + later)
    assert not (await repair(database, org.id)).is_rebuilt
    await publish(told)

    assert await shares(told) == ("3", "0")
    assert (await shares(told, live="true"))[0] == "3"
    assert (await get(told, "restatements"))["restatements"] == []
    day = (RECORDED + later).date().isoformat()
    assert (await get(told, "restatements/facts", day=day))["repairs"] == []


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=7)])
async def test_a_value_that_was_published_wrong_by_itself_is_told_when_it_is_put_right(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    at: Callable[[datetime], None],
    later: timedelta,
) -> None:
    async def publication() -> Any:
        return (await told.get(f"/v1/publications/{published}")).json()

    await miscount(database, database_url, org, {"rollup": "v"})
    published = await publish(told)
    assert await shares(told) == ("5", "0")
    untouched = await get(told, "restatements")
    assert (untouched["repairs"], (await publication())["repaired_at"]) == ([], None)
    at(RECORDED + later)
    assert not (await repair(database, org.id)).is_rebuilt

    # The figure follows the log, which had been right all along; the answer says so.
    assert await shares(told) == ("3", "0")
    listed = await get(told, "restatements")
    assert (listed["first"]["value"], listed["restatements"]) == ("3", [])
    (mended,) = listed["repairs"]
    assert (mended["measure"], mended["day"]) == ("shares", "2025-03-10")
    assert (mended["before"], mended["after"]) == ("5", "3")
    assert (await publication())["repaired_at"] == mended["repaired_at"]
    assert (await told.get("/v1/publications")).json()["publications"] == [await publication()]
    assert (await get(told, "restatements", employee="E1"))["repairs"] == []


async def test_a_value_put_right_before_is_published_without_a_word(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
) -> None:
    await miscount(database, database_url, org, {"rollup": "v"})
    assert not (await repair(database, org.id)).is_rebuilt
    published = await publish(told)

    assert (await get(told, "restatements"))["repairs"] == []
    answer = (await told.get(f"/v1/publications/{published}")).json()
    assert answer["repaired_at"] is None


async def test_a_log_that_was_lost_takes_no_published_figure_with_it(
    told: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    at: Callable[[datetime], None],
) -> None:
    await publish(told)
    await by_hand(database_url, "DELETE FROM rollup_change WHERE org_id = $1", org.id)
    at(REPAIRED)
    assert (await repair(database, org.id)).is_rebuilt

    assert await shares(told) == ("3", "0")
    assert (await shares(told, as_of=RECORDED.date().isoformat()))[0] == "3"
