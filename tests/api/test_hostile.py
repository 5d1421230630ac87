"""Every operation of the document, sent what nobody should: refused by name, and nothing written.

What is sent is made from the OpenAPI document, so that a new parameter or field is met as well.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from shared.facts import FACT_KINDS, Fact
from tests.api.conftest import Deliver
from tests.api.good_bodies import FURTHER, GOOD
from tests.api.hostile import (
    BODIES,
    CANARY,
    JSON,
    MEDIA_TYPES,
    REFUSED_JSON,
    WILD_JSON,
    address,
    fault_of,
    places_of,
    refused_values,
    resolved,
    wild_values,
    with_raw,
)
from tests.api.test_access import CONNECTION, REQUESTS
from tests.api.test_facts import DEAL, POST, TOUCH
from tests.integration.catalogue_facts import everything, fact

_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname
"""
# A key's last day of use is written whatever becomes of the request.
_PRINT = (
    "(SELECT coalesce(sum(hashtextextended((to_jsonb(t) - 'last_used_on')::text, 0)), 0)"
    " FROM {name} t)::text"
)
#: There is none to be replayed without the collector.
NOT_THERE = {"deliveries_start_replay"}

Operation = tuple[str, str, Mapping[str, Any]]
Prints = Callable[[], Awaitable[Mapping[str, str]]]


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], (method, path, operation)


def told() -> Iterator[Fact]:
    """Yield a fact of each kind at least."""
    yield from everything()
    for kind, body in FURTHER.items():
        yield fact(kind, "1", "2025-02-01", **body)


@pytest.fixture
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


@pytest.fixture
async def prints(database_url: str) -> AsyncIterator[Prints]:
    """Return what yields a print of every table of the organizations."""
    connection = await asyncpg.connect(database_url)
    names = [row["relname"] for row in await connection.fetch(_TABLES)]
    query = "SELECT " + ", ".join(_PRINT.format(name=name) for name in names)

    async def taken() -> dict[str, str]:
        return dict(zip(names, await connection.fetchrow(query) or (), strict=True))

    yield taken
    await connection.close()


@pytest.fixture
async def there(client: httpx.AsyncClient, deliver: Deliver) -> dict[str, str]:
    """Return the parameters of paths, of things that are there."""
    facts = [POST, {**TOUCH, "person": "p1"}, {**DEAL, "revision": 0}]
    await deliver(facts)
    made = {}
    for name, path, body in (
        ("goal_id", "/v1/goals", GOOD["goals_create_goal"]),
        ("connection_id", "/v1/connections", {**CONNECTION, "source": "other"}),
        ("key_id", "/v1/keys", GOOD["keys_create_key"]),
        ("publication_id", "/v1/publications", {"from": "2024-01-01", "to": "2024-02-01"}),
    ):
        answer = await client.post(path, json=body | ({"note": "x"} if "from" in body else {}))
        assert answer.status_code == 201, answer.text
        made[name] = answer.json()["id"]
    return {**made, "kpi_id": "shares", "key": "exchange_rate.EUR", "delivery_id": made["goal_id"]}


def query_of(name: str) -> dict[str, str]:
    return dict(REQUESTS[name][2].get("params", {}))


class Sender:
    """Sends requests that differ from a good one, and keeps what is wrong with the answers."""

    def __init__(self, client: httpx.AsyncClient, there: Mapping[str, str]) -> None:
        self.client = client
        self.there = there
        self.faults: list[str] = []
        self.sent = 0

    async def send(
        self,
        name: str,
        operation: Operation,
        what: object,
        *,
        query: Sequence[tuple[str, str | bytes]] | None = None,
        path: Mapping[str, str] | None = None,
        content: bytes | None = None,
        media_type: str = JSON,
        may_be_taken: bool = False,
    ) -> httpx.Response:
        """Send one request: what is not given is as in the good one."""
        method, template, described = operation
        pairs = list(query_of(name).items()) if query is None else query
        if content is None and name in GOOD:
            content = json.dumps(GOOD[name]).encode()
        answer = await self.client.request(
            method,
            address(template, pairs, {**self.there, **(path or {})}),
            content=content,
            headers={"Content-Type": media_type} if content is not None else {},
        )
        self.sent += 1
        fault = fault_of(answer, may_be_taken=may_be_taken)
        if fault is None and str(answer.status_code) not in described["responses"]:
            fault = f"{answer.status_code} is not in the document: {answer.text[:200]}"
        if fault is not None:
            self.faults.append(f"{name} {str(what)[:120]!r}: {fault}")
        return answer


@pytest.fixture
def sender(client: httpx.AsyncClient, there: dict[str, str]) -> Sender:
    return Sender(client, there)


async def test_what_is_changed_is_taken_as_it_is(
    sender: Sender, document: Mapping[str, Any]
) -> None:
    """Else a refusal below would say nothing."""
    for name, operation in operations(document):
        body = operation[2].get("requestBody")
        if body and name != "facts_append_facts":
            schema = resolved(document, body["content"][JSON]["schema"])
            assert schema["properties"].keys() == GOOD[name].keys(), name
        answer = await sender.send(name, operation, "as it is", may_be_taken=True)
        assert answer.is_success or name in NOT_THERE, (name, answer.text)

    assert not sender.faults


