"""The line that a request leaves in the log says whose it was, and nothing that opens a door."""

from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from shared.observability.logging import configure_logging
from shared.orgs import Org
from tests.api.conftest import MakeClient, anonymous


def requests(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    events = [orjson.loads(line) for line in capsys.readouterr().out.split("\n") if line]
    return [event for event in events if event["event"] == "http.request"]


async def test_a_request_is_logged_with_its_organization_and_key(
    client: httpx.AsyncClient, client_of: MakeClient, org: Org, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = client.headers["Authorization"].removeprefix("Bearer ")
    key_id = secret.split("_")[2]
    poor = await client_of(org, ["links:read"])
    configure_logging(component="api")

    await client.get("/v1/organization")
    await client.get("/v1/kpis/none/series?from=2025-01-01&to=2025-02-01")
    await poor.get("/v1/organization")

    answered, missing, forbidden = requests(capsys)
    for event, status in ((answered, 200), (missing, 404), (forbidden, 403)):
        assert (event["status"], event["org_id"]) == (status, str(org.id))
        assert secret not in str(event)
    assert answered["key_id"] == missing["key_id"] == key_id != forbidden["key_id"]


async def test_a_caller_who_was_not_let_in_is_nobody(
    app: FastAPI, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(component="api")

    async with anonymous(app) as client:
        await client.get("/v1/organization", headers={"X-API-Key": "earned_live_AAAAAAAA_x"})

    (event,) = requests(capsys)
    assert event["status"] == 401
    assert not {"org_id", "key_id"} & event.keys()
