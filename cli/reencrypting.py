"""`earned keys reencrypt`: bring what older secret keys hold under the newest one."""

import asyncio
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final
from uuid import UUID

from shared.db import Database
from shared.security.keyring import KeyRing
from shared.security.rotation import Held, held, organizations, reencrypt

__all__ = ["look", "reencrypt_all", "render", "unopened"]

# A worker that renews a token holds its row as long as the vendor takes to answer.
_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.5
#: Connections that are told by id.
_LISTED: Final = 20


async def look(database_url: str, ring: KeyRing) -> list[Held]:
    """Return what the keys hold of each organization."""
    database = _database(database_url)
    try:
        return [await held(database, ring, org_id) for org_id in await organizations(database)]
    finally:
        await database.close()


def reencrypt_all(database_url: str, ring: KeyRing) -> list[Held]:
    """Bring everything under the newest key; return what the keys hold of each organization."""

    async def run() -> list[Held]:
        database = _database(database_url)
        try:
            found = await organizations(database)
            return [await _until_settled(database, ring, org_id) for org_id in found]
        finally:
            await database.close()

    return asyncio.run(run())


async def _until_settled(database: Database, ring: KeyRing, org_id: UUID) -> Held:
    deadline = monotonic() + _PATIENCE_SECONDS
    while True:
        await reencrypt(database, ring, org_id)
        found = await held(database, ring, org_id)
        if not found.behind or monotonic() > deadline:
            return found
        await asyncio.sleep(_PAUSE_SECONDS)


def render(found: Sequence[Held]) -> Iterator[str]:
    """Yield what the keys hold, and whether the previous ones may go."""
    yield from unopened(found)
    current = sum(each.current for each in found)
    yield f"{current} credentials are under the newest key"
    if all(each.is_settled for each in found):
        yield "Nothing needs the previous keys any more."
    elif behind := sum(each.behind for each in found):
        yield f"{behind} are being written by others: run this again."


def unopened(found: Sequence[Held]) -> Iterator[str]:
    """Yield what none of the keys opens, and what to do about it."""
    for each in found:
        for connection_id in each.unreadable[:_LISTED]:
            yield f"{each.org_id}: none of the keys opens the credentials of {connection_id}"
        if more := each.unreadable[_LISTED:]:
            yield f"{each.org_id}: nor those of {len(more)} connections more"
        if each.peppers == "unreadable":
            yield f"{each.org_id}: none of the keys opens what older API keys are checked with"
    if not all(each.is_readable for each in found):
        yield "give the key they were stored with among EARNED_PREVIOUS_SECRET_KEYS"


def _database(url: str) -> Database:
    return Database(url, application_name="earned-cli", pool_size=1, max_overflow=0)
