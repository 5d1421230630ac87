"""Who may ask for what, and what the others learn: nothing."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from shared.db import Database
from shared.orgs import Org
from shared.security.keys import SCOPES
from shared.web.parameters import declared_parameters
from tests.api.asking import problem
from tests.api.conftest import MakeClient, anonymous

PERIOD = {"from": "2025-01-01", "to": "2025-02-01"}
CONNECTION = {
    "provider": "hubspot",
    "source": "hubspot",
    "name": "HubSpot",
    "config": {"base_url": "https://api.hubapi.com"},
    "credentials": {"auth": {"type": "token", "access_token": "secret-token-canary"}},
}
#: One good request per operation: method, path, keyword arguments.
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "kpis_list_kpis": ("GET", "/v1/kpis", {}),
    "kpis_list_values": ("GET", "/v1/kpis/values", {"params": {**PERIOD, "ids": "shares"}}),
    "kpis_get_kpi": ("GET", "/v1/kpis/shares", {}),
    "kpis_get_series": ("GET", "/v1/kpis/shares/series", {"params": PERIOD}),
    "kpis_get_explanation": ("GET", "/v1/kpis/shares/explain", {"params": PERIOD}),
    "roi_get_statement": ("GET", "/v1/roi", {"params": PERIOD}),
    "roi_get_cohort": ("GET", "/v1/roi/cohort", {"params": PERIOD}),
    "roi_get_costs": ("GET", "/v1/roi/costs", {"params": PERIOD}),
    "roi_get_value": ("GET", "/v1/roi/value", {"params": {**PERIOD, "lines": "margin"}}),
    "roi_get_incrementality": (
        "GET",
        "/v1/roi/incrementality",
        {"params": {**PERIOD, "metric": "shares"}},
    ),
    "roi_get_baseline": (
        "GET",
        "/v1/roi/baseline",
        {"params": {**PERIOD, "baseline_from": "2024-12-01", "baseline_to": "2025-01-01"}},
    ),
    "roi_get_internal_network": (
        "GET",
        "/v1/roi/internal-network",
        {"params": {"on": "2025-01-01"}},
    ),
    "roi_get_removal_effects": ("GET", "/v1/roi/models/markov", {"params": PERIOD}),
    "roi_list_models": ("GET", "/v1/roi/models", {"params": PERIOD}),
    "roi_get_explanation": ("GET", "/v1/roi/explain", {"params": PERIOD}),
    "leaderboard_list_places": ("GET", "/v1/leaderboard", {"params": PERIOD}),
    "publications_list_publications": ("GET", "/v1/publications", {}),
    "publications_publish_period": (
        "POST",
        "/v1/publications",
        {"json": {**PERIOD, "note": "as reported"}},
    ),
    "publications_get_publication": ("GET", f"/v1/publications/{uuid4()}", {}),
    "publications_withdraw_publication": (
        "POST",
        f"/v1/publications/{uuid4()}/withdraw",
        {"json": {"note": "as corrected"}},
    ),
    "restatements_list_restatements": (
        "GET",
        "/v1/restatements",
        {"params": {**PERIOD, "kpi": "shares"}},
    ),
    "restatements_list_facts": (
        "GET",
        "/v1/restatements/facts",
        {"params": {**PERIOD, "kpi": "shares", "day": "2025-02-03"}},
    ),
    "goals_list_goals": ("GET", "/v1/goals", {}),
    "goals_create_goal": ("POST", "/v1/goals", {"json": {}}),
    "goals_get_goal": ("GET", f"/v1/goals/{uuid4()}", {}),
    "goals_get_explanation": ("GET", f"/v1/goals/{uuid4()}/explain", {}),
    "goals_list_versions": ("GET", f"/v1/goals/{uuid4()}/versions", {}),
    "goals_update_goal": ("PATCH", f"/v1/goals/{uuid4()}", {"json": {}}),
    "goals_archive_goal": ("DELETE", f"/v1/goals/{uuid4()}", {}),
    "facts_append_facts": ("POST", "/v1/facts", {"json": []}),
    "facts_retract_facts": ("POST", "/v1/facts/retract", {"json": {}}),
    "facts_list_facts": ("GET", "/v1/facts", {}),
    "facts_list_kinds": ("GET", "/v1/fact-kinds", {}),
    "people_create_references": (
        "POST",
        "/v1/people/references",
        {"json": {"emails": ["maria@example.com"]}},
    ),
    "connections_list_connections": ("GET", "/v1/connections", {}),
    "connections_create_connection": ("POST", "/v1/connections", {"json": CONNECTION}),
    "connections_get_connection": ("GET", f"/v1/connections/{uuid4()}", {}),
    "connections_update_connection": (
        "PATCH",
        f"/v1/connections/{uuid4()}",
        {"json": {"state": "paused"}},
    ),
    "connections_list_runs": ("GET", f"/v1/connections/{uuid4()}/runs", {}),
    "connections_start_sync": ("POST", f"/v1/connections/{uuid4()}/sync", {}),
    "deliveries_list_deliveries": ("GET", "/v1/deliveries", {}),
    "deliveries_start_replay": ("POST", f"/v1/deliveries/{uuid4()}/replay", {}),
    "links_list_links": ("GET", "/v1/links", {}),
    "links_create_link": ("POST", "/v1/links", {"json": {"target_url": "https://a.example"}}),
    "assumptions_list_assumptions": ("GET", "/v1/assumptions", {}),
    "assumptions_list_statements": ("GET", "/v1/assumptions/gross_margin/statements", {}),
    "assumptions_state_assumption": (
        "PUT",
        "/v1/assumptions/gross_margin",
        {"json": {"effective_from": "2025-01-01", "value": "0.8", "source": "finance"}},
    ),
    "assumptions_convert_anew": ("POST", "/v1/assumptions/exchange_rate.EUR/conversions", {}),
    "organization_get_organization": ("GET", "/v1/organization", {}),
    "organization_state_privacy": (
        "PUT",
        "/v1/organization/privacy",
        {"json": {"smallest_group": 10}},
    ),
    "organization_get_data_health": ("GET", "/v1/data-health", {}),
    "keys_list_keys": ("GET", "/v1/keys", {}),
    "keys_create_key": ("POST", "/v1/keys", {"json": {"name": "x", "scopes": ["kpis:read"]}}),
    "keys_revoke_key": ("DELETE", "/v1/keys/AAAAAAAA", {}),
}


def scopes_by_operation(app: FastAPI) -> Iterator[tuple[str, str]]:
    for methods in app.openapi()["paths"].values():
        for operation in methods.values():
            (scope,) = operation["security"][0]["bearer"]
            yield operation["operationId"], scope


async def test_every_operation_needs_a_key(app: FastAPI) -> None:
    async with anonymous(app) as nobody:
        for operation, (method, path, given) in REQUESTS.items():
            response = await nobody.request(method, path, **given)
            assert problem(response)["code"] == "unauthenticated", operation


async def test_every_operation_needs_its_scope(
    app: FastAPI, org: Org, client_of: MakeClient
) -> None:
    required = dict(scopes_by_operation(app))
    assert required.keys() == REQUESTS.keys()
    without = {scope: await client_of(org, SCOPES - {scope}) for scope in set(required.values())}

    for operation, (method, path, given) in REQUESTS.items():
        response = await without[required[operation]].request(method, path, **given)
        assert response.status_code == 403, operation
        assert problem(response)["code"] == "insufficient_scope", operation


async def test_unknown_and_repeated_parameters_are_refused(client: httpx.AsyncClient) -> None:
    for operation, (method, path, given) in REQUESTS.items():
        query = httpx.QueryParams(given.get("params", {})).set("tenant_id", str(uuid4()))
        response = await client.request(method, path, **{**given, "params": query})
        if method == "GET" and str(path).count("/") < 4:
            assert response.status_code == 422, operation
            assert str(query["tenant_id"]) not in response.text

    repeated = await client.get(
        "/v1/kpis/shares/series?from=2025-01-01&from=2024-01-01&to=2026-01-01"
    )
    assert problem(repeated)["errors"] == [
        {"field": "query.from", "rule": "repeated", "message": "Give this parameter once."}
    ]


async def test_no_parameter_takes_what_no_database_can_hold(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    for operation, names in declared_parameters(app).items():
        method, path, given = REQUESTS[operation]
        for name in names:
            query = {**given.get("params", {}), name: "a\x00b"}
            response = await client.request(method, path, **{**given, "params": query})
            assert response.status_code == 422, (operation, name)
            (error,) = problem(response)["errors"]
            assert (error["field"], error["rule"]) == (f"query.{name}", "invalid_text")

    in_path = problem(await client.delete("/v1/keys/a%00b"))
    assert in_path["errors"][0]["field"] == "path.key_id"


@pytest.mark.parametrize(
    ("method", "template", "given"),
    [
        ("GET", "/v1/connections/{id}", {}),
        ("PATCH", "/v1/connections/{id}", {"json": {"state": "paused"}}),
        ("GET", "/v1/connections/{id}/runs", {}),
        ("POST", "/v1/connections/{id}/sync", {}),
    ],
)
async def test_a_foreign_connection_is_answered_like_an_unknown_one(
    method: str,
    template: str,
    given: dict[str, Any],
    client: httpx.AsyncClient,
    client_of: MakeClient,
    other_org: Org,
) -> None:
    foreign = await client_of(other_org)
    created = await foreign.post("/v1/connections", json=CONNECTION)
    assert created.status_code == 201, created.text

    answers = [
        await client.request(method, template.format(id=connection), **given)
        for connection in (created.json()["id"], uuid4())
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    told = [{**problem(a), "instance": "", "request_id": ""} for a in answers]
    assert told[0] == told[1]
    untouched = await foreign.get(f"/v1/connections/{created.json()['id']}")
    assert untouched.json()["state"] == "active"


async def test_a_foreign_key_or_delivery_cannot_be_reached(
    client: httpx.AsyncClient, client_of: MakeClient, other_org: Org, database: Database
) -> None:
    foreign = await client_of(other_org)
    key_id = (await foreign.get("/v1/keys")).json()["keys"][0]["id"]

    revoked = await client.delete(f"/v1/keys/{key_id}")

    assert revoked.status_code == 404
    assert (await foreign.get("/v1/keys")).status_code == 200


async def test_a_cursor_belongs_to_one_organization_and_one_query(
    client: httpx.AsyncClient, client_of: MakeClient, other_org: Org
) -> None:
    for _ in range(3):
        await client.post("/v1/links", json={"target_url": "https://a.example/"})
    cursor = (await client.get("/v1/links", params={"limit": 1})).json()["next_cursor"]
    changed = cursor[:-9] + ("x" if cursor[-9] != "x" else "y") + cursor[-8:]
    foreign = await client_of(other_org)

    answers = [
        await foreign.get("/v1/links", params={"cursor": cursor}),
        await client.get("/v1/links", params={"cursor": cursor, "employee": "E001"}),
        await client.get("/v1/connections", params={"cursor": cursor}),
        await client.get("/v1/links", params={"cursor": changed}),
        await client.get("/v1/links", params={"cursor": "'; DROP TABLE link"}),
    ]

    assert {problem(answer)["code"] for answer in answers} == {"invalid_cursor"}


async def test_a_key_mints_no_wider_key_and_ends_when_revoked(
    org: Org, client_of: MakeClient
) -> None:
    minter = await client_of(org, ["keys:write", "kpis:read"])

    wider = await minter.post("/v1/keys", json={"name": "x", "scopes": ["facts:write"]})
    made = await minter.post("/v1/keys", json={"name": "x", "scopes": ["kpis:read"]})
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    before = await minter.get("/v1/organization", headers=headers)
    listed = await minter.get("/v1/keys")
    await minter.delete(f"/v1/keys/{made.json()['id']}")
    after = await minter.get("/v1/organization", headers=headers)

    assert problem(wider)["code"] == "insufficient_scope"
    assert made.status_code == 201
    assert before.json()["name"] == org.name
    assert made.json()["key"] not in listed.text
    assert after.status_code == 401


@pytest.mark.parametrize(
    "instant",
    [
        "2020-01-01T00:00:00Z",
        "2099-01-01T00:00:00",
        "9999-12-31T23:59:59-14:00",
        "99999999999",
        99999999999,
    ],
)
async def test_a_key_ends_when_everybody_agrees_that_it_does(
    client: httpx.AsyncClient, instant: str | int
) -> None:
    asked = {"name": "x", "scopes": ["kpis:read"], "expires_at": instant}
    refused = await client.post("/v1/keys", json=asked)

    assert refused.status_code == 422
    assert problem(refused)["code"] in {"invalid_expiry", "invalid"}
    assert [error["field"] for error in problem(refused)["errors"]] == ["body.expires_at"]


async def test_a_scope_that_is_asked_for_twice_is_given_once(client: httpx.AsyncClient) -> None:
    asked = {"name": "x", "scopes": ["roi:read", "kpis:read", "roi:read"]}
    made = await client.post("/v1/keys", json=asked)

    assert made.json()["scopes"] == ["kpis:read", "roi:read"]


async def test_a_key_in_a_header_of_its_own_is_as_good(client: httpx.AsyncClient) -> None:
    key = client.headers.pop("Authorization").removeprefix("Bearer ")

    answer = await client.get("/v1/organization", headers={"X-API-Key": key})

    assert answer.status_code == 200
