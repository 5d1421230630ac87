"""Until when answers are complete, and what they say of the sources they rest on."""

from collections import Counter
from typing import Any

import httpx
import pytest

from services.api import freshness
from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.ledger import append
from shared.orgs import Org
from tests.api.asking import over
from tests.api.conftest import At, Deliver, Fold, MakeClient
from tests.api.test_access import CONNECTION, PERIOD
from tests.api.test_facts import POST

get = over(PERIOD)

MADE = "UPDATE connection SET created_at = $1::text::timestamptz"
READ = "UPDATE sync_state SET last_success_at = $1::text::timestamptz"


async def connect(client: httpx.AsyncClient, **other: Any) -> str:
    response = await client.post("/v1/connections", json={**CONNECTION, **other})
    assert response.status_code == 201, response.text
    made: str = response.json()["id"]
    return made


async def execute(database: Database, org: Org, statement: str, *arguments: Any) -> None:
    async with database.transaction(org.id) as connection:
        await connection.execute(statement, *arguments)


async def test_figures_say_until_when_they_are_complete(
    client: httpx.AsyncClient, org: Org, fold: Fold, database: Database
) -> None:
    async def health() -> dict[str, Any]:
        answer: dict[str, Any] = (await client.get("/v1/data-health")).json()
        return answer

    empty = await health()
    await client.post("/v1/facts", json=[POST])
    behind = await health()
    await fold(org)
    caught_up = await health()
    await connect(client)
    never_read = await health()
    await execute(database, org, READ, "2025-03-01T12:00Z")
    read = await health()
    series = await get(client, "kpis/shares/series", to="2025-04-01", interval="month")

    assert empty["complete_until"] is None
    assert (behind["unfolded"], behind["complete_until"]) == (1, None)
    assert caught_up["unfolded"] == 0
    assert caught_up["complete_until"] is not None
    assert never_read["complete_until"] is None
    assert read["complete_until"] == "2025-03-01T12:00:00Z"
    assert read["sources"][0]["furthest_behind"] == "hubspot"
    partial = [(p["value"], p["is_partial"]) for p in series["points"]]
    assert partial == [("1", False), ("0", False), ("0", True)]


ANSWERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("kpis/shares/explain", {}),
    ("kpis/enrollment_rate/explain", {}),
    ("kpis/values", {"ids": "shares"}),
    ("roi", {}),
    ("roi/explain", {}),
    ("roi/costs", {}),
    ("roi/models", {}),
    ("roi/cohort", {}),
    ("roi/models/markov", {}),
    ("roi/value", {"lines": "revenue"}),
    ("roi/baseline", {"baseline_from": "2024-01-01", "baseline_to": "2024-02-01"}),
    ("roi/incrementality", {"metric": "shares"}),
    ("leaderboard", {}),
)


@pytest.mark.parametrize(("path", "more"), ANSWERS, ids=[path for path, _ in ANSWERS])
async def test_every_answer_about_a_period_says_as_its_series_whether_it_is_partial(
    path: str,
    more: dict[str, str],
    client: httpx.AsyncClient,
    org: Org,
    fold: Fold,
    at: At,
    database: Database,
) -> None:
    at("2025-05-20T12:00:00Z")
    await client.post("/v1/facts", json=[POST])
    await fold(org)
    await connect(client)
    ends = ("2025-05-01", "2025-05-19", "2025-05-26", "2025-06-02")

    async def told(known_to: str) -> Counter[bool]:
        """Return how many answers are partial and how many are not, after looking at each."""
        found = Counter[bool]()
        for end in ends:
            answer = await get(client, path, **{"from": "2025-04-07", "to": end, **more})
            # Where only whole weeks that are over are compared, the answer says which.
            to = answer.get("to", end)
            series = await get(client, "kpis/shares/series", **{"from": "2025-04-07", "to": to})
            assert answer["is_partial"] is series["points"][0]["is_partial"] is (known_to < to)
            found[answer["is_partial"]] += 1
        return found

    assert await told("") == {True: 4}, "a stream was never read"
    await execute(database, org, READ, "2025-05-10T12:00Z")
    assert await told("2025-05-10") == {False: 1, True: 3}
    await execute(database, org, READ, "2025-05-20T12:00Z")
    assert (await told("2025-05-20"))[False] >= 2


