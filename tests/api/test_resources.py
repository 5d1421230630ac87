"""Links, connections, deliveries, assumptions, health: each through the real application."""

import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from asyncpg.connection import LoggedQuery
from fastapi import FastAPI
from sqlalchemy import event

from shared import clock
from shared.db import Database
from shared.ids import new_id
from shared.orgs import Org
from tests.api.asking import pages, problem, refusal
from tests.api.conftest import At, Fold
from tests.api.test_access import CONNECTION, PERIOD
from tests.api.test_facts import DEAL, POST

CANARY = "secret-token-canary"


@contextmanager
def counted_statements(app: FastAPI) -> Iterator[list[str]]:
    """Collect every statement the application sends, as its driver sends them."""
    pool = app.state.lifespan["resources"].database.engine.sync_engine.pool
    statements: list[str] = []

    def log(record: LoggedQuery) -> None:
        # Once in the life of a connection the driver asks for the types it meets.
        if not any(word in record.query for word in ("typeinfo_tree", "'jit'")):
            statements.append(record.query)

    def taken(connection: Any, *_: Any) -> None:
        connection.driver_connection.add_query_logger(log)

    def given_back(connection: Any, *_: Any) -> None:
        connection.driver_connection.remove_query_logger(log)

    event.listen(pool, "checkout", taken)
    event.listen(pool, "checkin", given_back)
    try:
        yield statements
    finally:
        event.remove(pool, "checkout", taken)
        event.remove(pool, "checkin", given_back)


async def test_a_link_is_tagged_and_listed(client: httpx.AsyncClient) -> None:
    new = {
        "target_url": "https://www.example.com/a?utm_source=x&b=1",
        "employee": "E007",
        "network": "linkedin",
        "campaign": "launch",
    }
    made = (await client.post("/v1/links", json=new)).json()
    listed = (await client.get("/v1/links", params={"employee": "E007"})).json()

    assert made["short_url"] == f"https://go.example.com/l/{made['code']}"
    assert made["tagged_url"].startswith(
        "https://www.example.com/a?b=1&utm_source=linkedin&utm_medium=advocacy&utm_campaign=launch"
    )
    assert listed["links"] == [made]
    assert listed["next_cursor"] is None


@pytest.mark.parametrize("made_in", ["NFC", "NFD"])
async def test_a_link_is_found_however_letters_are_composed(
    client: httpx.AsyncClient, made_in: Literal["NFC", "NFD"]
) -> None:
    told = {"employee": f"Bąk-{made_in}", "campaign": "wiosną"}
    new = {name: unicodedata.normalize(made_in, text) for name, text in told.items()}
    target = {"target_url": "https://www.example.com/"}
    made = (await client.post("/v1/links", json={**target, **new})).json()

    assert {name: made[name] for name in told} == told
    for form in ("NFC", "NFD"):
        asked = {name: unicodedata.normalize(form, text) for name, text in told.items()}
        assert (await client.get("/v1/links", params=asked)).json()["links"] == [made]


