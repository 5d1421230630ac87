"""The public door of the ledger: all or nothing, twice is once, and no addresses."""

from typing import Any

import httpx
import pytest

from shared.db import Database
from shared.facts import parse_fact
from shared.ledger import append
from shared.orgs import Org, person_of
from tests.api.asking import groups, problem, refusal
from tests.api.conftest import Fold
from tests.api.test_access import CONNECTION

POST: dict[str, Any] = {
    "kind": "post.published",
    "source": "acme",
    "external_id": "share-1",
    "occurred_at": "2025-01-07T08:00:00Z",
    "post": "urn:li:share:1",
    "employee": "E001",
}
TOUCH: dict[str, Any] = {
    "kind": "touch.recorded",
    "source": "acme",
    "external_id": "touch-1",
    "occurred_at": "2025-01-07T08:00:00Z",
    "channel": "employee_advocacy",
}
DEAL: dict[str, Any] = {
    "kind": "deal.changed",
    "source": "acme",
    "external_id": "deal-1",
    "occurred_at": "2025-01-07T08:00:00Z",
    "deal": "D1",
    "state": "open",
    "amount": "100.00",
    "currency": "USD",
    "opened_at": "2025-01-07T08:00:00Z",
}
JSON = {"Content-Type": "application/json"}


async def position(client: httpx.AsyncClient) -> int:
    head: int = (await client.get("/v1/data-health")).json()["ledger_position"]
    return head


async def test_twice_is_once_and_a_change_is_a_correction(client: httpx.AsyncClient) -> None:
    first = await client.post("/v1/facts", json=[POST])
    again = await client.post("/v1/facts", json={"facts": [POST]})
    changed = await client.post("/v1/facts", json=[{**POST, "employee": "E002"}])

    zero = {"inserted": 0, "unchanged": 0, "corrected": 0, "stale": 0}
    assert first.json() == {**zero, "inserted": 1, "position": 1}
    assert again.json() == {**zero, "unchanged": 1, "position": 1}
    assert changed.json() == {**zero, "corrected": 1, "position": 3}
    entries = (await client.get("/v1/facts")).json()["entries"]
    assert [(e["weight"], e["employee"]) for e in entries] == [
        (1, "E001"),
        (-1, "E001"),
        (1, "E002"),
    ]


async def test_a_name_in_two_spellings_is_one_name(
    client: httpx.AsyncClient, org: Org, fold: Fold
) -> None:
    # "ó" as one character, and as a letter and a mark.
    one, two = "Krak\u00f3w", "Krako\u0301w"
    told = {**POST, "external_id": one, "campaign": one, "post": one}
    again = {**POST, "external_id": two, "campaign": two, "post": two}

    assert (await client.post("/v1/facts", json=[told])).json()["inserted"] == 1
    assert (await client.post("/v1/facts", json=[again])).json()["unchanged"] == 1
    await fold(org)

    for asked in (one, two):
        (shares,) = (await groups(client, "shares", campaign=asked)).values()
        assert shares["value"] == "1", ascii(asked)
    (entry,) = (await client.get("/v1/facts")).json()["entries"]
    assert (entry["external_id"], entry["campaign"]) == (one, one)
    identity = {"source": "acme", "kind": "post.published", "external_id": two}
    gone = await client.post("/v1/facts/retract", json={"identities": [identity]})
    assert gone.json()["retracted"] == 1


async def test_an_older_revision_is_stale(client: httpx.AsyncClient) -> None:
    await client.post("/v1/facts", json=[{**POST, "revision": 5}])

    older = await client.post("/v1/facts", json=[{**POST, "employee": "E009", "revision": 4}])

    assert older.json()["stale"] == 1


@pytest.mark.parametrize(
    ("before", "rule"), [({"revision": 5}, "revision_missing"), ({}, "revision_unexpected")]
)
async def test_revisions_are_given_always_or_never(
    client: httpx.AsyncClient, before: dict[str, int], rule: str
) -> None:
    """A version without one would hide all later ones that have one, or be hidden by none."""
    other = {} if before else {"revision": 9}
    identity = {key: POST[key] for key in ("source", "kind", "external_id")}
    new = {**POST, "external_id": "other"}
    await client.post("/v1/facts", json=[{**POST, **before}])

    mixed = await client.post("/v1/facts", json=[new, {**POST, "employee": "E009", **other}])
    gone = await client.post("/v1/facts/retract", json={"identities": [{**identity, **other}]})
    within = await client.post("/v1/facts", json=[{**new, **before}, {**new, **other}])

    for answer, field in (
        (mixed, "facts.1.revision"),
        (gone, "body.identities.0.revision"),
        (within, "facts.1.revision"),
    ):
        assert refusal(answer) == (422, "invalid_facts")
        error = problem(answer)["errors"][0]
        assert (error["field"], error["rule"]) == (field, rule)
        assert ("5" in error["message"]) is bool(before)
    assert await position(client) == 1