async def test_connections_of_one_vendor_are_one_entry(
    client: httpx.AsyncClient, org: Org, database: Database
) -> None:
    made = [await connect(client, source=f"hubspot-{n}") for n in range(5)]
    for n, connection_id in enumerate(made[:4]):
        success = f"{READ} WHERE connection_id = $2"
        await execute(database, org, success, f"2025-03-0{4 - n}T12:00Z", connection_id)
    paused = "UPDATE connection SET state = 'paused' WHERE id = $1"
    await execute(database, org, paused, made[0])

    unread = await get(client, "kpis/shares/series")
    await execute(database, org, f"{READ} WHERE connection_id = $2", "2025-04-01T12:00Z", made[4])
    read = await get(client, "kpis/shares/series")
    health = (await client.get("/v1/data-health")).json()

    of_hubspot = {"provider": "hubspot", "state": "active", "connections": 4}
    assert unread["complete_until"] is None
    assert unread["sources"] == [
        {
            **of_hubspot,
            "never_read": 1,
            "furthest_behind": "hubspot-4",
            "complete_until": None,
            "newest_at": None,
        },
        {
            "provider": "hubspot",
            "state": "paused",
            "connections": 1,
            "never_read": 0,
            "furthest_behind": "hubspot-0",
            "complete_until": "2025-03-04T12:00:00Z",
            "newest_at": None,
        },
    ]
    assert read["complete_until"] == "2025-03-01T12:00:00Z"
    assert read["sources"][0] == {
        **of_hubspot,
        "never_read": 0,
        "furthest_behind": "hubspot-3",
        "complete_until": "2025-03-01T12:00:00Z",
        "newest_at": None,
    }
    states = {"active": 4, "degraded": 0, "reauth_required": 0, "paused": 1}
    assert health["connections"] == states


async def test_what_sources_bring_later_does_not_change_a_final_answer(
    client: httpx.AsyncClient, org: Org, deliver: Deliver, database: Database
) -> None:
    async def then(read_at: str) -> dict[str, Any]:
        await execute(database, org, READ, read_at)
        return await get(client, "kpis/shares/series", as_of="2025-03-31")

    await deliver([POST])
    await connect(client)
    await execute(database, org, MADE, "2025-01-01T12:00Z")

    before, after = await then("2025-05-01T12:00Z"), await then("2025-06-01T12:00Z")
    earlier = await then("2025-03-01T12:00Z")

    assert before["is_final"] is True
    assert after == before
    # The end of 31 March in Warsaw: what is in the answer reaches no further.
    assert before["sources"][0]["complete_until"] == "2025-03-31T22:00:00Z"
    assert earlier["sources"][0]["complete_until"] == "2025-03-01T12:00:00Z"


async def test_a_connection_made_later_does_not_change_a_final_answer(
    client: httpx.AsyncClient, deliver: Deliver
) -> None:
    await deliver([POST])
    before = await get(client, "kpis/shares/series", as_of="2025-03-31")
    await connect(client)
    after = await get(client, "kpis/shares/series", as_of="2025-03-31")
    present = await get(client, "kpis/shares/series")

    assert before["is_final"] is True
    assert after == before
    assert (present["complete_until"], len(present["sources"])) == (None, 1)


def told(source: str, occurred_at: str, **changes: Any) -> Fact:
    return parse_fact({**POST, "source": source, "occurred_at": occurred_at, **changes})


async def record(database: Database, org: Org, *facts: Fact) -> None:
    async with database.transaction(org.id) as connection:
        await append(connection, org, facts)


async def ages(client: httpx.AsyncClient) -> dict[str, tuple[str, int]]:
    health = (await client.get("/v1/data-health")).json()
    assert health["fact_sources"] == len(health["ages"])
    return {age["source"]: (age["newest_at"], age["age_seconds"]) for age in health["ages"]}


