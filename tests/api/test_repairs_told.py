"""A repair moves a figure on its own day, and is told apart from the facts of that day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.metrics.verify import repair
from shared import clock
from shared.db import Database
from shared.orgs import Org
from tests.api.conftest import Fold
from tests.integration.test_verify import by_hand

RECORDED = datetime(2025, 4, 28, 12, tzinfo=UTC)
REPAIRED = RECORDED + timedelta(days=7)
MARCH = {"kpi": "shares", "from": "2025-03-01", "to": "2025-04-01"}


async def get(client: httpx.AsyncClient, path: str, **query: str) -> Any:
    response = await client.get(f"/v1/{path}", params={**MARCH, **query})
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_repair_is_no_work_of_facts(
    client: httpx.AsyncClient,
    database: Database,
    database_url: str,
    org: Org,
    fold: Fold,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "now", lambda: RECORDED)
    shares = [
        {
            "kind": "post.published",
            "source": "s",
            "external_id": f"p{number}",
            "occurred_at": "2025-03-10T10:00:00Z",
            "post": f"p{number}",
            "employee": "E1",
        }
        for number in range(3)
    ]
    assert (await client.post("/v1/facts", json=shares)).status_code == 200
    await fold(org)
    await by_hand(database_url, "DELETE FROM rollup_change WHERE org_id = $1", org.id)

    monkeypatch.setattr(clock, "now", lambda: REPAIRED)
    assert (await repair(database, org.id)).after.mismatches == 0

    told = await get(client, "restatements")
    days = [(move["day"], move["moved"]) for move in told["restatements"]]
    assert days[-1] == (REPAIRED.date().isoformat(), "3")
    moved = await get(client, "restatements/facts", day=REPAIRED.date().isoformat())
    assert moved["facts"] == []
    (mended,) = [r for r in moved["repairs"] if r["measure"] == "shares"]
    assert (mended["day"], mended["before"], mended["after"]) == ("2025-03-10", "0", "3")
    before = await get(client, "restatements/facts", day=RECORDED.date().isoformat())
    assert (len(before["facts"]), before["repairs"]) == (3, [])
