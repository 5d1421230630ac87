"""HubSpot's read endpoints behind a fake transport: what the inbox talks to in tests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

_STAGES = [("open", "false", "0.2"), ("won", "true", "1.0"), ("lost", "true", "0.0")]


@dataclass
class FakeHubSpot:
    """Answers batch reads of deals, while it may answer; breaks at every read of ``poison``.
    ``contacts`` are those of the deals; ``failing`` is the (status, document) to come instead."""

    deals: dict[str, dict[str, str | None]] = field(default_factory=dict)
    contacts: dict[str, list[int]] = field(default_factory=dict)
    failing: tuple[int, dict[str, Any]] | None = None
    poison: str | None = None
    reads: list[list[str]] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    @property
    def times_read(self) -> Counter[str]:
        """How often each deal was read."""
        return Counter(deal for read in self.reads for deal in read)

    @property
    def transport(self) -> httpx.MockTransport:
        """A transport that ends here."""
        return httpx.MockTransport(self._answer)

    def put_deal(self, number: int, **properties: str | None) -> None:
        """Let a deal be won for 1,000.00 USD, unless said otherwise."""
        self.deals[str(number)] = {
            "amount": "1000.00",
            "closedate": "2025-03-01T10:00:00.000Z",
            "createdate": "2025-01-01T10:00:00.000Z",
            "deal_currency_code": "USD",
            "dealstage": "won",
            "hs_lastmodifieddate": "2025-03-01T10:00:00.000Z",
            "pipeline": "default",
            **properties,
        }

    def _associated(self, deals: list[str]) -> list[dict[str, Any]]:
        return [
            {"from": {"id": deal}, "to": [{"toObjectId": contact} for contact in contacts]}
            for deal in deals
            if (contacts := self.contacts.get(deal))
        ]

    def _deals_of(self, contacts: list[str]) -> dict[str, Any]:
        found = {
            contact: [deal for deal, of in self.contacts.items() if int(contact) in of]
            for contact in contacts
        }
        alone = {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}
        return {
            "results": [
                {"from": {"id": contact}, "to": [{"toObjectId": int(deal)} for deal in deals]}
                for contact, deals in found.items()
                if deals
            ],
            "errors": [alone for deals in found.values() if not deals],
        }

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.was_asked.set()
        await self.may_answer.wait()
        if self.failing is not None:
            return _json(*self.failing)
        match request.url.path:
            case "/crm/v3/pipelines/deals":
                return _json(200, _pipelines())
            case "/crm/v4/associations/deals/contacts/batch/read":
                asked = [entry["id"] for entry in orjson.loads(request.content)["inputs"]]
                return _json(200, {"status": "COMPLETE", "results": self._associated(asked)})
            case "/crm/v4/associations/contacts/deals/batch/read":
                asked = [entry["id"] for entry in orjson.loads(request.content)["inputs"]]
                return _json(207, self._deals_of(asked))
            case "/crm/v3/objects/contacts/batch/read":
                ids = [entry["id"] for entry in orjson.loads(request.content)["inputs"]]
                return _json(200, {"status": "COMPLETE", "results": [_contact(n) for n in ids]})
            case "/crm/v3/objects/contacts/search" | "/crm/v3/objects/deals/search":
                return _json(200, {"total": 0, "results": []})
            case "/crm/v3/objects/deals/batch/read":
                ids = [entry["id"] for entry in orjson.loads(request.content)["inputs"]]
                self.reads.append(ids)
                if self.poison in ids:
                    raise RuntimeError("nobody expected this")
                found = [
                    {"id": deal, "properties": self.deals[deal], "archived": False}
                    for deal in ids
                    if deal in self.deals
                ]
                return _json(200, {"status": "COMPLETE", "results": found})
        raise AssertionError(f"unexpected call: {request.url.path}")


def _contact(contact: str) -> dict[str, Any]:
    properties = {
        "createdate": "2024-12-01T10:00:00.000Z",
        "email": f"{contact}@client.example",
        "hs_additional_emails": "",
        "lastmodifieddate": "2025-03-01T10:00:00.000Z",
    }
    return {"id": contact, "properties": properties, "archived": False}


def _json(status: int, document: dict[str, Any]) -> httpx.Response:
    """Return an answer whose body has yet to be read, as a real one's has."""

    async def body() -> AsyncIterator[bytes]:
        yield orjson.dumps(document)

    return httpx.Response(status, headers={"Content-Type": "application/json"}, content=body())


def _pipelines() -> dict[str, Any]:
    stages = [
        {"id": stage, "metadata": {"isClosed": is_closed, "probability": probability}}
        for stage, is_closed, probability in _STAGES
    ]
    return {"results": [{"id": "default", "stages": stages}]}
