"""Connections: what is configured, checked before it is stored, and how it is read back."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.collector.connectors import CONNECTORS
from services.collector.connectors.declaration import Connector, ConnectorConfig
from services.collector.credentials import StoredCredentials, seal, unseal
from services.collector.http.auth import ServiceAccountKey, is_bearable
from services.collector.http.errors import UrlNotAllowed
from services.collector.http.guard import check_url
from shared import clock
from shared.connections import OWN_SOURCES, ConnectionChange, NewConnection
from shared.deliveries import replay_unanswered
from shared.errors import Conflict, FieldError, Invalid, NotFound
from shared.facts.fields import EARLIEST_DAY, LATEST_DAY
from shared.ids import new_id
from shared.security.keyring import KeyRing

__all__ = [
    "ConnectionChange",
    "NewConnection",
    "StoredConnection",
    "create_connection",
    "load_connection",
    "update_connection",
]

_INSERT: Final = """
INSERT INTO connection (org_id, id, provider, source, name, config, credentials, created_at,
                        updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
ON CONFLICT (org_id, source) DO NOTHING
RETURNING id
"""
# A person paused it, and resumes it: nobody who reads the state first could tell, for others pause.
_UPDATE: Final = """
UPDATE connection
   SET name = $3, config = $4, credentials = $5, updated_at = $6,
       state = CASE WHEN state = 'paused' THEN state ELSE 'active' END,
       state_reason = CASE WHEN state = 'paused' THEN state_reason END
 WHERE org_id = $1 AND id = $2
"""
# Streams before their connection, as a run that ends locks them.
_LOCK_STREAMS: Final = """
SELECT FROM sync_state WHERE org_id = $1 AND connection_id = $2 ORDER BY stream FOR UPDATE
"""
_LOCK: Final = "SELECT FROM connection WHERE org_id = $1 AND id = $2 FOR UPDATE"
_SELECT: Final = """
SELECT provider, source, name, config, credentials, state
  FROM connection
 WHERE org_id = $1 AND id = $2
"""
# A stream that stays is due at once: what was changed may be what kept it from working. A run in
# progress is fenced off: it goes by what no longer holds, and may be about to say that it fails.
_PUT_STREAMS: Final = """
INSERT INTO sync_state (org_id, connection_id, stream, next_due_at, interval_seconds)
SELECT $1, $2, s.stream, clock_timestamp(), s.seconds
  FROM unnest($3::text[], $4::integer[]) AS s (stream, seconds)
 ORDER BY s.stream
ON CONFLICT (org_id, connection_id, stream)
DO UPDATE SET next_due_at = excluded.next_due_at, interval_seconds = excluded.interval_seconds,
              attempts = 0, last_error = NULL,
              epoch = sync_state.epoch + 1, lease_owner = NULL, lease_until = NULL
"""
_DROP_STREAMS: Final = """
DELETE FROM sync_state WHERE org_id = $1 AND connection_id = $2 AND NOT stream = ANY($3::text[])
"""
# Asking for earlier days means reading everything again; the ledger skips what it has.
_REWIND: Final = "UPDATE sync_state SET cursor = NULL WHERE org_id = $1 AND connection_id = $2"


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A connection as it is stored, with its secrets in the clear: never log one."""

    org_id: UUID
    id: UUID
    provider: str
    source: str
    name: str
    state: str
    config: ConnectorConfig
    credentials: StoredCredentials

    @property
    def connector(self) -> Connector[Any, Any]:
        """The declaration of the connection's vendor."""
        return CONNECTORS[self.provider]

    def __repr__(self) -> str:
        return f"StoredConnection({self.provider}, {self.id})"


async def create_connection(
    connection: "asyncpg.Connection[asyncpg.Record]",
    ring: KeyRing,
    org_id: UUID,
    new: NewConnection,
    *,
    allow_private: bool = False,
) -> UUID:
    """Store a connection with its streams, all due now, and return its id.

    ``allow_private`` lets it point to a vendor look-alike on this machine.

    Raises:
        Invalid: the configuration or the credentials break a rule.
        Conflict: the source is taken, or the product's own.
    """
    if new.source in OWN_SOURCES:
        raise Conflict("The product itself speaks for this source.", code="source_taken")
    connector = _connector(new.provider)
    config = _config(connector, new.config, allow_private=allow_private)
    credentials = _credentials(connector, new.credentials, allow_private=allow_private)
    connection_id = new_id()
    stored = await connection.fetchval(
        _INSERT,
        org_id,
        connection_id,
        new.provider,
        new.source,
        new.name,
        _dumped(config),
        seal(ring, org_id, connection_id, credentials),
        clock.now(),
    )
    if stored is None:
        raise Conflict("Another connection has this source.", code="source_taken")
    await _put_streams(connection, org_id, connection_id, connector, config)
    return connection_id


async def update_connection(
    connection: "asyncpg.Connection[asyncpg.Record]",
    ring: KeyRing,
    org_id: UUID,
    connection_id: UUID,
    change: ConnectionChange,
    *,
    allow_private: bool = False,
) -> None:
    """Change a connection, make it active again unless it is paused, and all its streams due now.

    Raises:
        NotFound: the organization has no such connection.
        Invalid: the new configuration or credentials break a rule.
    """
    # Locked first: a worker that renews a token meanwhile must not have it overwritten.
    await connection.execute(_LOCK_STREAMS, org_id, connection_id)
    await connection.execute(_LOCK, org_id, connection_id)
    row = await _usable(connection, org_id, connection_id)
    connector, sealed = CONNECTORS[row["provider"]], row["credentials"]
    config = before = connector.config.model_validate_json(row["config"])
    if change.config is not None:
        config = _config(connector, change.config, allow_private=allow_private)
    # What is stored is not read: new credentials are the way out for whoever has lost its key.
    if change.credentials is not None:
        credentials = _credentials(connector, change.credentials, allow_private=allow_private)
        sealed = seal(ring, org_id, connection_id, credentials)
    await connection.execute(
        _UPDATE,
        org_id,
        connection_id,
        change.name or row["name"],
        _dumped(config),
        sealed,
        clock.now(),
    )
    await _put_streams(connection, org_id, connection_id, connector, config)
    await replay_unanswered(connection, org_id, connection_id)
    if config.start_on != before.start_on:
        await connection.execute(_REWIND, org_id, connection_id)


async def load_connection(
    connection: "asyncpg.Connection[asyncpg.Record]",
    ring: KeyRing,
    org_id: UUID,
    connection_id: UUID,
) -> StoredConnection:
    """Return a connection with its secrets decrypted.

    Raises:
        NotFound: the organization has no such connection, or it has no credentials.
        SecretUnreadable: its secrets were encrypted with a key that is not here.
    """
    row = await _usable(connection, org_id, connection_id)
    return StoredConnection(
        org_id=org_id,
        id=connection_id,
        provider=row["provider"],
        source=row["source"],
        name=row["name"],
        state=row["state"],
        config=CONNECTORS[row["provider"]].config.model_validate_json(row["config"]),
        credentials=unseal(ring, org_id, connection_id, row["credentials"]),
    )


async def _usable(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, connection_id: UUID
) -> asyncpg.Record:
    row = await connection.fetchrow(_SELECT, org_id, connection_id)
    if row is None or row["credentials"] is None or row["provider"] not in CONNECTORS:
        raise NotFound
    return row


async def _put_streams(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    connection_id: UUID,
    connector: Connector[Any, Any],
    config: ConnectorConfig,
) -> None:
    streams = connector.streams_of(config)
    names = [stream.name for stream in streams]
    seconds = [int(stream.interval.total_seconds()) for stream in streams]
    await connection.execute(_DROP_STREAMS, org_id, connection_id, names)
    await connection.execute(_PUT_STREAMS, org_id, connection_id, names, seconds)


def _connector(provider: str) -> Connector[Any, Any]:
    connector = CONNECTORS.get(provider)
    if connector is None:
        raise Invalid(errors=[_error("provider", "unknown_provider", "no such connector")])
    return connector


def _config(
    connector: Connector[Any, Any], given: dict[str, Any], *, allow_private: bool
) -> ConnectorConfig:
    config: ConnectorConfig = _parsed(connector.config, given, "config")
    config = config.model_copy(update={"base_url": config.base_url.rstrip("/")})
    if config.start_on is not None and not EARLIEST_DAY <= config.start_on <= LATEST_DAY:
        # No fact is taken of these days, and asking for each of them would take the whole quota.
        raise Invalid(errors=[_error("config.start_on", "date", "expected a day since 2000-01-01")])
    for name, url in (("base_url", config.base_url), ("token_url", config.token_url)):
        if url is not None:
            _check_address(f"config.{name}", url, allow_private=allow_private)
    return config


def _credentials(
    connector: Connector[Any, Any], given: dict[str, Any], *, allow_private: bool
) -> StoredCredentials:
    credentials = _parsed(StoredCredentials, given, "credentials")
    if not isinstance(credentials.auth, connector.credentials):
        raise Invalid(
            errors=[_error("credentials.auth.type", "wrong_type", "not what this vendor takes")]
        )
    if isinstance(credentials.auth, ServiceAccountKey):
        _check_address(
            "credentials.auth.token_uri", credentials.auth.token_uri, allow_private=allow_private
        )
    elif (token := credentials.auth.access_token) is not None and not is_bearable(token):
        message = "expected printable ASCII without blanks: what the vendor shows, and no more"
        raise Invalid(errors=[_error("credentials.auth.access_token", "no_token", message)])
    return credentials


_Model = TypeVar("_Model", bound=BaseModel)


def _parsed(model: type[_Model], given: dict[str, Any], where: str) -> _Model:
    try:
        return model.model_validate_json(orjson.dumps(given))
    except ValidationError as error:
        raise Invalid(
            errors=[
                _error(".".join((where, *_place(found))), found["type"], _message(found))
                for found in error.errors(include_input=False, include_context=False)
            ]
        ) from None
    except orjson.JSONEncodeError:
        raise Invalid(errors=[_error(where, "not_json", "expected plain values")]) from None


def _place(found: ErrorDetails) -> list[str]:
    # A name that the caller made up is not repeated.
    places = [str(part) for part in found["loc"]]
    return [*places[:-1], "?"] if found["type"] == "extra_forbidden" else places


def _message(found: ErrorDetails) -> str:
    # The one message of pydantic that repeats what was sent; and this may be a secret.
    is_repeated = found["type"] == "union_tag_invalid"
    return "expected another type" if is_repeated else found["msg"].removeprefix("Value error, ")


def _check_address(field: str, url: str, *, allow_private: bool) -> None:
    try:
        check_url(url, allow_private=allow_private)
    except UrlNotAllowed:
        message = "expected https to a public name"
        raise Invalid(errors=[_error(field, "url_not_allowed", message)]) from None


def _error(field: str, rule: str, message: str) -> FieldError:
    return {"field": f"body.{field}", "rule": rule, "message": message}


def _dumped(config: ConnectorConfig) -> str:
    return config.model_dump_json()
