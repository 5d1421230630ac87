"""API keys in the database: issued, found, refused."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import clock
from shared.db import Database
from shared.errors import Invalid, NotFound, Unauthenticated
from shared.orgs import Org, create_org
from shared.security.keyring import KeyRing, MasterKey
from shared.security.keys import IssuedKey, authenticate, create_key, revoke_key

RING = KeyRing(MasterKey(b"k" * 32))


async def issue(
    database: Database, org: Org, *, ring: KeyRing = RING, expires_at: datetime | None = None
) -> IssuedKey:
    async with database.transaction(org.id) as connection:
        return await create_key(
            connection,
            ring,
            org_id=org.id,
            name="test",
            scopes={"kpis:read", "roi:read"},
            expires_at=expires_at,
        )


@pytest.fixture
async def other_org(database: Database) -> Org:
    async with database.transaction() as connection:
        return await create_org(connection, name="Other", time_zone="UTC", currency="EUR")


async def test_a_key_leads_to_its_organization_and_scopes(database: Database, org: Org) -> None:
    key = await issue(database, org)

    caller = await authenticate(database, RING, key.plaintext)

    assert caller.org == org
    assert caller.key_id == key.id
    assert caller.scopes == {"kpis:read", "roi:read"}


async def test_keys_of_two_organizations_do_not_meet(
    database: Database, org: Org, other_org: Org
) -> None:
    one, two = await issue(database, org), await issue(database, other_org)

    assert (await authenticate(database, RING, one.plaintext)).org.id == org.id
    assert (await authenticate(database, RING, two.plaintext)).org.id == other_org.id


async def test_only_a_keyed_hash_of_the_secret_is_stored(database: Database, org: Org) -> None:
    key = await issue(database, org)

    async with database.transaction(org.id) as connection:
        row = await connection.fetchrow("SELECT * FROM api_key WHERE id = $1", key.id)

    assert row is not None
    assert key.plaintext[21:64] not in str(dict(row))
    assert len(row["secret_hash"]) == 32


async def test_a_right_id_with_a_wrong_secret_is_refused(database: Database, org: Org) -> None:
    first, second = await issue(database, org), await issue(database, org)
    async with database.transaction(org.id) as connection:
        # The second key's text, its checksum intact, now names a row with the first one's hash.
        await connection.execute(
            "UPDATE api_key SET secret_hash ="
            " (SELECT secret_hash FROM api_key WHERE id = $1) WHERE id = $2",
            first.id,
            second.id,
        )

    with pytest.raises(Unauthenticated):
        await authenticate(database, RING, second.plaintext)


async def test_an_unknown_id_is_refused_like_a_wrong_secret(database: Database, org: Org) -> None:
    key = await issue(database, org)
    async with database.transaction(org.id) as connection:
        await connection.execute("DELETE FROM api_key WHERE id = $1", key.id)

    with pytest.raises(Unauthenticated) as refusal:
        await authenticate(database, RING, key.plaintext)

    assert refusal.value.detail is None


async def test_a_revoked_key_is_refused_by_the_next_request(database: Database, org: Org) -> None:
    key = await issue(database, org)
    await authenticate(database, RING, key.plaintext)

    async with database.transaction(org.id) as connection:
        await revoke_key(connection, org_id=org.id, key_id=key.id)

    with pytest.raises(Unauthenticated):
        await authenticate(database, RING, key.plaintext)


async def test_an_expired_key_is_refused_and_one_that_will_expire_is_not(
    database: Database, org: Org
) -> None:
    expired = await issue(database, org, expires_at=datetime(2024, 1, 1, tzinfo=UTC))
    lasting = await issue(database, org, expires_at=clock.now() + timedelta(days=1))

    with pytest.raises(Unauthenticated):
        await authenticate(database, RING, expired.plaintext)
    assert (await authenticate(database, RING, lasting.plaintext)).org.id == org.id


async def test_the_day_of_the_last_use_is_kept(database: Database, org: Org) -> None:
    key = await issue(database, org)

    await authenticate(database, RING, key.plaintext)

    async with database.transaction(org.id) as connection:
        used_on = await connection.fetchval(
            "SELECT last_used_on FROM api_key WHERE id = $1", key.id
        )
    assert used_on is not None


async def test_keys_survive_a_rotation_of_the_pepper(database: Database, org: Org) -> None:
    key = await issue(database, org)
    rotated = KeyRing(MasterKey(b"n" * 32), (RING.current,))

    assert (await authenticate(database, rotated, key.plaintext)).key_id == key.id
    with pytest.raises(Unauthenticated):
        await authenticate(database, KeyRing(rotated.current), key.plaintext)


@pytest.mark.parametrize("scopes", [set(), {"kpis:read", "everything"}])
async def test_a_key_needs_known_scopes(database: Database, org: Org, scopes: set[str]) -> None:
    async with database.transaction(org.id) as connection:
        with pytest.raises(Invalid):
            await create_key(connection, RING, org_id=org.id, name="test", scopes=scopes)


async def test_another_organizations_key_cannot_be_revoked(
    database: Database, org: Org, other_org: Org
) -> None:
    key = await issue(database, org)

    async with database.transaction(other_org.id) as connection:
        with pytest.raises(NotFound):
            await revoke_key(connection, org_id=other_org.id, key_id=key.id)

    assert (await authenticate(database, RING, key.plaintext)).org.id == org.id