async def test_only_so_many_sources_are_looked_at(
    client: httpx.AsyncClient, org: Org, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "MOST_SOURCES", 3)
    await record(database, org, *(told(f"partner-{n}", "2025-02-01T00:00:00Z") for n in range(5)))

    assert sorted(await ages(client)) == ["partner-0", "partner-1", "partner-2"]


async def test_the_age_of_data_is_that_of_the_newest_event_of_each_source(
    client: httpx.AsyncClient, org: Org, fold: Fold, at: At, database: Database
) -> None:
    await connect(client)
    await execute(database, org, MADE, "2025-01-01T12:00Z")
    at("2025-03-10T12:00:00Z")
    late = told("hubspot", "2025-03-01T08:00:00Z", external_id="late")
    facts = [told("hubspot", "2025-03-10T09:00:00Z"), told("partner", "2025-02-01T00:00:00Z"), late]
    await record(database, org, *facts)
    at("2025-03-12T12:00:00Z")

    two_days_and_3_hours = 51 * 3600
    assert await ages(client) == {
        "hubspot": ("2025-03-10T09:00:00Z", two_days_and_3_hours),
        "partner": ("2025-02-01T00:00:00Z", 39 * 86_400 + 12 * 3600),
    }
    # Told again, or late, is no news; what is told ahead of its time has not happened yet.
    await record(database, org, *facts, told("partner", "2025-03-13T09:00:00Z"))
    assert await ages(client) == {
        "hubspot": ("2025-03-10T09:00:00Z", two_days_and_3_hours),
        "partner": ("2025-03-12T12:00:00Z", 0),
    }
    await fold(org)
    for query, newest in ({}, "10T09:00:00Z"), ({"as_of": "2025-03-10"}, "10T09:00:00Z"):
        answer = await get(client, "kpis/shares/series", **query)
        assert [one["newest_at"] for one in answer["sources"]] == [f"2025-03-{newest}"], query


async def test_what_a_source_told_later_is_not_in_an_answer_about_the_past(
    client: httpx.AsyncClient, org: Org, fold: Fold, at: At, database: Database
) -> None:
    await connect(client)
    await execute(database, org, MADE, "2025-01-01T12:00Z")
    for day in (3, 4, 6):
        at(f"2025-03-0{day}T12:00:00Z")
        post = told("hubspot", f"2025-03-0{day}T08:00:00Z", external_id=str(day))
        await record(database, org, post)
        await fold(org)
    at("2025-03-09T12:00:00Z")

    found = [
        (await get(client, "kpis/shares/series", as_of=f"2025-03-0{day}"))["sources"][0]
        for day in (2, 3, 5, 6)
    ]

    assert [one["newest_at"] for one in found] == [
        None,
        "2025-03-03T08:00:00Z",
        "2025-03-04T08:00:00Z",
        "2025-03-06T08:00:00Z",
    ]


async def test_the_age_of_one_persons_data_is_for_who_may_see_people(
    client: httpx.AsyncClient, org: Org, client_of: MakeClient, database: Database, fold: Fold
) -> None:
    for number in range(5):
        source = f"hubspot-{number}"
        await connect(client, source=source)
        post = told(source, f"2025-03-0{number + 1}T08:00:00Z", external_id="1")
        await record(database, org, post)
    await fold(org)
    person = 'UPDATE connection SET config = \'{"employee": "E1"}\''
    reader = await client_of(org, ["kpis:read"])

    await execute(database, org, f"{person} WHERE source <> 'hubspot-0'")
    (few,) = (await get(client, "kpis/shares/series"))["sources"]
    assert list(await ages(reader)) == ["hubspot-0"]
    assert list(await ages(client)) == [f"hubspot-{number}" for number in range(5)]
    await execute(database, org, person)
    (enough,) = (await get(client, "kpis/shares/series"))["sources"]

    assert few["newest_at"] == "2025-03-01T08:00:00Z"
    assert enough["newest_at"] == "2025-03-05T08:00:00Z"
