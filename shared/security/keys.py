"""API keys: made here, shown once, stored as a keyed hash, looked up on every request.

A key reads ``earned_live_<8 id>_<43 secret><6 checksum>``, all base62. The id finds the row, the
secret (32 random bytes) proves the caller, the checksum turns typing errors and random guesses away
before the database is asked. Random secrets need no slow hash: HMAC-SHA256 under the pepper derived
from the process's secret key. A hash cannot be made anew, so the pepper outlives that key.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

import asyncpg

from shared import clock
from shared.db import Database
from shared.errors import Invalid, NotFound, SecretUnreadable, Unauthenticated
from shared.observability import metrics
from shared.orgs import Org, load_org
from shared.security.keyring import KeyRing
from shared.security.peppers import peppers_of, unseal_peppers

__all__ = [
    "SCOPES",
    "Caller",
    "IssuedKey",
    "PresentedKey",
    "Scope",
    "authenticate",
    "create_key",
    "parse",
    "revoke_key",
]

Scope = Literal[
    "facts:write",
    "facts:read",
    "kpis:read",
    "roi:read",
    "assumptions:write",
    "goals:read",
    "goals:write",
    "publications:write",
    "connections:read",
    "connections:write",
    "links:read",
    "links:write",
    "imports:write",
    "keys:write",
    "people:read",
]
SCOPES: Final[frozenset[str]] = frozenset(get_args(Scope))

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 8, 43, 6
_FORM = re.compile(
    rf"(earned_live_([0-9A-Za-z]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}}))"
    rf"([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)
_NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key whose checksum is right: it may or may not exist."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. ``plaintext`` exists only here: it is shown once and cannot be read again."""

    id: str
    plaintext: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the organization, the key, and what the key may do."""

    org: Org
    key_id: str
    scopes: frozenset[str]


def parse(presented: str) -> PresentedKey:
    """Take a key apart, its checksum first.

    Raises:
        Unauthenticated: it is not a key of ours.
    """
    match = _FORM.fullmatch(presented)
    if match is None or match[4] != _checksum(match[1]):
        raise _refused("malformed")
    return PresentedKey(id=match[2], secret=match[3])


async def create_key(
    connection: "asyncpg.Connection[asyncpg.Record]",
    ring: KeyRing,
    *,
    org_id: UUID,
    name: str,
    scopes: Collection[str],
    expires_at: datetime | None = None,
) -> IssuedKey:
    """Store a new key of ``org_id`` and return it, with the only copy of its text.

    Raises:
        Invalid: a scope is unknown, or none is given.
    """
    if not scopes or not SCOPES.issuperset(scopes):
        known = ", ".join(get_args(Scope))
        raise Invalid(f"A key needs one or more of the scopes {known}.")
    key_id = "".join(secrets.choice(_BASE62) for _ in range(_ID_LENGTH))
    secret = _base62(secrets.token_bytes(32), _SECRET_LENGTH)
    await connection.execute(
        "INSERT INTO api_key (org_id, id, name, secret_hash, scopes, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        org_id,
        key_id,
        name,
        _hash(peppers_of(ring)[0], secret),
        sorted(set(scopes)),
        clock.now(),
        expires_at,
    )
    text = f"earned_live_{key_id}_{secret}"
    return IssuedKey(id=key_id, plaintext=text + _checksum(text), scopes=frozenset(scopes))


async def revoke_key(
    connection: "asyncpg.Connection[asyncpg.Record]", *, org_id: UUID, key_id: str
) -> None:
    """Refuse the key from the moment this transaction commits; revoking twice changes nothing.

    Raises:
        NotFound: the organization has no such key.
    """
    updated = await connection.execute(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, $3) WHERE org_id = $1 AND id = $2",
        org_id,
        key_id,
        clock.now(),
    )
    if updated == "UPDATE 0":
        raise NotFound


async def authenticate(database: Database, ring: KeyRing, presented: str) -> Caller:
    """Return the caller behind a presented key, as the database knows it now.

    Nothing is cached, so a revoked key is refused by the next request. An unknown id takes the same
    path as a wrong secret: the same statements and the same comparison. Only where peppers of
    before are kept, a wrong secret is compared with theirs, too.

    Raises:
        Unauthenticated: malformed, unknown, wrong, revoked or expired; the answer is one and the
            same, only the metric knows which.
    """
    key = parse(presented)
    async with database.transaction() as connection:
        row = await _find(connection, key.id)
        stored = row["secret_hash"] if row else _NO_HASH
        is_right = _is_one_of(stored, key.secret, peppers_of(ring))
        if row is not None and not is_right and row["former_peppers"] is not None:
            is_right = _is_one_of(stored, key.secret, _former_peppers(ring, row))
        if row is None or not is_right:
            raise _refused("unknown")
        now = clock.now()
        if row["revoked_at"] is not None:
            raise _refused("revoked")
        if row["expires_at"] is not None and row["expires_at"] <= now:
            raise _refused("expired")
        if row["last_used_on"] != now.date():
            await connection.execute(
                "UPDATE api_key SET last_used_on = $3 WHERE org_id = $1 AND id = $2",
                row["org_id"],
                key.id,
                now.date(),
            )
        org = await load_org(connection, row["org_id"])
    return Caller(org=org, key_id=key.id, scopes=frozenset(row["scopes"]))


async def _find(
    connection: "asyncpg.Connection[asyncpg.Record]", key_id: str
) -> asyncpg.Record | None:
    """Return the key's row, having entered its organization: rows are visible only from within."""
    await connection.execute(
        "SELECT set_config('app.org_id', coalesce(org_of_api_key($1)::text, ''), true)",
        key_id,
    )
    return await connection.fetchrow(
        "SELECT k.org_id, k.secret_hash, k.scopes, k.expires_at, k.revoked_at, k.last_used_on,"
        " o.former_peppers"
        " FROM api_key k JOIN organization o ON o.id = k.org_id WHERE k.id = $1",
        key_id,
    )


def _former_peppers(ring: KeyRing, row: asyncpg.Record) -> list[bytes]:
    try:
        return unseal_peppers(ring, row["org_id"], row["former_peppers"])
    except SecretUnreadable:
        # Not with the keys of this process: then it takes what these keys made, and nothing else.
        return []


def _is_one_of(stored: bytes, secret: str, peppers: Iterable[bytes]) -> bool:
    """Tell whether the secret has the stored hash under one of the peppers; it tries all."""
    matches = [hmac.compare_digest(stored, _hash(pepper, secret)) for pepper in peppers]
    return any(matches)


def _hash(pepper: bytes, secret: str) -> bytes:
    return hmac.new(pepper, secret.encode(), hashlib.sha256).digest()


def _refused(reason: str) -> Unauthenticated:
    metrics.AUTH_FAILURES.labels(reason).inc()
    return Unauthenticated()


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()).to_bytes(4, "big"), _CHECKSUM_LENGTH)


def _base62(content: bytes, length: int) -> str:
    """Spell ``content`` in base62, zero-padded to ``length`` digits."""
    number, digits = int.from_bytes(content, "big"), ""
    while number:
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits.rjust(length, _BASE62[0])
