"""A change of the secret key: what older keys hold comes under the new one, and nothing is lost."""

from typing import Any
from uuid import UUID

import pytest

from services.collector.connections import NewConnection, create_connection, load_connection
from services.collector.http.auth import OAuthGrant
from shared.db import Database
from shared.errors import SecretUnreadable, Unauthenticated
from shared.orgs import Org, create_org, load_org, person_of
from shared.security.keyring import KeyRing, MasterKey
from shared.security.keys import IssuedKey, authenticate, create_key
from shared.security.rotation import Held, held, organizations, reencrypt

OLD, NEW, NEWEST = (MasterKey(letter * 32) for letter in (b"o", b"n", b"x"))
BEFORE, DURING, AFTER = KeyRing(OLD), KeyRing(NEW, (OLD,)), KeyRing(NEW)


async def connect(database: Database, org: Org, ring: KeyRing, source: str = "hubspot") -> UUID:
    auth = {"type": "oauth2", "client_id": "a", "client_secret": "b", "refresh_token": source}
    credentials: dict[str, Any] = {"auth": auth, "webhook_secrets": ["a-webhook-secret"]}
    new = NewConnection(provider="hubspot", source=source, name="CRM", credentials=credentials)
    async with database.transaction(org.id) as connection:
        return await create_connection(connection, ring, org.id, new)


async def refresh_token(database: Database, org: Org, ring: KeyRing, connection_id: UUID) -> str:
    async with database.transaction(org.id) as connection:
        stored = await load_connection(connection, ring, org.id, connection_id)
    assert isinstance(stored.credentials.auth, OAuthGrant)
    return stored.credentials.auth.refresh_token.get_secret_value()


async def issue(database: Database, org: Org, ring: KeyRing) -> IssuedKey:
    async with database.transaction(org.id) as connection:
        return await create_key(connection, ring, org_id=org.id, name="t", scopes={"kpis:read"})


async def test_after_it_nothing_needs_the_old_key(database: Database, org: Org) -> None:
    one = await connect(database, org, BEFORE, "one")
    two = await connect(database, org, DURING, "two")
    key = await issue(database, org, BEFORE)

    before = await held(database, DURING, org.id)
    moved = await reencrypt(database, DURING, org.id)

    assert before == Held(org.id, current=1, behind=1, unreadable=(), peppers="missing")
    assert moved == 1
    assert await held(database, DURING, org.id) == Held(org.id, 2, 0, (), "kept")
    assert (await held(database, AFTER, org.id)).is_settled
    assert [await refresh_token(database, org, AFTER, each) for each in (one, two)] == [
        "one",
        "two",
    ]
    assert (await authenticate(database, AFTER, key.plaintext)).org.id == org.id
    # Who has the old key alone reads nothing any more.
    with pytest.raises(SecretUnreadable):
        await refresh_token(database, org, BEFORE, one)


async def test_it_may_be_repeated_and_then_changes_nothing(database: Database, org: Org) -> None:
    await connect(database, org, BEFORE)

    async def stored() -> list[object]:
        async with database.transaction(org.id) as connection:
            return [
                await connection.fetchval("SELECT credentials FROM connection"),
                await connection.fetchval(
                    "SELECT former_peppers FROM organization WHERE id = $1", org.id
                ),
            ]

    await reencrypt(database, DURING, org.id)
    once = await stored()

    assert await reencrypt(database, DURING, org.id) == 0
    assert await stored() == once


async def test_api_keys_outlive_one_change_after_another(database: Database, org: Org) -> None:
    first = await issue(database, org, BEFORE)
    await reencrypt(database, DURING, org.id)
    second = await issue(database, org, AFTER)
    await reencrypt(database, KeyRing(NEWEST, (NEW,)), org.id)
    third = await issue(database, org, KeyRing(NEWEST))

    for key in (first, second, third):
        assert (await authenticate(database, KeyRing(NEWEST), key.plaintext)).key_id == key.id
    # What older keys are checked with is nobody's without the key it is under.
    with pytest.raises(Unauthenticated):
        await authenticate(database, KeyRing(MasterKey(b"?" * 32)), first.plaintext)


async def test_processes_of_before_go_on_while_others_have_the_new_key(
    database: Database, org: Org
) -> None:
    key = await issue(database, org, BEFORE)
    await reencrypt(database, DURING, org.id)

    assert (await authenticate(database, BEFORE, key.plaintext)).key_id == key.id


async def test_a_wrong_previous_key_costs_nothing(database: Database, org: Org) -> None:
    connection_id = await connect(database, org, BEFORE)
    key = await issue(database, org, BEFORE)
    mistaken = KeyRing(NEW, (MasterKey(b"?" * 32),))

    assert await reencrypt(database, mistaken, org.id) == 0
    found = await held(database, mistaken, org.id)
    assert (found.unreadable, found.is_readable, found.is_settled) == (
        (connection_id,),
        False,
        False,
    )

    assert await reencrypt(database, DURING, org.id) == 1
    assert await refresh_token(database, org, AFTER, connection_id) == "hubspot"
    assert (await authenticate(database, AFTER, key.plaintext)).key_id == key.id


async def test_peppers_that_no_key_opens_are_left_as_they_are(database: Database, org: Org) -> None:
    key = await issue(database, org, BEFORE)
    await reencrypt(database, DURING, org.id)
    stranger = KeyRing(MasterKey(b"?" * 32), (MasterKey(b"!" * 32),))

    await reencrypt(database, stranger, org.id)

    assert (await held(database, stranger, org.id)).peppers == "unreadable"
    assert (await authenticate(database, AFTER, key.plaintext)).key_id == key.id


async def test_credentials_under_way_are_left_to_their_writer(database: Database, org: Org) -> None:
    connection_id = await connect(database, org, BEFORE)
    async with database.transaction(org.id) as connection:
        await connection.execute("SELECT FROM connection WHERE id = $1 FOR UPDATE", connection_id)
        assert await reencrypt(database, DURING, org.id) == 0

    assert (await held(database, DURING, org.id)).behind == 1
    assert await reencrypt(database, DURING, org.id) == 1


async def test_other_organizations_are_not_touched(database: Database, org: Org) -> None:
    async with database.transaction() as connection:
        other = await create_org(connection, name="Other", time_zone="UTC", currency="EUR")
    elsewhere = await connect(database, other, BEFORE)

    await reencrypt(database, DURING, org.id)

    assert await refresh_token(database, other, BEFORE, elsewhere) == "hubspot"
    assert {org.id, other.id} <= set(await organizations(database))


async def test_a_person_stays_the_same_person(database: Database, org: Org) -> None:
    await reencrypt(database, DURING, org.id)

    async with database.transaction() as connection:
        after = await load_org(connection, org.id)
    assert person_of(after.person_key, "a@b.example") == person_of(org.person_key, "a@b.example")
