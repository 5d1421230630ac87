"""Webhook deliveries over a socket: kept once, answered after the commit, or refused unwritten."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import pytest_asyncio
from asyncpg import Record

from shared.db import Database
from shared.observability import metrics
from shared.orgs import Org, create_org
from tests.integration.collector_server import (
    RunningCollector,
    running_collector,
    status_of_announced,
)
from tests.integration.hubspot_deliveries import (
    SECRET,
    connect_hubspot,
    deliver,
    delivery,
    event,
    rotate_secrets,
    signed,
)


@pytest_asyncio.fixture
async def collector(database_url: str) -> AsyncIterator[RunningCollector]:
    async with running_collector(database_url) as running:
        yield running


@pytest.fixture
def client(collector: RunningCollector) -> httpx.AsyncClient:
    return collector.client


@asynccontextmanager
async def full_disk(database_url: str) -> AsyncIterator[None]:
    """Let statements on the inbox succeed and their COMMIT fail."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;"
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON inbox"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        yield
    finally:
        await connection.execute("DROP FUNCTION refuse CASCADE")
        await connection.close()


@pytest_asyncio.fixture
async def connection_id(database: Database, org: Org) -> UUID:
    return await connect_hubspot(database, org)


async def kept(database: Database, org: Org) -> list[Record]:
    async with database.transaction(org.id) as connection:
        return await connection.fetch("SELECT * FROM inbox ORDER BY id")


