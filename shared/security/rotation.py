"""After a change of the secret key: what older keys still hold, and how it comes under the new one.

Three things are made with a secret key. Stored credentials are encrypted, so they can be encrypted
anew. API keys are hashed, so what went into their hashes is kept encrypted instead. Cursors live as
long as somebody turns pages. Nothing else is: people's addresses are hashed with a key that each
organization has of its own, and no change of the secret key tears a person's facts apart.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import asyncpg

from shared import crypto
from shared.connections import credentials_place
from shared.db import Database
from shared.errors import SecretUnreadable
from shared.security.keyring import KeyRing
from shared.security.peppers import peppers_of, seal_peppers, unseal_peppers

__all__ = ["Held", "held", "organizations", "reencrypt"]

_ORGANIZATIONS: Final = "SELECT id FROM organization ORDER BY created_at, id"
_CREDENTIALS: Final = """
SELECT id, credentials FROM connection
 WHERE org_id = $1 AND credentials IS NOT NULL ORDER BY id
"""
# A worker that renews a token holds its row while it asks the vendor, and then writes it under the
# key it has: what is being written now is looked at the next time.
_FREE_CREDENTIALS: Final = f"{_CREDENTIALS} FOR UPDATE SKIP LOCKED"
_PUT_CREDENTIALS: Final = """
UPDATE connection c SET credentials = n.credentials
  FROM unnest($2::uuid[], $3::bytea[]) AS n (id, credentials)
 WHERE c.org_id = $1 AND c.id = n.id
"""
_PEPPERS: Final = "SELECT former_peppers FROM organization WHERE id = $1"
_LOCKED_PEPPERS: Final = f"{_PEPPERS} FOR UPDATE"
_PUT_PEPPERS: Final = "UPDATE organization SET former_peppers = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Held:
    """What of one organization the keys of a ring hold.

    ``current`` and ``behind`` count credentials under the newest key and under another one;
    ``unreadable`` are connections whose credentials none of them opens. ``peppers`` says whether
    API keys made under the ring's previous keys outlive these.
    """

    org_id: UUID
    current: int
    behind: int
    unreadable: tuple[UUID, ...]
    peppers: Literal["kept", "missing", "unreadable"]

    @property
    def is_readable(self) -> bool:
        """Whether the keys of the ring open all of it."""
        return not self.unreadable and self.peppers != "unreadable"

    @property
    def is_settled(self) -> bool:
        """Whether all of it is under the newest key."""
        return not self.behind and not self.unreadable and self.peppers == "kept"


async def organizations(database: Database) -> list[UUID]:
    """Return every organization, the first first."""
    async with database.transaction() as connection:
        return [row["id"] for row in await connection.fetch(_ORGANIZATIONS)]


async def held(database: Database, ring: KeyRing, org_id: UUID) -> Held:
    """Look at everything that one organization keeps under secret keys, and try to read it."""
    async with database.transaction(org_id) as connection:
        rows = await connection.fetch(_CREDENTIALS, org_id)
        sealed = await connection.fetchval(_PEPPERS, org_id)
    unreadable, current = [], 0
    for row in rows:
        if _opened(ring, org_id, row) is None:
            unreadable.append(row["id"])
        else:
            current += crypto.is_current(ring, row["credentials"])
    behind = len(rows) - current - len(unreadable)
    try:
        peppers: Literal["kept", "missing", "unreadable"] = (
            "kept" if _anew(ring, org_id, sealed) is None else "missing"
        )
    except SecretUnreadable:
        peppers = "unreadable"
    return Held(org_id, current, behind, tuple(unreadable), peppers)


async def reencrypt(database: Database, ring: KeyRing, org_id: UUID) -> int:
    """Bring what one organization keeps under the newest key; return how many credentials moved.

    May be repeated, be killed at any point, and meet itself or whoever changes a connection. What
    none of the keys opens stays as it is.
    """
    async with database.transaction(org_id) as connection:
        sealed = await connection.fetchval(_LOCKED_PEPPERS, org_id)
        with suppress(SecretUnreadable):
            if (anew := _anew(ring, org_id, sealed)) is not None:
                await connection.execute(_PUT_PEPPERS, org_id, anew)
    async with database.transaction(org_id) as connection:
        rows = await connection.fetch(_FREE_CREDENTIALS, org_id)
        moved = {
            row["id"]: crypto.encrypt(ring, plain, credentials_place(org_id, row["id"]))
            for row in rows
            if not crypto.is_current(ring, row["credentials"])
            and (plain := _opened(ring, org_id, row)) is not None
        }
        await connection.execute(_PUT_CREDENTIALS, org_id, list(moved), list(moved.values()))
    return len(moved)


def _opened(ring: KeyRing, org_id: UUID, row: asyncpg.Record) -> bytes | None:
    try:
        return crypto.decrypt(ring, row["credentials"], credentials_place(org_id, row["id"]))
    except SecretUnreadable:
        return None


def _anew(ring: KeyRing, org_id: UUID, sealed: bytes | None) -> bytes | None:
    """Return the former peppers with those of the ring's previous keys, None if nothing changes.

    Raises:
        SecretUnreadable: no key opens those that are kept. Others must not take their place.
    """
    kept = [] if sealed is None else unseal_peppers(ring, org_id, sealed)
    wanted = list(dict.fromkeys([*kept, *peppers_of(ring)[1:]]))
    is_current = sealed is None or crypto.is_current(ring, sealed)
    return None if wanted == kept and is_current else seal_peppers(ring, org_id, wanted)
