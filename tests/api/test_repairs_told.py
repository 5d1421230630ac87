"""A repair moves a figure from its own moment on, and is told apart from the facts of that day.

What was published before it stays, however close the two come together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.metrics.rebuild import (
    PeriodsPublished,
    continue_rebuild,
    start_rebuild,
    under_way,
)
from services.metrics.verify import repair, verify
from shared.db import Database
from shared.orgs import Org
from tests.api.asking import get, post
from tests.api.conftest import At, Fold
from tests.integration.falsifying import by_hand

RECORDED = datetime(2025, 4, 28, 12, tzinfo=UTC)
REPAIRED = RECORDED + timedelta(days=7)
MARCH = {"kpi": "shares", "from": "2025-03-01", "to": "2025-04-01"}
_BOTH = MappingProxyType({"rollup": "v", "rollup_change": "d"})


def share(number: int) -> dict[str, str]:
    return {
        "kind": "post.published",
        "source": "s",
        "external_id": f"p{number}",
        "occurred_at": "2025-03-10T10:00:00Z",
        "post": f"p{number}",
        "employee": "E1",
    }


async def miscount(
    database: Database,
    database_url: str,
    org: Org,
    places: Mapping[str, str] = _BOTH,
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


@dataclass(frozen=True)
class March:
    """The shares of a month: what is done to them, and what is answered about them."""

    client: httpx.AsyncClient
    org: Org
    database: Database
    database_url: str
    at: At
    fold: Fold

    async def told(self, *numbers: int) -> None:
        """Tell and fold shares."""
        await post(self.client, [share(number) for number in numbers])
        await self.fold(self.org)

    async def miscounted(self, places: Mapping[str, str] = _BOTH, by: int = 2) -> None:
        await miscount(self.database, self.database_url, self.org, places, by)

    async def repaired(self, moment: datetime) -> bool:
        """Repair at a moment; return whether it took a rebuild."""
        self.at(moment)
        done = await repair(self.database, self.org.id)
        assert (done.before.mismatches > 0, done.after.mismatches) == (True, 0)
        return done.is_rebuilt

    async def published(self) -> str:
        body = {"from": MARCH["from"], "to": MARCH["to"], "note": "March as reported"}
        response = await self.client.post("/v1/publications", json=body)
        assert response.status_code == 201, response.text
        published: str = response.json()["id"]
        return published

    async def get(self, path: str, **query: str) -> Any:
        """Return an answer about the shares, or about what ``query`` asks for."""
        return await get(self.client, path, **{**MARCH, **query})

    async def shares(self, **query: str) -> tuple[str | None, str | None]:
        """Return how many there are and how far that has moved since it was published."""
        days = {"from": MARCH["from"], "to": MARCH["to"], "interval": "month"}
        (point,) = (await get(self.client, "kpis/shares/series", **days, **query))["points"]
        return point["value"], point["moved"]


@pytest_asyncio.fixture
async def march(
    client: httpx.AsyncClient, org: Org, database: Database, database_url: str, at: At, fold: Fold
) -> March:
    """Return a month with three shares, told and folded."""
    made = March(client, org, database, database_url, at, fold)
    at(RECORDED)
    await made.told(0, 1, 2)
    return made


async def test_a_repair_is_no_work_of_facts(march: March) -> None:
    await march.miscounted()
    assert not await march.repaired(REPAIRED)

    listed = await march.get("restatements")
    days = [(move["day"], move["moved"]) for move in listed["restatements"]]
    assert days[-1] == (REPAIRED.date().isoformat(), "-2")
    moved = await march.get("restatements/facts", day=REPAIRED.date().isoformat())
    assert moved["facts"] == []
    (mended,) = [r for r in moved["repairs"] if r["measure"] == "shares"]
    assert (mended["day"], mended["before"], mended["after"]) == ("2025-03-10", "5", "3")
    before = await march.get("restatements/facts", day=RECORDED.date().isoformat())
    assert (len(before["facts"]), before["repairs"]) == (3, [])


async def test_people_counted_from_what_was_repaired_move_that_day(march: March) -> None:
    await march.miscounted(by=-3)
    assert not await march.repaired(REPAIRED)

    day = REPAIRED.date().isoformat()
    listed = await march.get("restatements", kpi="sharers_any")
    moves = [(move["day"], move["after"]) for move in listed["restatements"]]
    assert moves[-1] == (day, "1")
    assert sum(int(move["moved"]) for move in listed["restatements"]) == int(listed["moved"])
    moved = await march.get("restatements/facts", kpi="sharers_any", day=day)
    assert [r["after"] for r in moved["repairs"]] == ["3"]


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1), timedelta(days=7)])
async def test_what_was_published_stays_whenever_it_is_repaired(
    march: March, later: timedelta
) -> None:
    await march.miscounted()
    await march.published()
    assert await march.shares() == ("5", "0")
    assert not await march.repaired(RECORDED + later)

    day = (RECORDED + later).date().isoformat()
    assert await march.shares() == ("5", "-2")
    assert (await march.shares(live="true"))[0] == "3"
    assert (await march.shares(as_of=day))[0] == "3"
    listed = await march.get("restatements")
    assert listed["first"]["value"] == "5"
    moves = [(move["day"], move["before"], move["after"]) for move in listed["restatements"]]
    assert moves == [(day, "5", "3")]
    repairs = (await march.get("restatements/facts", day=day))["repairs"]
    assert [one["after"] for one in repairs if one["measure"] == "shares"] == ["3"]


async def test_what_was_published_stays_though_the_clock_that_repairs_is_behind(
    march: March,
) -> None:
    await march.miscounted()
    march.at(RECORDED + timedelta(hours=2))
    await march.published()
    assert not await march.repaired(RECORDED + timedelta(hours=1))

    assert await march.shares() == ("5", "-2")
    assert (await march.shares(live="true"))[0] == "3"

    march.at(REPAIRED)
    await march.told(3)
    # Published and repaired at one instant: the repair is no part of what was known by then.
    assert (await verify(march.database, march.org.id)).mismatches == 0
    async with march.database.transaction(march.org.id) as connection:
        with pytest.raises(PeriodsPublished, match="withdraw them first"):
            await start_rebuild(connection, march.org.id)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(minutes=1), timedelta(days=7)])
async def test_what_was_repaired_before_is_published_as_it_is(
    march: March, later: timedelta
) -> None:
    await march.miscounted()
    assert not await march.repaired(RECORDED + later)
    await march.published()

    assert await march.shares() == ("3", "0")
    assert (await march.shares(live="true"))[0] == "3"
    assert (await march.get("restatements"))["restatements"] == []
    day = (RECORDED + later).date().isoformat()
    assert (await march.get("restatements/facts", day=day))["repairs"] == []
    # As it is told from the facts, too: no rebuild would take anything back.
    async with march.database.transaction(march.org.id) as connection:
        await start_rebuild(connection, march.org.id)
    assert await continue_rebuild(march.database, march.org.id)
    assert await march.shares() == ("3", "0")


async def test_no_rebuild_takes_back_what_was_published_before_a_repair(march: March) -> None:
    async def rebuild() -> None:
        async with march.database.transaction(march.org.id) as connection:
            await start_rebuild(connection, march.org.id)
        assert await continue_rebuild(march.database, march.org.id)

    await march.miscounted()
    published = await march.published()
    assert not await march.repaired(REPAIRED)

    # Told from the facts alone, nobody would ever have said five.
    with pytest.raises(PeriodsPublished, match="withdraw them first"):
        await rebuild()
    assert await march.shares() == ("5", "-2")

    path = f"/v1/publications/{published}/withdraw"
    assert (await march.client.post(path, json={"note": "was miscounted"})).status_code == 200
    await rebuild()
    await march.published()
    assert await march.shares() == ("3", "0")
    await rebuild()  # it was repaired before, in a generation that is gone


async def test_a_rebuild_is_given_up_that_would_take_back_what_was_published_before_a_repair(
    march: March,
) -> None:
    await march.miscounted()
    await march.published()
    async with march.database.transaction(march.org.id) as connection:
        await start_rebuild(connection, march.org.id)
    assert not await march.repaired(REPAIRED)

    with pytest.raises(PeriodsPublished, match="withdraw them first"):
        await continue_rebuild(march.database, march.org.id)
    assert await march.shares() == ("5", "-2")
    async with march.database.transaction(march.org.id) as connection:
        assert await under_way(connection, march.org.id) is None


async def test_a_repair_of_other_days_than_were_published_keeps_nobody_from_rebuilding(
    march: March,
) -> None:
    # Up to the day of the shares, and without it.
    body = {"from": "2025-02-01", "to": "2025-03-10", "note": "the winter as reported"}
    assert (await march.client.post("/v1/publications", json=body)).status_code == 201
    await march.miscounted()
    assert not await march.repaired(REPAIRED)

    async with march.database.transaction(march.org.id) as connection:
        await start_rebuild(connection, march.org.id)
    assert await continue_rebuild(march.database, march.org.id)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=7)])
async def test_a_value_that_was_published_wrong_by_itself_is_told_when_it_is_put_right(
    march: March, later: timedelta
) -> None:
    async def publication() -> Any:
        return (await march.client.get(f"/v1/publications/{published}")).json()

    await march.miscounted({"rollup": "v"})
    published = await march.published()
    assert await march.shares() == ("5", "0")
    untouched = await march.get("restatements")
    assert (untouched["repairs"], (await publication())["repaired_at"]) == ([], None)
    assert not await march.repaired(RECORDED + later)

    # The figure follows the log, which had been right all along; the answer says so.
    assert await march.shares() == ("3", "0")
    listed = await march.get("restatements")
    assert (listed["first"]["value"], listed["restatements"]) == ("3", [])
    (mended,) = listed["repairs"]
    assert (mended["measure"], mended["day"]) == ("shares", "2025-03-10")
    assert (mended["before"], mended["after"]) == ("5", "3")
    assert (await publication())["repaired_at"] == mended["repaired_at"]
    assert (await march.client.get("/v1/publications")).json()["publications"] == [
        await publication()
    ]
    assert (await march.get("restatements", employee="E1"))["repairs"] == []
    # Told from the facts, it is what it is: no rebuild would take anything back.
    async with march.database.transaction(march.org.id) as connection:
        await start_rebuild(connection, march.org.id)
    assert await continue_rebuild(march.database, march.org.id)
    assert await march.shares() == ("3", "0")


async def test_a_value_put_right_before_is_published_without_a_word(march: March) -> None:
    await march.miscounted({"rollup": "v"})
    assert not await march.repaired(RECORDED)
    published = await march.published()

    assert (await march.get("restatements"))["repairs"] == []
    answer = (await march.client.get(f"/v1/publications/{published}")).json()
    assert answer["repaired_at"] is None


async def test_a_log_that_was_lost_takes_no_published_figure_with_it(march: March) -> None:
    await march.published()
    await by_hand(march.database_url, "DELETE FROM rollup_change WHERE org_id = $1", march.org.id)
    assert await march.repaired(REPAIRED)

    assert await march.shares() == ("3", "0")
    assert (await march.shares(as_of=RECORDED.date().isoformat()))[0] == "3"