async def test_a_person_is_told_by_address_and_kept_as_a_hash(
    client: httpx.AsyncClient, org: Org, database: Database
) -> None:
    told = {**TOUCH, "person_email": "Maria@Example.com "}

    answer = await client.post("/v1/facts", json=[told])

    assert answer.status_code == 200, answer.text
    (entry,) = (await client.get("/v1/facts")).json()["entries"]
    assert entry["body"]["person"] == person_of(org.person_key, "maria@example.com")
    async with database.transaction(org.id) as connection:
        payload = await connection.fetchval("SELECT payload FROM ledger_entry")
    assert "@" not in payload


WRONG = [
    pytest.param(b"", 400, "malformed_json", id="empty"),
    pytest.param(b"[" * 100_000, 400, "malformed_json", id="deep"),
    pytest.param(b"\xef\xbb\xbf[]", 400, "malformed_json", id="byte-order mark"),
    pytest.param("[]".encode("utf-16"), 400, "malformed_json", id="utf-16"),
    pytest.param(b"[\xff]", 400, "malformed_json", id="not utf-8"),
    pytest.param(b'[{"kind": NaN}]', 400, "malformed_json", id="nan"),
    pytest.param(b'{"facts": [], "facts": []}', 400, "malformed_json", id="duplicate name"),
    pytest.param(b"[]", 422, "batch_size", id="no facts"),
    pytest.param(b"[" + b"{}," * 1000 + b"{}]", 422, "batch_size", id="too many"),
    pytest.param(b'{"facts": [{}], "org_id": 1}', 422, "invalid_facts", id="extra member"),
    pytest.param(b'"facts"', 422, "invalid_facts", id="not a list"),
    pytest.param(b"[1e999]", 422, "invalid_number", id="infinite"),
    pytest.param(b'["\\u0000"]', 422, "invalid_text", id="nul"),
    pytest.param(b'["\\ud800"]', 422, "invalid_text", id="lone surrogate"),
    pytest.param(b"[null]", 422, "invalid_facts", id="not a fact"),
]


@pytest.mark.parametrize(("body", "status", "code"), WRONG)
async def test_malformed_bodies_write_nothing(
    body: bytes, status: int, code: str, client: httpx.AsyncClient
) -> None:
    before = await position(client)

    answer = await client.post("/v1/facts", content=body, headers=JSON)

    assert refusal(answer) == (status, code)
    assert await position(client) == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "post.exploded"}, "facts.1"),
        ({"amount": "NaN"}, "facts.1.amount"),
        ({"amount": "1_0"}, "facts.1.amount"),
        ({"amount": "１２３"}, "facts.1.amount"),
        ({"amount": 100.5}, "facts.1.amount"),
        ({"amount": "1.23456"}, "facts.1.amount"),
        ({"opened_at": "2025-01-07T08:00:00"}, "facts.1.opened_at"),
        ({"opened_at": 1736236800}, "facts.1.opened_at"),
        ({"opened_at": "0001-01-01T00:00:00Z"}, "facts.1.opened_at"),
        ({"opened_at": "9999-12-31T23:59:59-23:00"}, "facts.1.opened_at"),
        ({"revision": 2**63}, "facts.1.revision"),
        ({"revision": True}, "facts.1.revision"),
        ({"state": "won"}, "facts.1"),
        ({"currency": "EUR"}, "facts.1.currency"),
        ({"currency": "ZZZ"}, "facts.1.currency"),
        ({"org_id": "x"}, "facts.1.?"),
        ({"deal": "maria@example.com"}, "facts.1.deal"),
        ({"external_id": "maria@example.com"}, "facts.1.external_id"),
        ({"external_id": "maria＠example．com"}, "facts.1.external_id"),
        ({"person_email": "maria@example.com"}, "facts.1.person_email"),
        ({"kind": {}, "person_email": "maria@example.com"}, "facts.1.person_email"),
        ({"kind": ["deal.changed"], "person_email": "x"}, "facts.1.person_email"),
    ],
)
async def test_one_wrong_fact_stops_the_batch_and_is_named(
    change: dict[str, Any], field: str, client: httpx.AsyncClient
) -> None:
    before = await position(client)

    answer = await client.post("/v1/facts", json=[POST, {**DEAL, **change}])

    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in problem(answer)["errors"]] == [field]
    assert "maria" not in answer.text
    assert await position(client) == before


