"""From a request to its figure: its line names its positions, and the fold's lines name theirs."""

from typing import Any

import httpx
import orjson
import pytest

from services.metrics.worker import catch_up
from shared.db import Database
from shared.observability.logging import configure_logging
from shared.orgs import Org
from tests.api.asking import assume
from tests.api.test_other_currencies import cost

TRACE = "trace-of-a-partner"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().out.split("\n") if line]


async def send(client: httpx.AsyncClient, path: str, body: object) -> None:
    answer = await client.post(path, json=body, headers={"X-Request-Id": TRACE})
    assert (answer.status_code, answer.headers["X-Request-Id"]) == (200, TRACE), answer.text


async def test_posted_facts_are_followed_to_the_fold_that_made_a_figure_of_them(
    client: httpx.AsyncClient, database: Database, org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    await send(client, "/v1/facts", [cost("1", "10", "USD"), cost("2", "10", "USD")])
    await catch_up(database, org.id)
    configure_logging(component="api")
    capsys.readouterr()

    await send(
        client,
        "/v1/facts",
        [cost("2", "10", "USD"), cost("1", "12.50", "USD"), cost("3", "1", "USD")],
    )
    await catch_up(database, org.id)

    request, batch = lines(capsys)
    assert (request["event"], request["request_id"]) == ("http.request", TRACE)
    assert request["org_id"] == str(org.id)
    # A correction is two entries, what is unchanged is none.
    assert (request["first_position"], request["last_position"]) == (3, 5)
    assert batch["event"] == "fold.batch"
    assert (batch["first_position"], batch["last_position"], batch["entries"]) == (3, 5, 3)
    async with database.transaction(org.id) as connection:
        moved = await connection.fetchval(
            "SELECT count(*) FROM rollup_change WHERE org_id = $1 AND position = $2",
            org.id,
            batch["last_position"],
        )
    assert moved > 0


async def test_what_says_nothing_new_has_no_positions(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await send(client, "/v1/facts", [cost("1", "10", "USD")])
    configure_logging(component="api")
    capsys.readouterr()

    await send(client, "/v1/facts", [cost("1", "10", "USD")])
    await client.post("/v1/facts", json=[cost("2", "a lot", "USD")])

    again, refused = lines(capsys)
    assert (again["status"], refused["status"]) == (200, 422)
    assert not {"first_position", "last_position"} & (again.keys() | refused.keys())


async def test_a_withdrawal_and_a_conversion_are_followed_too(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await assume(client, "exchange_rate.EUR", "1.10")
    dollars, euros = cost("1", "10", "USD"), cost("2", "10", "EUR")
    await send(client, "/v1/facts", [dollars, euros])
    await assume(client, "exchange_rate.EUR", "1.20")
    identity = {name: dollars[name] for name in ("source", "kind", "external_id")}
    configure_logging(component="api")
    capsys.readouterr()

    await send(client, "/v1/facts/retract", {"identities": [identity]})
    await send(client, "/v1/assumptions/exchange_rate.EUR/conversions", None)

    withdrawn, converted = lines(capsys)
    assert (withdrawn["first_position"], withdrawn["last_position"]) == (3, 3)
    assert (converted["first_position"], converted["last_position"]) == (4, 5)
