"""Receive a delivery: find whom it is for, verify who sent it, keep it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import orjson
import structlog
from pydantic import SecretStr

from services.collector.connectors import CONNECTORS
from services.collector.connectors.webhooks import SignatureRejected, Webhooks
from services.collector.credentials import unseal
from services.collector.expiring import ExpiringCache
from services.collector.group_commit import GroupCommit
from services.collector.webhooks.identity import identify
from services.collector.webhooks.store import REQUEST_ID, Delivery, Kept, store_deliveries
from shared import clock
from shared.web.state import Resources

__all__ = ["Endpoint", "UnknownEndpoint", "WebhookService"]

# How long a rotated secret or a removed connection may still be taken for what it was.
_REMEMBER_SECONDS: Final = 2.0
_REMEMBER_ENDPOINTS: Final = 10_000

_KEPT_HEADERS: Final = frozenset({"content-type", "user-agent"})
_LONGEST_HEADER: Final = 500

_log = structlog.get_logger(__name__)

_ENTER: Final = "SELECT set_config('app.org_id', coalesce(org_of_connection($1)::text, ''), true)"
_FIND: Final = """
SELECT org_id, provider, credentials, updated_at FROM connection WHERE id = $1
"""


class UnknownEndpoint(LookupError):
    """No connection of this provider receives webhooks under this id."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A connection that receives webhooks. ``updated_at`` is the version of its secrets.

    The current secret comes first, then the previous one while a rotation is under way.
    """

    org_id: UUID
    connection_id: UUID
    provider: str
    webhooks: Webhooks
    updated_at: datetime
    secrets: tuple[SecretStr, ...] = field(repr=False)

    def check(
        self, headers: Mapping[str, str], method: str, url: str, body: bytes, now: datetime
    ) -> None:
        """Check that the vendor signed the delivery with a secret that is accepted now.

        Raises:
            SignatureRejected: it did not; ``stale`` if one of the secrets is right.
        """
        rejection: SignatureRejected | None = None
        for place, secret in enumerate(self.secrets):
            try:
                self.webhooks.verify(headers, method, url, body, secret.get_secret_value(), now)
            except SignatureRejected as error:
                # Under the right secret a delivery can still be stale: that says more.
                rejection = rejection if rejection and error.reason != "stale" else error
            else:
                if place > 0:
                    _log.info("webhook.previous_secret_used", connection_id=str(self.connection_id))
                return
        assert rejection is not None, "an endpoint has at least one secret"
        raise rejection


class WebhookService:
    """Verifies and keeps deliveries, many of an organization in one transaction."""

    def __init__(self, resources: Resources, *, public_url: str) -> None:
        self._database = resources.database
        self._keyring = resources.keyring
        self._public_url = public_url
        self._known: ExpiringCache[tuple[str, UUID], Endpoint] = ExpiringCache(
            seconds=_REMEMBER_SECONDS, size=_REMEMBER_ENDPOINTS
        )
        self._deliveries: GroupCommit[Delivery, Kept] = GroupCommit(
            partial(store_deliveries, resources.database),
            announce=partial(resources.queue.wake, "inbox"),
        )

    async def find(self, provider: str, connection_id: UUID) -> Endpoint:
        """Return the endpoint of a connection, as it was at most two seconds ago.

        Raises:
            UnknownEndpoint: there is none, it is another provider's, or it has no webhook secret.
            shared.errors.SecretUnreadable: the secret cannot be decrypted here.
        """
        known = self._known.get((provider, connection_id))
        return known or await self._load(provider, connection_id)

    async def verify(
        self,
        endpoint: Endpoint,
        *,
        headers: Mapping[str, str],
        method: str,
        address: str,
        body: bytes,
        request_id: str,
    ) -> Delivery:
        """Return the delivery in ``body``, of proven origin.

        ``address`` is path and query as they were called; ``request_id`` is kept with the delivery,
        so that the logs of whoever reads it later name the request it came with. A secret that was
        changed a moment ago is read again before the delivery is turned away.

        Raises:
            SignatureRejected: it does not prove its origin, or not in time.
            UnreadableBody: its origin is proven, and it is no JSON document.
        """
        received_at = clock.now()

        url = self._public_url + address
        try:
            endpoint.check(headers, method, url, body, received_at)
        except SignatureRejected as error:
            if error.reason != "bad_signature":
                raise
            current = await self._load(endpoint.provider, endpoint.connection_id)
            if current.updated_at == endpoint.updated_at:
                raise
            current.check(headers, method, url, body, received_at)
        identity = identify(endpoint.webhooks, body)
        return Delivery(
            connection_id=endpoint.connection_id,
            key=identity.key,
            content_hash=identity.content_hash,
            headers=_kept(headers, request_id),
            body=body,
            received_at=received_at,
        )

    async def keep(self, endpoint: Endpoint, delivery: Delivery) -> Kept:
        """Store the delivery and return, after the commit, what became of it.

        Raises:
            Overloaded: too many deliveries wait; this one was not stored.
        """
        return await self._deliveries.submit(endpoint.org_id, delivery)

    async def close(self) -> None:
        """Wait for the deliveries that are being stored."""
        await self._deliveries.close()

    async def _load(self, provider: str, connection_id: UUID) -> Endpoint:
        async with self._database.transaction() as connection:
            # Rows are visible only from within their organization: enter it first.
            await connection.execute(_ENTER, connection_id)
            row = await connection.fetchrow(_FIND, connection_id)
        connector = CONNECTORS.get(provider)
        if row is None or row["provider"] != provider or connector is None:
            raise UnknownEndpoint
        if connector.webhooks is None or row["credentials"] is None:
            raise UnknownEndpoint
        stored = unseal(self._keyring, row["org_id"], connection_id, row["credentials"])
        if not stored.webhook_secrets:
            # Never verified with an empty secret, which anybody could sign with.
            raise UnknownEndpoint
        endpoint = Endpoint(
            org_id=row["org_id"],
            connection_id=connection_id,
            provider=provider,
            webhooks=connector.webhooks,
            updated_at=row["updated_at"],
            secrets=stored.webhook_secrets,
        )
        self._known.put((provider, connection_id), endpoint)
        return endpoint


def _kept(headers: Mapping[str, str], request_id: str) -> str:
    """Return the headers worth keeping, as JSON: when and by what it was sent, and no signature.

    The request's id is the one answered, which is not the sender's where that was none.
    """
    kept = {
        name: value[:_LONGEST_HEADER]
        for name, value in sorted(headers.items())
        if name in _KEPT_HEADERS or name.endswith("-timestamp")
    }
    return orjson.dumps({**kept, REQUEST_ID: request_id}).decode()
