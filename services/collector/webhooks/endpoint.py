"""``POST /webhooks/{provider}/{connection_id}``, on a plain route: vendors wait seconds only."""

from datetime import timedelta
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.collector.connectors import CONNECTORS
from services.collector.connectors.webhooks import SignatureRejected
from services.collector.group_commit import Overloaded
from services.collector.webhooks.identity import UnreadableBody
from services.collector.webhooks.service import UnknownEndpoint, WebhookService
from services.collector.webhooks.store import Kept
from shared.errors import Conflict, MalformedRequest, NotFound, Problem, Unavailable
from shared.observability import metrics
from shared.observability.http import note, request_id_of

__all__ = ["LARGEST_DELIVERY", "webhook_route"]

#: In bytes; the application refuses more while reading.
LARGEST_DELIVERY: Final = 1024 * 1024

_log = structlog.get_logger(__name__)


class BadSignature(Problem):
    """The delivery does not prove who sent it."""

    status = 401
    code = "bad_signature"
    title = "The signature is missing or wrong"


class StaleDelivery(Problem):
    """The delivery was signed too long ago, or by a clock ahead of ours."""

    status = 401
    code = "stale_delivery"
    title = "The delivery was not signed just now"


class MalformedDelivery(MalformedRequest):
    """The delivery proves its origin and holds no JSON document."""

    code = "malformed_delivery"
    title = "The delivery is not a JSON document"


class ConflictingDelivery(Conflict):
    """The delivery's identity was used before for something else; it was put aside."""

    code = "conflicting_delivery"
    title = "Another delivery with this identity says something else"


async def _receive(request: Request) -> Response:
    provider = request.path_params["provider"]
    body = await request.body()
    try:
        kept = await _keep(request, provider, body)
    except UnknownEndpoint:
        # One answer for "no such connection" and "another vendor's": it confirms nothing.
        raise NotFound from None
    except SignatureRejected as error:
        metrics.WEBHOOK_DELIVERIES.labels(provider, error.reason).inc()
        raise (StaleDelivery() if error.reason == "stale" else BadSignature()) from None
    except UnreadableBody:
        metrics.WEBHOOK_DELIVERIES.labels(provider, "malformed").inc()
        raise MalformedDelivery from None
    metrics.WEBHOOK_DELIVERIES.labels(provider, kept.outcome).inc()
    note(outcome=kept.outcome, delivery_id=str(kept.delivery_id))
    if kept.outcome == "conflict":
        raise ConflictingDelivery
    return Response(status_code=202)


async def _keep(request: Request, provider: str, body: bytes) -> Kept:
    webhooks: WebhookService = request.state.webhooks
    try:
        endpoint = await webhooks.find(provider, request.path_params["connection_id"])
        note(org_id=str(endpoint.org_id), connection_id=str(endpoint.connection_id))
        delivery = await webhooks.verify(
            endpoint,
            headers=request.headers,
            method=request.method,
            address=_address(request),
            body=body,
            request_id=request_id_of(request.scope),
        )
        with metrics.WEBHOOK_COMMIT_DURATION.labels(provider).time():
            return await webhooks.keep(endpoint, delivery)
    except Overloaded:
        metrics.WEBHOOK_DELIVERIES.labels(provider, "unavailable").inc()
        raise Unavailable(retry_after=timedelta(seconds=1)) from None
    except (UnknownEndpoint, SignatureRejected, UnreadableBody):
        raise
    except Exception:
        # Also before it was verified: without a database nobody knows its secret, and the vendor
        # is sent away all the same. Only our own names are labels.
        if provider in CONNECTORS:
            metrics.WEBHOOK_DELIVERIES.labels(provider, "unavailable").inc()
        raise


def _address(request: Request) -> str:
    """Return path and query exactly as they were called: they are part of what is signed."""
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


#: Keeps deliveries; expects a WebhookService as ``request.state.webhooks``.
webhook_route: Final = Route(
    "/webhooks/{provider}/{connection_id:uuid}",
    _receive,
    methods=["POST"],
    name="webhooks_receive_delivery",
)
