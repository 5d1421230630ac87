"""Credentials of connections: encrypted at rest, decrypted only to be used."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.collector.http.auth import OAuthGrant, ServiceAccountKey, StaticToken
from services.collector.http.errors import ReauthRequired, Transient
from shared import crypto
from shared.connections import credentials_place
from shared.db import Database
from shared.security.keyring import KeyRing

__all__ = ["DatabaseVault", "StoredCredentials", "seal", "unseal"]

_LOCK: Final = "SELECT credentials FROM connection WHERE org_id = $1 AND id = $2 FOR UPDATE"
_STORE: Final = "UPDATE connection SET credentials = $3 WHERE org_id = $1 AND id = $2"


class StoredCredentials(BaseModel):
    """What one connection keeps secret.

    ``webhook_secrets`` sign the vendor's deliveries: the current one first, then the previous one
    while a rotation is under way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    auth: Annotated[StaticToken | OAuthGrant | ServiceAccountKey, Field(discriminator="type")]
    webhook_secrets: tuple[Annotated[SecretStr, Field(min_length=8, max_length=512)], ...] = Field(
        default=(), max_length=2
    )


def seal(ring: KeyRing, org_id: UUID, connection_id: UUID, credentials: StoredCredentials) -> bytes:
    """Return credentials encrypted for the row of one connection."""
    plain = orjson.dumps(credentials.model_dump(), default=_revealed)
    return crypto.encrypt(ring, plain, credentials_place(org_id, connection_id))


def unseal(ring: KeyRing, org_id: UUID, connection_id: UUID, sealed: bytes) -> StoredCredentials:
    """Return what :func:`seal` was given.

    Raises:
        SecretUnreadable: another key, another row, or changed bytes.
    """
    plain = crypto.decrypt(ring, sealed, credentials_place(org_id, connection_id))
    return StoredCredentials.model_validate_json(plain)


def _revealed(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise TypeError(type(value).__name__)


class DatabaseVault:
    """The OAuth grant of a connection, shared by every worker through its row.

    This is the one place where a vendor is called inside a transaction: the lock on the row is what
    keeps two workers from using one refresh token twice. The transaction holds nothing but that
    row, and the call's deadline is shorter than the database's patience.
    """

    def __init__(
        self,
        database: Database,
        ring: KeyRing,
        org_id: UUID,
        connection_id: UUID,
        credentials: StoredCredentials,
    ) -> None:
        self._database = database
        self._ring = ring
        self._org_id = org_id
        self._connection_id = connection_id
        self._credentials = credentials

    @property
    def grant(self) -> OAuthGrant:
        """The grant as last seen by this process."""
        return _grant_of(self._credentials)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator["_LockedGrant"]:
        """Lock the grant's row; leaving the block without error commits what was replaced.

        Raises:
            Transient: another worker holds the lock for too long.
            ReauthRequired: the credentials are gone or are no grant any more.
        """
        try:
            async with self._database.transaction(self._org_id) as connection:
                sealed = await connection.fetchval(_LOCK, self._org_id, self._connection_id)
                if sealed is None:
                    raise ReauthRequired("credentials_missing")
                stored = unseal(self._ring, self._org_id, self._connection_id, sealed)
                locked = _LockedGrant(self, connection, stored)
                yield locked
            self._credentials = locked.credentials
        except asyncpg.LockNotAvailableError:
            raise Transient("grant_locked", outcome="client_error") from None

    async def _store(
        self, connection: "asyncpg.Connection[asyncpg.Record]", credentials: StoredCredentials
    ) -> None:
        sealed = seal(self._ring, self._org_id, self._connection_id, credentials)
        await connection.execute(_STORE, self._org_id, self._connection_id, sealed)


class _LockedGrant:
    def __init__(
        self,
        vault: DatabaseVault,
        connection: "asyncpg.Connection[asyncpg.Record]",
        credentials: StoredCredentials,
    ) -> None:
        self._vault = vault
        self._connection = connection
        self.credentials = credentials

    @property
    def grant(self) -> OAuthGrant:
        return _grant_of(self.credentials)

    async def replace(self, grant: OAuthGrant) -> None:
        self.credentials = self.credentials.model_copy(update={"auth": grant})
        await self._vault._store(self._connection, self.credentials)


def _grant_of(credentials: StoredCredentials) -> OAuthGrant:
    if not isinstance(credentials.auth, OAuthGrant):
        raise ReauthRequired("credentials_replaced")
    return credentials.auth
