"""Signed HubSpot deliveries and the connection that receives them, for tests of webhooks."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import httpx
import orjson

from services.collector.connections import (
    ConnectionChange,
    NewConnection,
    create_connection,
    update_connection,
)
from shared.db import Database
from shared.orgs import Org
from tests.integration.collector_server import PUBLIC_URL, keyring

SECRET = "hubspot-client-secret-example"


def event(object_id: int = 1, **changes: Any) -> dict[str, Any]:
    """Return one event of a delivery, as HubSpot sends them."""
    return {
        "eventId": 1000 + object_id,
        "subscriptionId": 6547118,
        "portalId": 4899,
        "appId": 395,
        "occurredAt": 1782371971992,
        "subscriptionType": "deal.creation",
        "attemptNumber": 0,
        "objectId": object_id,
        "changeSource": "CRM",
        "changeFlag": "CREATED",
        **changes,
    }


def delivery(*events: dict[str, Any]) -> bytes:
    """Return the body of a delivery of ``events``."""
    return orjson.dumps(list(events))


def signed(
    path: str, body: bytes, *, secret: str = SECRET, sent_at: float | None = None
) -> dict[str, str]:
    """Return the headers of a delivery: signature version 3 over the public address."""
    sent_ms = str(int((time.time() if sent_at is None else sent_at) * 1000))
    text = f"POST{PUBLIC_URL}{path}".encode() + body + sent_ms.encode()
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-HubSpot-Request-Timestamp": sent_ms,
        "X-HubSpot-Signature-v3": base64.b64encode(digest).decode(),
    }


async def deliver(
    client: httpx.AsyncClient, connection_id: UUID, body: bytes, *, secret: str = SECRET
) -> httpx.Response:
    """Send a delivery the way HubSpot does."""
    path = f"/webhooks/hubspot/{connection_id}"
    return await client.post(path, content=body, headers=signed(path, body, secret=secret))


async def connect_hubspot(
    database: Database,
    org: Org,
    *,
    source: str = "hubspot",
    secrets: Sequence[str] = (SECRET,),
    base_url: str = "https://api.hubapi.com",
) -> UUID:
    """Store a HubSpot connection whose webhooks are signed with ``secrets``; return its id."""
    new = NewConnection(
        provider="hubspot",
        source=source,
        name="Test",
        config={"base_url": base_url},
        credentials=_credentials(secrets),
    )
    async with database.transaction(org.id) as connection:
        return await create_connection(connection, keyring(), org.id, new, allow_private=True)


async def rotate_secrets(
    database: Database, org: Org, connection_id: UUID, secrets: Sequence[str]
) -> None:
    """Replace the webhook secrets of a connection."""
    change = ConnectionChange(credentials=_credentials(secrets))
    async with database.transaction(org.id) as connection:
        await update_connection(connection, keyring(), org.id, connection_id, change)


def _credentials(secrets: Sequence[str]) -> dict[str, Any]:
    return {
        "auth": {"type": "token", "access_token": "token"},
        "webhook_secrets": list(secrets),
    }