async def test_person_and_address_together_are_ambiguous(client: httpx.AsyncClient) -> None:
    both = {**TOUCH, "person": "p1", "person_email": "maria@example.com"}

    answer = await client.post("/v1/facts", json=[both])

    assert [error["rule"] for error in problem(answer)["errors"]] == ["ambiguous_person"]


async def test_nobody_speaks_for_a_connection(client: httpx.AsyncClient) -> None:
    await client.post("/v1/connections", json=CONNECTION)
    before = await position(client)

    posted = await client.post("/v1/facts", json=[POST, {**POST, "source": "hubspot"}])
    own = await client.post("/v1/facts", json=[{**POST, "source": "csv"}])
    retracted = await client.post(
        "/v1/facts/retract",
        json={"identities": [{"source": "hubspot", "kind": "deal.changed", "external_id": "1"}]},
    )

    answers = (posted, own, retracted)
    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert problem(posted)["errors"][0]["field"] == "facts.1.source"
    assert problem(retracted)["errors"][0]["field"] == "body.identities.0.source"
    assert await position(client) == before


async def test_what_a_file_told_is_withdrawn_and_told_again_by_the_file(
    client: httpx.AsyncClient, database: Database, org: Org
) -> None:
    fact = parse_fact({**POST, "source": "csv"})
    identity = {key: getattr(fact, key) for key in ("source", "kind", "external_id")}
    async with database.transaction(org.id) as connection:
        await append(connection, org, [fact])

    gone = await client.post("/v1/facts/retract", json={"identities": [identity]})
    clicked = await client.post(
        "/v1/facts/retract", json={"identities": [{**identity, "source": "link"}]}
    )
    async with database.transaction(org.id) as connection:
        imported = await append(connection, org, [fact])

    assert gone.json() == {"retracted": 1, "unchanged": 0, "stale": 0, "position": 2}
    assert refusal(clicked) == (409, "source_taken")
    assert imported.inserted == 1


async def test_other_media_types_and_sizes_are_refused(client: httpx.AsyncClient) -> None:
    form = await client.post("/v1/facts", content=b"[]", headers={"Content-Type": "text/plain"})
    large = await client.post("/v1/facts", content=b" " * (1024 * 1024 + 1), headers=JSON)

    assert problem(form)["code"] == "unsupported_media_type"
    assert problem(large)["code"] == "too_large"


async def test_a_retraction_leaves_both_entries(client: httpx.AsyncClient) -> None:
    await client.post("/v1/facts", json=[POST])
    identity = {key: POST[key] for key in ("source", "kind", "external_id")}

    gone = await client.post("/v1/facts/retract", json={"identities": [identity]})
    again = await client.post("/v1/facts/retract", json={"identities": [identity]})
    unknown = await client.post(
        "/v1/facts/retract", json={"identities": [{**identity, "kind": "post.exploded"}]}
    )

    assert gone.json() == {"retracted": 1, "unchanged": 0, "stale": 0, "position": 2}
    assert again.json()["unchanged"] == 1
    assert problem(unknown)["code"] == "unknown_kind"
    assert [e["field"] for e in problem(unknown)["errors"]] == ["body.identities.0.kind"]


async def test_the_ledger_is_read_in_pages_and_by_kind(client: httpx.AsyncClient) -> None:
    posts = [{**POST, "external_id": f"share-{n}", "post": f"s{n}"} for n in range(5)]
    await client.post("/v1/facts", json=[*posts, DEAL])

    read: list[int] = []
    after, more = 0, True
    while more:
        page = (await client.get("/v1/facts", params={"after_position": after, "limit": 2})).json()
        read += [entry["position"] for entry in page["entries"]]
        after, more = page["next_after_position"], page["has_more"]
    deals = (await client.get("/v1/facts", params={"kind": "deal.changed"})).json()

    assert read == [1, 2, 3, 4, 5, 6]
    assert [entry["body"]["amount"] for entry in deals["entries"]] == ["100.00"]
    assert not deals["has_more"]


async def test_every_kind_has_a_schema(client: httpx.AsyncClient) -> None:
    kinds = (await client.get("/v1/fact-kinds")).json()["kinds"]

    assert {"post.published", "deal.changed"} <= {kind["kind"] for kind in kinds}
    assert all(kind["json_schema"]["properties"] for kind in kinds)