@pytest.mark.parametrize(
    "target", ["//evil.example", "javascript:alert(1)", "https:\\evil", "https://a@b.example/"]
)
async def test_a_link_leads_only_to_plain_addresses(target: str, client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/links", json={"target_url": target})

    assert problem(answer)["code"] == "invalid_target"
    assert "evil" not in answer.text


async def test_keys_and_publications_come_page_by_page(client: httpx.AsyncClient) -> None:
    key = {"name": "x", "scopes": ["kpis:read"]}
    keys = {(await client.post("/v1/keys", json=key)).json()["id"] for _ in range(4)}
    days = [{"from": f"2025-01-{day:02}", "to": f"2025-01-{day + 1:02}"} for day in (1, 2, 3)]
    periods = [await client.post("/v1/publications", json={**d, "note": "x"}) for d in days]
    published = [period.json()["id"] for period in periods]

    listed = await _walked(client, "keys")
    assert len(listed) == len(set(listed)) == 5  # with the one that asks
    assert keys < set(listed)
    assert await _walked(client, "publications") == published[::-1]


async def _walked(client: httpx.AsyncClient, name: str) -> list[str]:
    listed = [page[name] for page in await pages(client, name, limit=2)]
    assert all(len(page) <= 2 for page in listed)
    return [one["id"] for page in listed for one in page]


async def test_walking_a_list_meets_everything_once(client: httpx.AsyncClient) -> None:
    made = {
        (await client.post("/v1/links", json={"target_url": "https://a.example/"})).json()["id"]
        for _ in range(5)
    }

    assert sorted(await _walked(client, "links")) == sorted(made)


async def test_a_connection_keeps_its_secrets(client: httpx.AsyncClient) -> None:
    created = await client.post("/v1/connections", json=CONNECTION)
    connection = created.json()
    path = f"/v1/connections/{connection['id']}"
    answers = [created, await client.get(path), await client.get("/v1/connections")]
    again = await client.post("/v1/connections", json=CONNECTION)

    assert created.status_code == 201
    assert connection["has_credentials"] is True
    assert {stream["stream"] for stream in connection["streams"]} == {"contacts", "deals"}
    assert all(CANARY not in answer.text for answer in answers)
    assert refusal(again) == (409, "source_taken")


async def test_a_wrong_configuration_is_refused_without_an_echo(
    client: httpx.AsyncClient,
) -> None:
    wrong = [
        {**CONNECTION, "provider": "no-such-vendor"},
        {**CONNECTION, "config": {"base_url": "https://api.hubapi.com", "shoe": CANARY}},
        {**CONNECTION, "credentials": {"auth": {"type": CANARY}}},
        {**CONNECTION, "org_id": CANARY},
    ]

    for body in wrong:
        answer = await client.post("/v1/connections", json=body)
        assert answer.status_code == 422, answer.text
        assert CANARY not in answer.text
    assert (await client.get("/v1/connections")).json()["connections"] == []


async def test_pausing_resuming_and_syncing(client: httpx.AsyncClient) -> None:
    path = f"/v1/connections/{(await client.post('/v1/connections', json=CONNECTION)).json()['id']}"

    paused = await client.patch(path, json={"state": "paused"})
    refused = await client.post(f"{path}/sync")
    renamed = await client.patch(path, json={"name": "HubSpot EU"})
    resumed = await client.patch(path, json={"state": "active"})
    due = await client.post(f"{path}/sync")
    nothing = await client.patch(path, json={})

    assert paused.json()["state"] == "paused"
    assert problem(refused)["code"] == "not_active"
    assert (renamed.json()["name"], renamed.json()["state"]) == ("HubSpot EU", "paused")
    assert resumed.json()["state"] == "active"
    assert due.status_code == 202
    assert nothing.status_code == 422


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1)])
async def test_a_connection_is_made_due_by_the_clock_that_decides_what_is_due(
    client: httpx.AsyncClient, database: Database, org: Org, at: At, ahead: timedelta
) -> None:
    path = f"/v1/connections/{(await client.post('/v1/connections', json=CONNECTION)).json()['id']}"
    at(clock.now() + ahead)

    for ask in (
        partial(client.post, f"{path}/sync"),
        partial(client.patch, path, json={"state": "active"}),
    ):
        async with database.transaction(org.id) as connection:
            before = await connection.fetchval("SELECT clock_timestamp()")
        answer = await ask()
        async with database.transaction(org.id) as connection:
            after = await connection.fetchval("SELECT clock_timestamp()")

        assert answer.is_success, answer.text
        due = [datetime.fromisoformat(one["next_due_at"]) for one in answer.json()["streams"]]
        assert due
        assert before < min(due) <= max(due) < after


async def test_null_changes_nothing_of_a_connection(client: httpx.AsyncClient) -> None:
    """Generated clients send what was not set as null."""
    created = (await client.post("/v1/connections", json=CONNECTION)).json()
    path = f"/v1/connections/{created['id']}"

    same = await client.patch(path, json={"name": None, "config": None, "credentials": None})

    assert same.json() == created


@pytest_asyncio.fixture
async def delivery(
    client: httpx.AsyncClient, org: Org, database: Database
) -> AsyncIterator[tuple[UUID, UUID]]:
    created = await client.post("/v1/connections", json=CONNECTION)
    connection_id, delivery_id = UUID(created.json()["id"]), new_id()
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "INSERT INTO inbox (org_id, id, connection_id, origin, delivery_key, body_hash, body,"
            " received_at, state, reason, attempts, next_attempt_at)"
            " VALUES ($1, $2, $3, 'webhook', 'k', 'h', 'maria@example.com', $4, 'quarantined',"
            " 'unknown_event', 8, $4)",
            org.id,
            delivery_id,
            connection_id,
            clock.now(),
        )
    yield connection_id, delivery_id


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("upstream: credentials_refused", "received"),
        ("refused: scopes_missing", "received"),
        ("unreadable: createdate: missing", "quarantined"),
        ("conflict", "quarantined"),
    ],
)
async def test_what_waited_for_the_vendor_alone_is_tried_again_when_a_connection_is_resumed(
    client: httpx.AsyncClient,
    database: Database,
    org: Org,
    delivery: tuple[UUID, UUID],
    reason: str,
    state: str,
) -> None:
    connection_id, delivery_id = delivery
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE inbox SET reason = $1", reason)

    await client.patch(f"/v1/connections/{connection_id}", json={"state": "active"})

    async with database.transaction(org.id) as connection:
        found = await connection.fetchval("SELECT state FROM inbox WHERE id = $1", delivery_id)
    assert found == state


