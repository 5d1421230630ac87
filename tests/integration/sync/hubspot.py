"""HubSpot as polling sees it: contacts and deals, and a look-alike that answers with them."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.db import Database
from shared.orgs import Org
from tests.integration.vendor_support import Polling, polling

__all__ = ["FakeHubSpot", "connected", "contact", "deal"]

_PIPELINES = {
    "results": [
        {
            "id": "default",
            "stages": [
                {"id": "open", "metadata": {"isClosed": "false", "probability": "0.4"}},
                {"id": "won", "metadata": {"isClosed": "true", "probability": "1.0"}},
                {"id": "lost", "metadata": {"isClosed": "true", "probability": "0.0"}},
            ],
        }
    ]
}


def contact(number: int, **properties: Any) -> dict[str, Any]:
    """Return a contact as HubSpot shows it, modified ``number`` minutes into 2025."""
    modified = f"2025-01-01T{number // 60:02}:{number % 60:02}:00.000Z"
    return {
        "id": str(1000 + number),
        "archived": False,
        "properties": {
            "createdate": "2025-01-01T00:00:00.000Z",
            "email": f"buyer-{number}@client.example",
            "hs_analytics_source": "SOCIAL_MEDIA",
            "lastmodifieddate": modified,
            **properties,
        },
    }


def deal(number: int, **properties: Any) -> dict[str, Any]:
    """Return an open deal as HubSpot shows it."""
    return {
        "id": str(9000 + number),
        "archived": False,
        "properties": {
            "amount": "100.00",
            "closedate": None,
            "createdate": "2025-01-01T00:00:00.000Z",
            "deal_currency_code": "USD",
            "dealstage": "open",
            "hs_lastmodifieddate": "2025-01-02T00:00:00.000Z",
            "pipeline": "default",
            **properties,
        },
    }


class FakeHubSpot:
    """Answers searches with what the test put here; ``answer`` replaces the next answers."""

    def __init__(self) -> None:
        self.contacts: list[dict[str, Any]] = []
        self.deals: list[dict[str, Any]] = []
        self.page_size = 200
        self.searches = 0
        self.answer: Any = None
        self.gate: asyncio.Event | None = None

    def __call__(self, request: Request, body: dict[str, Any]) -> Response:
        path = request.url.path
        if path.endswith("/pipelines/deals"):
            return JSONResponse(_PIPELINES)
        if "/associations/" in path:
            results = [
                {"from": {"id": entry["id"]}, "to": [{"toObjectId": 1002}, {"toObjectId": 1001}]}
                for entry in body["inputs"]
            ]
            return JSONResponse({"status": "COMPLETE", "results": results}, 207)
        records = self.contacts if "/contacts/" in path else self.deals
        if path.endswith("/batch/read"):
            wanted = {entry["id"] for entry in body["inputs"]}
            return JSONResponse({"results": [r for r in records if r["id"] in wanted]})
        self.searches += 1
        if self.answer is not None:
            response: Response = self.answer(self.searches)
            return response
        return JSONResponse(self._found(records, body))

    def _found(self, records: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
        """Return a page of what was modified since, in its order: as HubSpot, by a mere offset."""
        (since,) = body["filterGroups"][0]["filters"]

        def modified(record: dict[str, Any]) -> int:
            instant = datetime.fromisoformat(record["properties"][since["propertyName"]])
            return int(instant.timestamp() * 1000)

        found = sorted(filter(lambda r: modified(r) >= int(since["value"]), records), key=modified)
        end = int(body.get("after", "0")) + self.page_size
        answer: dict[str, Any] = {
            "total": len(found),
            "results": found[end - self.page_size : end],
        }
        if end < len(found):
            answer["paging"] = {"next": {"after": str(end)}}
        return answer


def connected(database: Database, org: Org, url: str) -> AbstractAsyncContextManager[Polling]:
    """Return a connection to the look-alike at ``url``, ready to be polled."""
    return polling(
        database,
        org,
        provider="hubspot",
        config={"base_url": url},
        auth={"type": "token", "access_token": "a-token"},
    )
