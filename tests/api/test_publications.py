"""Published periods: frozen figures, the live ones beside them, and who did what."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from services.api.assumptions.repository import hold_statements
from services.api.publications.repository import folded_now
from services.metrics.fold import fold_batch
from services.metrics.half_life import LEAST_DEALS, measured_half_life
from services.metrics.rebuild import PeriodsPublished, continue_rebuild, start_rebuild
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.orgs import Org
from shared.rollups.known import Knowledge, look_back
from tests.api.asking import assume, over, post, refusal
from tests.api.conftest import At, Deliver, MakeClient
from tests.api.golden import WARSAW, fact, local

JANUARY = {"from": "2025-01-01", "to": "2025-02-01"}
get = over(JANUARY)
NOTE = {"note": "As reported to the board"}


def clicks(first: int, number: int, day: str = "2025-01-15") -> list[dict[str, Any]]:
    at = datetime.fromisoformat(f"{day}T10:00:00").replace(tzinfo=WARSAW)
    return [
        fact("link.clicked", f"c{n}", at, link="x", employee="E1")
        for n in range(first, first + number)
    ]


@pytest_asyncio.fixture
async def told(client: httpx.AsyncClient, deliver: Deliver, at: At) -> httpx.AsyncClient:
    at(_in_february(3))
    await deliver(clicks(0, 10))
    return client


def _in_february(day: int) -> datetime:
    return local(date(2025, 2, day), 9)


async def sell(client: httpx.AsyncClient, number: int) -> None:
    """Win deals 32 days after their leads, each with an early touch and a late one."""
    for n in range(number):
        person, touch = f"p{n}", "touch.recorded"
        deal = {"deal": f"d{n}", "lead": f"l{n}", "amount": "1000.00", "currency": "USD"}
        await post(
            client,
            [
                fact(touch, f"{n}a", _morning(3), person=person, channel="paid"),
                fact(touch, f"{n}b", _morning(13), person=person, channel="employee_advocacy"),
                fact("lead.created", f"{n}", _morning(4), lead=f"l{n}", person=person),
                fact(
                    "deal.changed",
                    f"{n}",
                    _morning(36),
                    **deal,
                    state="won",
                    opened_at=_morning(5).isoformat(),
                    closed_at=_morning(36).isoformat(),
                ),
            ],
        )


async def credited(client: httpx.AsyncClient) -> dict[str, Any]:
    path, channel = "kpis/attributed_revenue_time_decay/series", "employee_advocacy"
    return await get(client, path, channel=channel)


def _morning(day: int) -> datetime:
    return datetime(2024, 12, 20, 9, tzinfo=WARSAW) + timedelta(days=day)


async def publish(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post("/v1/publications", json={**JANUARY, **NOTE, **body})
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def point(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    series = await get(client, "kpis/clicks/series", **query)
    (found,) = series["points"]
    return {**series, **found}


async def test_published_figures_stay_while_the_live_ones_move(
    told: httpx.AsyncClient, deliver: Deliver, at: At
) -> None:
    publication = await publish(told)
    # On the same day, right after the publication: the cut does not wait for midnight.
    await deliver(clicks(10, 5))
    at(_in_february(9))

    frozen = await point(told)
    live = await point(told, live="true")
    week = await point(told, **{"from": "2025-01-13", "to": "2025-01-20"})
    quarter = await point(told, **{"from": "2025-01-01", "to": "2025-04-01"})
    explained = await get(told, "kpis/clicks/explain", limit=200)
    then = await point(told, as_of="2025-02-03")

    assert (frozen["value"], frozen["moved"]) == ("10", "5")
    assert frozen["frozen"] is frozen["is_final"] is True
    assert frozen["publication_id"] == publication["id"]
    assert frozen["known_position"] == publication["position"] == 10
    assert frozen["as_of"] is None
    assert (live["value"], live["moved"], live["frozen"]) == ("15", "5", False)
    assert (week["value"], week["frozen"]) == ("10", True)
    assert (quarter["value"], quarter["frozen"], quarter["moved"]) == ("15", False, None)
    assert explained["value"]["value"] == "10"
    assert len(explained["facts"]["lines"]) == 10
    assert (then["value"], then["frozen"]) == ("15", False)


async def test_a_rate_stated_by_a_clock_that_is_ahead_is_one_of_the_published(
    told: httpx.AsyncClient, at: At
) -> None:
    at(_in_february(3) + timedelta(seconds=5))
    await assume(told, "emv.cpc", "3")
    at(_in_february(3))

    await publish(told)
    at(_in_february(9))

    frozen = await get(told, "kpis/emv_cpc/series")
    assert (frozen["frozen"], frozen["points"][0]["value"]) == (True, "30.00")


async def test_a_rate_stated_by_a_clock_that_is_behind_is_not_one_of_the_published(
    told: httpx.AsyncClient, at: At
) -> None:
    await assume(told, "emv.cpc", "3")
    at(_in_february(3) + timedelta(seconds=5))
    await publish(told)
    at(_in_february(3) + timedelta(seconds=1))

    await assume(told, "emv.cpc", "4")
    at(_in_february(9))

    frozen = await get(told, "kpis/emv_cpc/series")
    live = await get(told, "kpis/emv_cpc/series", live="true")
    assert (frozen["frozen"], frozen["points"][0]["value"]) == (True, "30.00")
    assert (live["frozen"], live["points"][0]["value"]) == (False, "40.00")


async def test_a_fold_ends_a_batch_where_a_period_was_published(
    told: httpx.AsyncClient, org: Org, database: Database
) -> None:
    await publish(told)
    await post(told, clicks(10, 5))
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "INSERT INTO generation SELECT org_id, 2, 'building', catalogue_version, window_days,"
            " half_life_days, created_at FROM generation WHERE org_id = $1",
            org.id,
        )
        await connection.execute(
            "INSERT INTO fold_cursor (org_id, generation, position, folded_at)"
            " VALUES ($1, 2, 0, now())",
            org.id,
        )
    positions = []
    for _ in range(2):
        async with database.transaction(org.id) as connection:
            result = await fold_batch(connection, org.id, 2, limit=1000)
            assert result is not None
            positions.append(result.position)

    assert positions == [10, 15]


@pytest.mark.parametrize(
    "begin",
    [
        # Begun between the look at the folds and the commit, a generation would not know the
        # position to end at.
        start_rebuild,
        # What is stated would be stamped before what is frozen ends, and be seen only afterwards.
        hold_statements,
    ],
)
async def test_no_generation_begins_and_nothing_is_stated_while_a_period_is_published(
    told: httpx.AsyncClient, org: Org, database: Database, begin: Callable[..., Awaitable[object]]
) -> None:
    async with database.transaction(org.id) as publishing:
        assert await folded_now(publishing, org) is not None
        async with database.transaction(org.id) as connection:
            await connection.execute("SET LOCAL lock_timeout = '50ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await begin(connection, org.id)


async def test_nothing_is_published_that_is_about_to_be_credited_otherwise(
    told: httpx.AsyncClient, org: Org, database: Database
) -> None:
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id, window_days=10)
    response = await told.post("/v1/publications", json={**JANUARY, **NOTE})
    assert refusal(response) == (503, "rebuild_under_way")

    assert await continue_rebuild(database, org.id)
    await publish(told)


async def test_what_is_rebuilt_as_it_is_can_be_published_meanwhile(
    told: httpx.AsyncClient, org: Org, database: Database
) -> None:
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id)
    await publish(told)


@pytest.mark.parametrize(
    "parameters", [{"window_days": 10}, {"half_life_days": 60}, {"half_life_days": "measured"}]
)
async def test_no_rebuild_moves_what_is_frozen(
    told: httpx.AsyncClient, org: Org, database: Database, parameters: dict[str, Any]
) -> None:
    await sell(told, LEAST_DEALS)
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id, half_life_days=20)
    assert await continue_rebuild(database, org.id)
    publication = await publish(told)
    frozen = await credited(told)

    with pytest.raises(PeriodsPublished):
        async with database.transaction(org.id) as connection:
            await start_rebuild(connection, org.id, **parameters)
    assert await credited(told) == frozen

    note = {"note": "to be credited by another window"}
    withdrawn = await told.post(f"/v1/publications/{publication['id']}/withdraw", json=note)
    assert withdrawn.status_code == 200
    async with database.transaction(org.id) as connection:
        await start_rebuild(connection, org.id, **parameters)
    assert await continue_rebuild(database, org.id)
    await publish(told)
    anew = await credited(told)
    assert anew["frozen"]
    assert anew["points"] != frozen["points"]


async def test_a_rebuild_keeps_the_half_life_of_what_is_frozen(
    told: httpx.AsyncClient, org: Org, database: Database
) -> None:
    await sell(told, LEAST_DEALS)
    await catch_up(database, org.id)
    await publish(told)
    frozen = await credited(told)

    async with database.transaction(org.id) as connection:
        assert (await measured_half_life(connection, org.id)).days != 7
        await start_rebuild(connection, org.id)
    assert await continue_rebuild(database, org.id)

    assert await credited(told) == frozen


async def test_an_act_of_publication_names_who_and_why(told: httpx.AsyncClient, at: At) -> None:
    made = await publish(told)
    path = f"/v1/publications/{made['id']}"
    withdrawn = await told.post(f"{path}/withdraw", json={"note": "A cost came late"})
    again = await told.post(f"{path}/withdraw", json={"note": "A cost came late"})
    second = await publish(told, note="Corrected")
    listed = (await told.get("/v1/publications")).json()["publications"]

    key = made["published_by"]
    assert len(key) == 8
    assert made["is_active"] is True
    assert withdrawn.json()["withdrawn_by"] == key
    assert withdrawn.json()["withdrawal_note"] == "A cost came late"
    assert refusal(again) == (409, "already_withdrawn")
    assert [(p["id"], p["is_active"]) for p in listed] == [
        (second["id"], True),
        (made["id"], False),
    ]


async def test_after_its_withdrawal_a_period_lives(
    told: httpx.AsyncClient, deliver: Deliver
) -> None:
    made = await publish(told)
    await deliver(clicks(10, 5))
    await told.post(f"/v1/publications/{made['id']}/withdraw", json=NOTE)

    assert (await point(told))["value"] == "15"
    assert (await point(told))["moved"] is None


async def test_what_was_known_on_a_past_day_can_be_published(
    told: httpx.AsyncClient, deliver: Deliver, at: At
) -> None:
    at(_in_february(5))
    await deliver(clicks(10, 5))
    at(_in_february(9))
    made = await publish(told, as_of="2025-02-04")

    assert made["position"] == 10
    assert (await point(told))["value"] == "10"


async def test_what_cannot_be_published(
    told: httpx.AsyncClient, client_of: MakeClient, org: Org, at: At
) -> None:
    reader = await client_of(org, ["kpis:read"])
    await publish(told)
    refused = {
        "already_published": await told.post("/v1/publications", json={**JANUARY, **NOTE}),
        "period_not_over": await told.post(
            "/v1/publications", json={"from": "2025-02-01", "to": "2025-03-01", **NOTE}
        ),
        "day_not_over": await told.post(
            "/v1/publications",
            json={"from": "2025-01-01", "to": "2025-01-08", "as_of": "2025-02-03", **NOTE},
        ),
        "insufficient_scope": await reader.post("/v1/publications", json={**JANUARY, **NOTE}),
    }
    empty = await told.post("/v1/publications", json={**JANUARY, "note": " "})

    assert {code: answer.json()["code"] for code, answer in refused.items()} == {
        code: code for code in refused
    }
    assert empty.status_code == 422


async def test_another_organization_neither_sees_nor_withdraws(
    told: httpx.AsyncClient, client_of: MakeClient, other_org: Org
) -> None:
    made = await publish(told)
    stranger = await client_of(other_org)

    assert (await stranger.get("/v1/publications")).json() == {
        "publications": [],
        "next_cursor": None,
    }
    assert (await stranger.get(f"/v1/publications/{made['id']}")).status_code == 404
    path = f"/v1/publications/{made['id']}/withdraw"
    assert (await stranger.post(path, json=NOTE)).status_code == 404
    assert (await point(stranger))["frozen"] is False


async def test_a_publication_cannot_be_changed(
    told: httpx.AsyncClient, org: Org, database: Database
) -> None:
    await publish(told)
    for statement in ("UPDATE publication SET position = 0", "DELETE FROM publication"):

        async def rewrite(statement: str = statement) -> None:
            async with database.transaction(org.id) as connection:
                await connection.execute(statement)

        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rewrite()


async def test_looking_back_changes_nothing_for_the_next_transaction(
    told: httpx.AsyncClient, org: Org, database: Database
) -> None:
    nothing = Knowledge(0, date(2025, 1, 1), clock.now(), is_final=True)
    async with database.transaction(org.id) as connection:
        await look_back(connection, nothing)

    assert (await point(told))["value"] == "10"
