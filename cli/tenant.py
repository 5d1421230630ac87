"""Organizations and API keys, written straight to the database: what no API key can do yet."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar
from uuid import UUID

import asyncpg

from cli.directory import DemoFile, DemoRecord
from shared.db import Database
from shared.errors import NotFound, Unauthenticated
from shared.orgs import create_org
from shared.security.keyring import KeyRing
from shared.security.keys import SCOPES, IssuedKey, authenticate, create_key, revoke_key

__all__ = [
    "AmbiguousOrganizationError",
    "StoredKey",
    "UnknownKeyError",
    "UnknownOrganizationError",
    "ensure_demo",
    "find_organization",
    "issue_key",
    "list_keys",
    "withdraw_key",
]

_DEMO_HALF_LIFE_DAYS = 7

Result = TypeVar("Result")
StoredKey = asyncpg.Record


class UnknownOrganizationError(LookupError):
    """No organization has this name."""


class UnknownKeyError(LookupError):
    """The organization has no key of this id."""


class AmbiguousOrganizationError(LookupError):
    """Several organizations have this name: an id has to be given."""


def ensure_demo(
    file: DemoFile,
    database_url: str,
    secret_key: str,
    *,
    name: str,
    time_zone: str,
    currency: str,
    previous_secret_keys: Sequence[str] = (),
) -> DemoRecord:
    """Return the demo's record, making its organization and key unless the remembered key works.

    The record is written before the commit: a crash in between leaves a key that does not work,
    which the next call replaces, and never an organization nobody holds the key of.
    """
    ring = KeyRing.from_base64(secret_key, *previous_secret_keys)

    async def run(database: Database) -> DemoRecord:
        known = file.read()
        if known is not None and await _works(database, ring, known.api_key):
            return known
        async with database.transaction() as connection:
            # The demo's figures are published, and those of the time decay with this half-life.
            org = await create_org(
                connection,
                name=name,
                time_zone=time_zone,
                currency=currency,
                half_life_days=_DEMO_HALF_LIFE_DAYS,
            )
            await _enter(connection, org.id)
            key = await create_key(connection, ring, org_id=org.id, name="earned up", scopes=SCOPES)
            record = DemoRecord(api_key=key.plaintext)
            file.write(record)
        return record

    return _with_database(database_url, run)


def issue_key(
    database_url: str,
    secret_key: str,
    *,
    organization: str,
    name: str,
    scopes: Collection[str],
    new_organization: tuple[str, str] | None = None,
) -> IssuedKey:
    """Make a key for an organization, named or given by id.

    `new_organization` is the time zone and the currency of one to be made under that name.

    Raises:
        UnknownOrganizationError, AmbiguousOrganizationError: which one is meant cannot be said.
        shared.orgs.InvalidOrg: the organization cannot be made so.
        shared.errors.Invalid: a scope is unknown.
    """
    ring = KeyRing.from_base64(secret_key)

    async def run(database: Database) -> IssuedKey:
        async with database.transaction() as connection:
            if new_organization is not None:
                zone, currency = new_organization
                org = await create_org(
                    connection, name=organization, time_zone=zone, currency=currency
                )
                org_id = org.id
            else:
                org_id = await find_organization(connection, organization)
            await _enter(connection, org_id)
            return await create_key(connection, ring, org_id=org_id, name=name, scopes=scopes)

    return _with_database(database_url, run)


def list_keys(database_url: str, *, organization: str) -> list[StoredKey]:
    """Return an organization's keys, oldest first, without anything secret."""

    async def run(database: Database) -> list[StoredKey]:
        async with database.transaction() as connection:
            org_id = await find_organization(connection, organization)
            await _enter(connection, org_id)
            return await connection.fetch(
                "SELECT id, name, scopes, created_at, last_used_on, expires_at, revoked_at"
                " FROM api_key WHERE org_id = $1 ORDER BY created_at, id",
                org_id,
            )

    return _with_database(database_url, run)


def withdraw_key(database_url: str, *, organization: str, key_id: str) -> None:
    """Revoke a key.

    Raises:
        UnknownOrganizationError, AmbiguousOrganizationError: which one is meant cannot be said.
        UnknownKeyError: the organization has none of this id.
    """

    async def run(database: Database) -> None:
        async with database.transaction() as connection:
            org_id = await find_organization(connection, organization)
            await _enter(connection, org_id)
            try:
                await revoke_key(connection, org_id=org_id, key_id=key_id)
            except NotFound:
                raise UnknownKeyError(f"{organization} has no key {key_id}") from None

    _with_database(database_url, run)


async def _works(database: Database, ring: KeyRing, key: str) -> bool:
    try:
        await authenticate(database, ring, key)
    except Unauthenticated:
        return False
    return True


async def find_organization(
    connection: "asyncpg.Connection[asyncpg.Record]", organization: str
) -> UUID:
    """Return the id of an organization, named or given by id.

    Raises:
        UnknownOrganizationError, AmbiguousOrganizationError: which one is meant cannot be said.
    """
    try:
        wanted = UUID(organization)
    except ValueError:
        rows = await connection.fetch("SELECT id FROM organization WHERE name = $1", organization)
    else:
        rows = await connection.fetch("SELECT id FROM organization WHERE id = $1", wanted)
    if len(rows) > 1:
        ids = ", ".join(str(row["id"]) for row in rows)
        raise AmbiguousOrganizationError(f"several organizations have this name: {ids}")
    if not rows:
        raise UnknownOrganizationError(f"no organization is called {organization}")
    found: UUID = rows[0]["id"]
    return found


async def _enter(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Make the rows of an organization visible to the rest of the transaction."""
    await connection.execute("SELECT set_config('app.org_id', $1, true)", str(org_id))


def _with_database(url: str, run: Callable[[Database], Awaitable[Result]]) -> Result:
    async def scope() -> Result:
        database = Database(url, application_name="earned-cli", pool_size=1, max_overflow=0)
        try:
            return await run(database)
        finally:
            await database.close()

    return asyncio.run(scope())
