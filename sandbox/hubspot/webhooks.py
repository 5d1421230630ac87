"""HubSpot's webhooks: batches of events, signed as HubSpot signs them, really sent."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from sandbox.hubspot.store import Event

__all__ = ["Delivery", "deliver", "event_body", "sign_v1", "sign_v3", "signed_headers"]

LARGEST_BATCH = 100
PORTAL_ID, APP_ID = 4899, 395
# HubSpot gives up after five seconds; a receiver that works longer is sent the batch again.
TIMEOUT_SECONDS = 5.0
_SUBSCRIPTIONS = {
    "contact.creation": 6_527_595,
    "contact.propertyChange": 6_527_612,
    "contact.deletion": 6_527_614,
    "deal.creation": 6_547_118,
    "deal.propertyChange": 6_527_619,
    "deal.deletion": 6_547_120,
}
_CHANGE_FLAG = {"creation": "CREATED", "deletion": "DELETED"}
_USER_AGENT = "HubSpot Connect 2.0 (http://dev.hubspot.com/) (namespace: webhooks-nio-http-client)"
# The only percent codes HubSpot decodes before it signs an address.
_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'",
    "%28": "(", "%29": ")", "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where events go and how badly they are delivered.

    ``signed_url`` is the address HubSpot believes it calls; it differs from ``target_url`` when
    the receiver stands behind a proxy. With ``duplicate`` every event goes out twice; ``shuffle``
    is the seed of a random order. ``concurrency`` batches are under way at the same time.
    """

    target_url: str
    client_secret: str
    signed_url: str | None = None
    duplicate: bool = False
    shuffle: int | None = None
    batch_size: int = LARGEST_BATCH
    concurrency: int = 1


def sign_v1(client_secret: str, body: bytes) -> str:
    """Return the v1 signature: hex SHA-256 of client secret and body."""
    return hashlib.sha256(client_secret.encode() + body).hexdigest()


def sign_v3(client_secret: str, *, method: str, uri: str, body: bytes, timestamp: str) -> str:
    """Return the v3 signature: base64 HMAC-SHA256 of method, address, body and timestamp (ms)."""
    for code, character in _DECODED.items():
        uri = uri.replace(code, character).replace(code.lower(), character)
    message = method.encode() + uri.encode() + body + timestamp.encode()
    digest = hmac.new(client_secret.encode(), message, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def event_body(event: Event, *, attempt: int) -> dict[str, Any]:
    """Return an event as it stands in the JSON array of a delivery."""
    body: dict[str, Any] = {
        "attemptNumber": attempt,
        "sourceId": str(APP_ID),
        "eventId": event.event_id,
        "changeSource": "INTEGRATION",
        "occurredAt": int(event.occurred_at.timestamp() * 1000),
        "subscriptionType": event.subscription_type,
        "portalId": PORTAL_ID,
        "appId": APP_ID,
        "subscriptionId": _SUBSCRIPTIONS[event.subscription_type],
        "objectId": int(event.object_id),
    }
    if event.property_name is not None:
        body |= {"propertyName": event.property_name, "propertyValue": event.property_value}
    else:
        body["changeFlag"] = _CHANGE_FLAG[event.subscription_type.partition(".")[2]]
    return body


def signed_headers(client_secret: str, *, uri: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of one delivery of ``body`` sent at ``now``."""
    timestamp = str(int(now.timestamp() * 1000))
    return {
        "Content-Type": "application/json",
        "User-Agent": _USER_AGENT,
        "X-HubSpot-Signature": sign_v1(client_secret, body),
        "X-HubSpot-Signature-Version": "v1",
        "X-HubSpot-Signature-v3": sign_v3(
            client_secret, method="POST", uri=uri, body=body, timestamp=timestamp
        ),
        "X-HubSpot-Request-Timestamp": timestamp,
        "X-HubSpot-Timeout-Millis": str(int(TIMEOUT_SECONDS * 1000)),
    }


async def deliver(
    events: Sequence[Event],
    delivery: Delivery,
    *,
    client: httpx.AsyncClient,
    clock: Callable[[], datetime],
) -> list[int | str]:
    """Send events in batches and return each batch's status, or the name of what went wrong."""
    bodies = [event_body(event, attempt=0) for event in events]
    if delivery.duplicate:
        bodies += [event_body(event, attempt=1) for event in events]
    if delivery.shuffle is not None:
        # A seed is wanted here: the same disorder again in the next run.
        random.Random(delivery.shuffle).shuffle(bodies)  # noqa: S311
    size = min(delivery.batch_size, LARGEST_BATCH)
    batches = [bodies[start : start + size] for start in range(0, len(bodies), size)]
    gate = asyncio.Semaphore(delivery.concurrency)

    async def send(batch: list[dict[str, Any]]) -> int | str:
        body = json.dumps(batch, separators=(",", ":")).encode()
        uri = delivery.signed_url or delivery.target_url
        async with gate:
            headers = signed_headers(delivery.client_secret, uri=uri, body=body, now=clock())
            try:
                answer = await client.post(
                    delivery.target_url, content=body, headers=headers, timeout=TIMEOUT_SECONDS
                )
            except httpx.HTTPError as error:
                return type(error).__name__
            return answer.status_code

    return list(await asyncio.gather(*(send(batch) for batch in batches)))