async def test_a_quarantined_delivery_is_seen_and_replayed_once(
    client: httpx.AsyncClient, delivery: tuple[UUID, UUID]
) -> None:
    _, delivery_id = delivery
    health = (await client.get("/v1/data-health")).json()
    listed = await client.get("/v1/deliveries")

    replayed = await client.post(f"/v1/deliveries/{delivery_id}/replay")
    again = await client.post(f"/v1/deliveries/{delivery_id}/replay")
    unknown = await client.post(f"/v1/deliveries/{new_id()}/replay")

    assert health["quarantined"] == 1
    assert [d["reason"] for d in listed.json()["deliveries"]] == ["unknown_event"]
    assert "maria" not in listed.text
    assert (replayed.json()["state"], replayed.json()["attempts"]) == ("received", 0)
    assert problem(again)["code"] == "not_quarantined"
    assert unknown.status_code == 404
    assert (await client.get("/v1/data-health")).json()["waiting"] == 1


async def test_an_assumption_that_is_stated_once_more_stays_as_it_is(
    client: httpx.AsyncClient,
) -> None:
    """A request whose answer was lost is sent again; the history tells what was said, once."""

    async def state(value: str, source: str = "finance") -> dict[str, Any]:
        body = {"effective_from": "2025-01-01", "value": value, "source": source}
        answer = await client.put("/v1/assumptions/gross_margin", json=body)
        stated: dict[str, Any] = answer.json()["stated"]
        return stated

    first = await state("0.8")
    again = await state("0.80")
    other_source = await state("0.8", "audit")
    changed = await state("0.7")
    back = await state("0.8")

    assert again == first
    assert [one["version"] for one in (other_source, changed, back)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("gross_margin", "1.2", 422),
        ("gross_margin", "-0.1", 422),
        ("gross_margin", "NaN", 422),
        ("gross_margin", "0,8", 422),
        ("gross_margin", "１", 422),
        ("gross_margin", 0.8, 422),
        ("attribution.window_days", "30", 422),
        ("shoe_size", "42", 404),
    ],
)
async def test_an_assumption_out_of_bounds_is_not_stated(
    key: str, value: Any, status: int, client: httpx.AsyncClient
) -> None:
    statement = {"effective_from": "2025-01-01", "value": value, "source": "finance"}

    answer = await client.put(f"/v1/assumptions/{key}", json=statement)

    assert problem(answer)["status"] == status
    listed = (await client.get("/v1/assumptions")).json()["assumptions"]
    assert all(assumption["stated"] is None for assumption in listed)


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("kpis/headcount/series", {"group_by": "network"}, "dimension_not_carried"),
        ("kpis/enrollment_rate/series", {"employee": "E001"}, "dimension_not_carried"),
        ("kpis/shares/series", {"group_by": "team", "content": "x"}, "combination_not_kept"),
        ("kpis/shares/series", {"interval": "day", "from": "2015-01-01"}, "cost_limit"),
        ("kpis/roi_program/series", {}, "answered_by_statement"),
        ("restatements", {"kpi": "payback_date"}, "answered_by_statement"),
        (
            "restatements/facts",
            {"kpi": "payback_date", "day": "2025-05-10"},
            "answered_by_statement",
        ),
        ("kpis/shares/series", {"interval": "hour"}, "invalid"),
        ("kpis/shares/series", {"group_by": "id; DROP TABLE cell"}, "invalid"),
        ("kpis/shares/series", {"from": "2025-02-01"}, "invalid"),
        ("kpis/shares/series", {"from": "1735689600"}, "invalid"),
        ("kpis/shares/series", {"from": "0001-01-01"}, "invalid"),
        ("kpis/shares/explain", {"measure": "clicks"}, "unknown_measure"),
        ("kpis/turnover_rate/explain", {"measure": "weeks"}, "not_explained_by_facts"),
        ("kpis/shares/explain", {"limit": "1000000000"}, "invalid"),
        ("roi", {"recruiting_to": "2024-01-01"}, "empty_period"),
        ("roi", {"recruiting_to": PERIOD["from"]}, "empty_period"),
        ("roi", {"model": "astrology"}, "invalid"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_name(
    path: str, query: dict[str, str], code: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/v1/{path}", params={**PERIOD, **query})

    assert refusal(answer) == (422, code)
    assert "DROP" not in answer.text


@pytest.mark.parametrize(
    ("path", "query", "rule", "words"),
    [
        ("roi", {"to": "2025-01-01"}, "empty_period", "`to` lies after `from`."),
        ("kpis/shares/series", {"to": "2024-12-31"}, "empty_period", "`to` lies after `from`."),
        (
            "roi/models",
            {"as_of": "2025-04-30", "live": "true"},
            "as_of_and_live",
            "Give `as_of` or `live`, not both.",
        ),
    ],
)
async def test_a_rule_about_two_parameters_is_told_in_words(
    path: str, query: dict[str, str], rule: str, words: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/v1/{path}", params={**PERIOD, **query})

    assert answer.status_code == 422
    assert problem(answer)["errors"] == [{"field": "query", "rule": rule, "message": words}]


async def test_without_facts_figures_are_null_and_not_zero(client: httpx.AsyncClient) -> None:
    shares = (await client.get("/v1/kpis/shares/series", params=PERIOD)).json()["points"]
    statement = (await client.get("/v1/roi", params=PERIOD)).json()
    models = (await client.get("/v1/roi/models", params=PERIOD)).json()

    assert [(p["value"], p["null_reason"]) for p in shares] == [(None, "missing:shares")]
    assert statement["roi_cash"]["percent"] is None
    assert statement["cost"]["total"] is None
    assert statement["credited_revenue"] is None
    assert models["models"] == []


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("kpis/shoe_size", {}, "path.kpi_id"),
        ("kpis/shoe_size/series", PERIOD, "path.kpi_id"),
        ("kpis/shoe_size/explain", PERIOD, "path.kpi_id"),
        ("kpis/values", {**PERIOD, "ids": ["shares", "shoe_size"]}, "query.ids.1"),
        ("restatements", {**PERIOD, "kpi": "shoe_size"}, "query.kpi"),
        ("roi/incrementality", {**PERIOD, "metric": "shoe_size"}, "query.metric"),
    ],
)
async def test_an_unknown_kpi_is_not_found_where_it_is_named(
    path: str, query: dict[str, Any], field: str, client: httpx.AsyncClient
) -> None:
    answer = await client.get(f"/v1/{path}", params=query)

    assert refusal(answer) == (404, "not_found")
    assert [error["field"] for error in problem(answer)["errors"]] == [field]


async def test_the_catalogue_tells_everything(client: httpx.AsyncClient) -> None:
    kpis = (await client.get("/v1/kpis")).json()["kpis"]
    one = (await client.get("/v1/kpis/enrollment_rate")).json()

    assert one in kpis
    assert one["formula"] == "enrolled / headcount"
    assert one["measures"] == ["enrolled", "headcount"]
    assert one["unit"] == "percent"
    assert one["benchmarks"][0]["value"] == "30"


async def test_lists_take_the_same_statements_however_long(
    app: FastAPI, client: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    async def fill(start: int, count: int) -> None:
        posts = [
            {**POST, "external_id": f"s{n}", "post": f"s{n}", "employee": f"E{n}"}
            for n in range(start, start + count)
        ]
        await client.post("/v1/facts", json=[*posts, DEAL])
        for number in range(start, start + count):
            body = {**CONNECTION, "source": f"hubspot-{number}"}
            assert (await client.post("/v1/connections", json=body)).status_code == 201
        await fold(org)

    async def cost(path: str, **query: Any) -> int:
        with counted_statements(app) as counted:
            answer = await client.get(f"/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return len(counted)

    async def costs() -> list[int]:
        return [
            await cost("connections"),
            await cost("facts"),
            await cost("kpis/shares/series", **PERIOD, group_by="employee"),
            await cost("kpis/values", **PERIOD, ids=["shares", "engagements", "emv_mixed"]),
            await cost("leaderboard", **PERIOD),
            await cost("roi/models", **PERIOD),
        ]

    await fill(0, 2)
    few = await costs()
    await fill(2, 10)
    many = await costs()

    assert many == few
    assert max(few) < 30