async def test_a_delivery_is_kept_before_it_is_acknowledged(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    body = delivery(event())

    answer = await deliver(client, connection_id, body)
    rows = await kept(database, org)

    assert (answer.status_code, answer.content) == (202, b"")
    assert [(row["body"], row["state"], row["connection_id"]) for row in rows] == [
        (body, "received", connection_id)
    ]
    assert "x-hubspot-request-timestamp" in rows[0]["headers"]
    assert "signature" not in rows[0]["headers"]


async def test_twenty_at_once_are_one_and_all_are_acknowledged(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    body = delivery(event(1), event(2))

    answers = await asyncio.gather(*(deliver(client, connection_id, body) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {202}
    assert len(await kept(database, org)) == 1


async def test_a_crowd_of_different_deliveries_is_kept_whole(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    bodies = [delivery(event(number)) for number in range(50)]

    answers = await asyncio.gather(*(deliver(client, connection_id, body) for body in bodies))

    assert {answer.status_code for answer in answers} == {202}
    assert {row["body"] for row in await kept(database, org)} == set(bodies)


async def test_another_attempt_is_the_same_delivery(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    await deliver(client, connection_id, delivery(event(1), event(2)))

    answer = await deliver(
        client, connection_id, delivery(event(2, attemptNumber=1), event(1, attemptNumber=1))
    )

    assert answer.status_code == 202
    assert len(await kept(database, org)) == 1


async def test_another_content_under_the_same_identity_is_put_aside_once(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    first = delivery(event(propertyValue="10000"))
    forged = delivery(event(propertyValue="99999"))
    await deliver(client, connection_id, first)

    answers = [await deliver(client, connection_id, forged) for _ in range(2)]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (409, "conflicting_delivery")
    ] * 2
    assert [(row["body"], row["state"], row["reason"]) for row in await kept(database, org)] == [
        (first, "received", None),
        (forged, "quarantined", "conflict"),
    ]


async def test_one_batch_with_both_contents_keeps_the_first_and_says_so(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    bodies = [delivery(event(propertyValue=str(number))) for number in range(6)]

    answers = await asyncio.gather(*(deliver(client, connection_id, body) for body in bodies))

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5
    states = [row["state"] for row in await kept(database, org)]
    assert sorted(states) == ["quarantined"] * 5 + ["received"]


async def test_what_the_connector_does_not_know_is_kept_for_the_inbox_to_judge(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    answers = [
        await deliver(client, connection_id, body)
        for body in (b'{"unknown":1}', b'{"unknown":1}', delivery(event(objectId="x")))
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len(await kept(database, org)) == 2


SIGNATURES: dict[str, Callable[[str, bytes], dict[str, str]]] = {
    "none": lambda path, body: {},
    "other secret": lambda path, body: signed(path, body, secret="another"),
    "empty secret": lambda path, body: signed(path, body, secret=""),
    "other body": lambda path, body: signed(path, body + b" "),
    "other address": lambda path, body: signed("/webhooks/hubspot/other", body),
    "no time": lambda path, body: _without(signed(path, body), "X-HubSpot-Request-Timestamp"),
    "time is no number": lambda path, body: (
        signed(path, body) | {"X-HubSpot-Request-Timestamp": "1.7e12"}
    ),
    "time is NaN": lambda path, body: signed(path, body) | {"X-HubSpot-Request-Timestamp": "NaN"},
    "other version": lambda path, body: _renamed(signed(path, body), "X-HubSpot-Signature"),
    "ten thousand": lambda path, body: (
        signed(path, body) | {"X-HubSpot-Signature-v3": ",".join(["v0=x"] * 10_000)}
    ),
}


def _without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def _renamed(headers: dict[str, str], name: str) -> dict[str, str]:
    return _without(headers, "X-HubSpot-Signature-v3") | {name: headers["X-HubSpot-Signature-v3"]}


@pytest.mark.parametrize("case", SIGNATURES)
async def test_a_delivery_that_proves_nothing_is_refused(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID, case: str
) -> None:
    path, body = f"/webhooks/hubspot/{connection_id}", delivery(event())

    answer = await client.post(path, content=body, headers=SIGNATURES[case](path, body))

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert await kept(database, org) == []


async def test_a_signature_that_is_not_ascii_is_wrong_and_no_error(
    client: httpx.AsyncClient, connection_id: UUID
) -> None:
    path, body = f"/webhooks/hubspot/{connection_id}", delivery(event())
    headers = signed(path, body) | {"X-HubSpot-Signature-v3": "ſ€"}

    answer = await client.post(
        path,
        content=body,
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("seconds", [-301, -86_400 * 365, 301, 86_400])
async def test_a_delivery_from_another_time_is_stale(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID, seconds: int
) -> None:
    path, body = f"/webhooks/hubspot/{connection_id}", delivery(event())

    answer = await client.post(
        path, content=body, headers=signed(path, body, sent_at=time.time() + seconds)
    )

    assert (answer.status_code, answer.json()["code"]) == (401, "stale_delivery")
    assert await kept(database, org) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"1", b"\xff\xfe[]", b"[" * 100_000, b"[" * 300 + b"]" * 300, b"NaN"],
)
async def test_a_signed_body_that_is_no_document_is_malformed(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID, body: bytes
) -> None:
    answer = await deliver(client, connection_id, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_delivery")
    assert await kept(database, org) == []


async def test_unknown_connections_and_other_vendors_get_one_answer(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    without_secret = await connect_hubspot(database, org, source="second", secrets=())
    paths = [
        f"/webhooks/hubspot/{uuid4()}",
        "/webhooks/hubspot/not-an-id",
        f"/webhooks/linkedin/{connection_id}",
        f"/webhooks/nobody/{connection_id}",
        f"/webhooks/hubspot/{without_secret}",
    ]
    body = delivery(event())

    answers = [await client.post(path, content=body, headers=signed(path, body)) for path in paths]

    shapes = [{**answer.json(), "instance": "", "request_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert all(shape == shapes[0] for shape in shapes)
    assert await kept(database, org) == []


async def test_the_secret_of_another_organization_opens_nothing(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    async with database.transaction() as connection:
        other = await create_org(connection, name="Other", time_zone="UTC", currency="EUR")
    await connect_hubspot(database, other, secrets=["their-secret"])

    answer = await deliver(client, connection_id, delivery(event()), secret="their-secret")

    assert answer.status_code == 401
    assert await kept(database, org) == [] == await kept(database, other)


async def test_a_rotated_secret_works_at_once_and_the_old_one_until_it_is_dropped(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID
) -> None:
    async def statuses(number: int) -> list[int]:
        return [
            (
                await deliver(client, connection_id, delivery(event(number)), secret=secret)
            ).status_code
            for secret in ("the-new-secret", SECRET)
        ]

    before = await statuses(1)
    await rotate_secrets(database, org, connection_id, ["the-new-secret", SECRET])
    during = await statuses(2)
    await rotate_secrets(database, org, connection_id, ["the-new-secret"])
    # What was remembered before is forgotten at the first delivery it does not explain.
    await deliver(client, connection_id, delivery(event(3)), secret="no-secret")
    after = await statuses(4)

    assert (before, during, after) == ([401, 202], [202, 202], [202, 401])


async def test_a_body_beyond_the_limit_is_refused_while_it_is_read(
    collector: RunningCollector, database: Database, org: Org, connection_id: UUID
) -> None:
    path = f"/webhooks/hubspot/{connection_id}"
    announced = await status_of_announced(collector.port, path, 1024 * 1024 + 1)
    endless = await _send_endlessly(collector.port, path)

    assert announced == 413
    assert endless.startswith(b"HTTP/1.1 413 ")
    assert await kept(database, org) == []


async def _send_endlessly(port: int, path: str) -> bytes:
    """Send chunks without end until the server answers; return the answer's status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    answer = asyncio.create_task(reader.readline())
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    try:
        while not answer.done():
            writer.write(chunk)
            await writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass
    line = await answer
    writer.close()
    return line


async def test_a_refused_commit_is_never_acknowledged(
    client: httpx.AsyncClient, database: Database, org: Org, connection_id: UUID, database_url: str
) -> None:
    async with full_disk(database_url):
        refused = await deliver(client, connection_id, delivery(event()))
    rows = await kept(database, org)
    again = await deliver(client, connection_id, delivery(event()))

    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert int(refused.headers["retry-after"]) >= 1
    assert rows == []
    assert again.status_code == 202


async def test_what_a_database_that_is_away_keeps_from_being_verified_is_counted() -> None:
    """`WebhookIngestFailing` goes by it: nothing of the vendor's is stored meanwhile."""
    unavailable = metrics.WEBHOOK_DELIVERIES.labels("hubspot", "unavailable")
    before = unavailable._value.get()

    async with running_collector("postgresql://nobody@127.0.0.1:1/none") as collector:
        refused = await deliver(collector.client, uuid4(), delivery(event()))
        elsewhere = await collector.client.post(f"/webhooks/nowhere/{uuid4()}", content=b"[]")
        exposed = (await collector.client.get("/metrics")).text

    assert (refused.status_code, elsewhere.status_code) == (503, 503)
    assert unavailable._value.get() == before + 1
    assert "nowhere" not in exposed


async def test_outcomes_are_counted_by_provider_and_route_template(
    client: httpx.AsyncClient, connection_id: UUID
) -> None:
    await deliver(client, connection_id, delivery(event()))
    await deliver(client, connection_id, delivery(event()))
    await deliver(client, connection_id, delivery(event()), secret="another")
    await client.post(f"/webhooks/visible-nowhere/{uuid4()}", content=b"[]")

    exposed = (await client.get("/metrics")).text

    for outcome in ("accepted", "duplicate", "bad_signature"):
        line = f'earned_webhook_deliveries_total{{outcome="{outcome}",provider="hubspot"}}'
        assert f"{line} 0.0" not in exposed
        assert line in exposed
    template = "/webhooks/{provider}/{connection_id:uuid}"
    assert f'route="{template}",status_class="2xx"}} 0.0' not in exposed
    assert "visible-nowhere" not in exposed
    assert str(connection_id) not in exposed
