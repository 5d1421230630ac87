"""From a delivery's request to its figure: each that handles it names the request or the positions.

The collector, its worker and the fold log through one pipeline here, as three processes do each.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
import pytest_asyncio

from services.collector.http.client import UpstreamClient
from services.collector.worker import make_work
from services.metrics.worker import catch_up
from shared.db import Database
from shared.links import create_link
from shared.observability.logging import configure_logging
from shared.orgs import Org
from shared.queue import Queue, Task
from shared.web.state import Resources
from tests.integration.collector_server import NO_REDIS, keyring, running_collector
from tests.integration.fake_hubspot import FakeHubSpot
from tests.integration.hubspot_deliveries import connect_hubspot, deliver, delivery, event

Line = dict[str, Any]


@pytest.fixture
def hubspot() -> FakeHubSpot:
    return FakeHubSpot()


@pytest_asyncio.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with running_collector(database_url) as running:
        configure_logging(component="collector")
        yield running.client


@pytest_asyncio.fixture
async def process(database: Database, hubspot: FakeHubSpot) -> AsyncIterator[Task]:
    queue = Queue.connect(NO_REDIS)
    upstream = UpstreamClient(allow_private=True, transport=hubspot.transport)
    yield make_work(Resources(database, queue, keyring()), upstream).tasks["inbox"]
    await upstream.aclose()
    await queue.close()


@pytest_asyncio.fixture
async def connection_id(database: Database, org: Org) -> UUID:
    return await connect_hubspot(database, org)


def lines(capsys: pytest.CaptureFixture[str]) -> list[Line]:
    return [orjson.loads(line) for line in capsys.readouterr().out.split("\n") if line]


def of(logged: list[Line], name: str) -> list[Line]:
    return [line for line in logged if line["event"] == name]


async def test_a_delivery_is_followed_from_its_request_to_the_fold(
    client: httpx.AsyncClient,
    database: Database,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for number in (1, 2):
        hubspot.put_deal(number)
    answers = [await deliver(client, connection_id, delivery(event(n))) for n in (1, 2, 2)]
    await process(org.id)
    await catch_up(database, org.id)

    logged = lines(capsys)
    requests = of(logged, "http.request")
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert [line["request_id"] for line in requests] == ids
    assert [line["outcome"] for line in requests] == ["accepted", "accepted", "duplicate"]
    assert {line["org_id"] for line in requests} == {str(org.id)}
    # A repetition names the delivery that it repeats, whose line has the request of the first.
    assert requests[1]["delivery_id"] == requests[2]["delivery_id"] != requests[0]["delivery_id"]
    booked = {line["request_id"]: line for line in of(logged, "delivery.booked")}
    assert set(booked) == set(ids[:2])
    assert [booked[i]["delivery_id"] for i in ids[:2]] == [r["delivery_id"] for r in requests[:2]]
    (batch,) = of(logged, "fold.batch")
    # The two were read from the vendor together, so they share what was written.
    assert {(line["first_position"], line["last_position"]) for line in booked.values()} == {
        (batch["first_position"], batch["last_position"])
    }
    assert batch["last_position"] > 0


async def test_a_delivery_that_is_put_off_names_its_request_and_the_reason(
    client: httpx.AsyncClient,
    org: Org,
    connection_id: UUID,
    hubspot: FakeHubSpot,
    process: Task,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hubspot.poison = "13"
    answer = await deliver(client, connection_id, delivery(event(13)))

    await process(org.id)

    (put_off,) = of(lines(capsys), "delivery.put_off")
    assert put_off["request_id"] == answer.headers["X-Request-Id"]
    assert (put_off["reason"], put_off["attempts"]) == ("unexpected", 1)
    assert put_off["is_quarantined"] is False


async def test_a_forged_delivery_names_its_endpoint_and_wrote_nothing(
    client: httpx.AsyncClient, org: Org, connection_id: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    await deliver(client, connection_id, delivery(event(1)), secret="another")

    (request,) = of(lines(capsys), "http.request")
    assert (request["status"], request["connection_id"]) == (401, str(connection_id))
    assert not {"delivery_id", "outcome", "first_position"} & request.keys()


async def test_a_click_names_the_positions_it_was_written_with(
    client: httpx.AsyncClient, database: Database, org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    async with database.session(org.id) as session:
        link = await create_link(
            session,
            org.id,
            target_url="https://www.example.com/",
            employee="E1",
            network="linkedin",
            campaign="spring",
            content="article-1",
        )

    await client.get(f"/l/{link.code}")
    await client.get(f"/l/{link.code}")

    requests = of(lines(capsys), "http.request")
    assert [line["org_id"] for line in requests] == [str(org.id)] * 2
    assert [(line["first_position"], line["last_position"]) for line in requests] == [
        (1, 1),
        (2, 2),
    ]