async def test_hostile_parameters_are_refused(
    sender: Sender, document: Mapping[str, Any], prints: Prints
) -> None:
    before = await prints()
    met: set[str] = set()
    turn = count()

    for name, operation in operations(document):
        good = list(query_of(name).items())
        for parameter in operation[2].get("parameters", ()):
            key, schema = parameter["name"], parameter["schema"]
            values = list(refused_values(document, schema))
            # What is declared alike is read alike: all values once, then one of them in turn.
            kind = f"{key} {schema} {parameter['in']}"
            chosen = [values[next(turn) % len(values)]] if kind in met else values
            rest = [pair for pair in good if pair[0] != key]
            if parameter["in"] == "path":
                for value in filter(None, chosen):
                    await sender.send(name, operation, (key, value), path={key: value})
                continue
            for value in chosen:
                await sender.send(name, operation, (key, value), query=[*rest, (key, value)])
            if kind not in met:
                several = 1_500 if resolved(document, schema).get("type") == "array" else 2
                query = [*rest, *[(key, "1")] * several]
                await sender.send(name, operation, (key, several), query=query)
            met.add(kind)
        await sender.send(name, operation, "unknown", query=[*good, (CANARY, "1")])

    assert not sender.faults, "\n".join(sender.faults)
    assert await prints() == before
    assert len(met) > 50


async def test_parameters_may_be_called_anything(
    sender: Sender, document: Mapping[str, Any]
) -> None:
    turn = count()

    for name, operation in operations(document):
        good = list(query_of(name).items())
        for parameter in operation[2].get("parameters", ()) if operation[0] == "get" else ():
            key, values = parameter["name"], wild_values(document, parameter["schema"])
            if values and parameter["in"] == "query":
                value = values[next(turn) % len(values)]
                pairs = [*(pair for pair in good if pair[0] != key), (key, value)]
                await sender.send(name, operation, (key, value), query=pairs, may_be_taken=True)

    assert not sender.faults, "\n".join(sender.faults)
    assert sender.sent > 50


async def test_hostile_bodies_are_refused_and_write_nothing(
    sender: Sender, document: Mapping[str, Any], prints: Prints
) -> None:
    before = await prints()
    turn = count()

    for name, operation in operations(document):
        if name not in GOOD:
            continue
        for content in BODIES:
            await sender.send(name, operation, content, content=content)
        for media_type in MEDIA_TYPES:
            await sender.send(name, operation, media_type, media_type=media_type)
        more = json.dumps({**GOOD[name], CANARY: 1}).encode()
        await sender.send(name, operation, "more", content=more)
        for place in places_of(GOOD[name]):
            for _ in range(3):
                raw = REFUSED_JSON[next(turn) % len(REFUSED_JSON)]
                content = with_raw(GOOD[name], place, raw)
                await sender.send(name, operation, (place, raw), content=content)

    assert not sender.faults, "\n".join(sender.faults)
    assert await prints() == before


async def test_whatever_is_refused_writes_nothing(
    sender: Sender, document: Mapping[str, Any], prints: Prints
) -> None:
    turn = count()
    refused = []

    for name, operation in operations(document):
        for place in places_of(GOOD.get(name, ())):
            for _ in range(2):
                raw = WILD_JSON[next(turn) % len(WILD_JSON)]
                content, what = with_raw(GOOD[name], place, raw), (place, raw)
                answer = await sender.send(
                    name, operation, what, content=content, may_be_taken=True
                )
                if answer.is_error:
                    refused.append((name, operation, what, content))
    # What was taken has been written by now: the rest once more, and nothing else happens.
    before = await prints()
    for name, operation, what, content in refused:
        await sender.send(name, operation, what, content=content)

    assert not sender.faults, "\n".join(sender.faults)
    assert await prints() == before
    assert len(refused) > 60


async def test_no_field_of_any_kind_of_fact_breaks_the_door(
    sender: Sender, document: Mapping[str, Any], prints: Prints
) -> None:
    operation = dict(operations(document))["facts_append_facts"]
    kinds = {one.kind: json.loads(one.model_dump_json(exclude_none=True)) for one in told()}
    assert kinds.keys() == FACT_KINDS.keys()
    before = await prints()
    turn = count()

    for kind, body in kinds.items():
        for place in places_of(body):
            wild = WILD_JSON[next(turn) % len(WILD_JSON)]
            # Together with one that is none: the batch is refused, whatever the field takes.
            content = b'{"facts": [{}, ' + with_raw(body, place, wild) + b"]}"
            await sender.send("facts_append_facts", operation, (kind, place, wild), content=content)

    assert not sender.faults, "\n".join(sender.faults)
    assert await prints() == before


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (b"Authorization", b"Bearer " + b"x" * 8_000),
        (b"Authorization", b"Bearer \xff\xfe"),
        (b"Authorization", b"Basic Og=="),
        (b"Authorization", b""),
        (b"X-API-Key", b"earned_live_AAAAAAAA_' OR 1=1 --"),
    ],
)
async def test_a_hostile_key_is_no_key(
    header: bytes, value: bytes, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/v1/organization", headers={header: value})

    assert fault_of(answer, may_be_taken=False) is None
    assert answer.status_code == 401


async def test_other_methods_and_paths_are_refused(
    client: httpx.AsyncClient, document: Mapping[str, Any]
) -> None:
    requests = [
        (method, path.replace("{", "").replace("}", ""))
        for path, methods in document["paths"].items()
        for method in {"put", "patch", "delete", "options"} - methods.keys()
    ]
    nowhere = ("/v1", "/v1/", "/v1/kpis/", "/v1/%2e%2e/%2e%2e/etc/passwd", "/v2/kpis")
    requests += [("get", path) for path in nowhere]

    answers = [await client.request(method, path) for method, path in requests]

    faults = [fault_of(answer, may_be_taken=False) for answer in answers]
    assert not [fault for fault in faults if fault]
    assert {answer.status_code for answer in answers} == {404, 405}
