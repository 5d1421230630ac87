"""Connections: checked before they are stored, encrypted where they lie, and changed safely."""

from typing import Any
from uuid import UUID

import pytest

from services.collector.connections import (
    ConnectionChange,
    NewConnection,
    create_connection,
    load_connection,
    update_connection,
)
from services.collector.http.auth import OAuthGrant
from shared.db import Database
from shared.errors import Conflict, Invalid, NotFound, SecretUnreadable
from shared.orgs import Org, create_org
from shared.security.keyring import KeyRing, MasterKey
from tests.integration.vendor_support import RING

GRANT = {
    "type": "oauth2",
    "client_id": "app",
    "client_secret": "canary-client-secret",
    "refresh_token": "canary-refresh-token",
}


def hubspot(**changes: Any) -> NewConnection:
    given: dict[str, Any] = {
        "provider": "hubspot",
        "source": "hubspot",
        "name": "CRM",
        "config": {},
        "credentials": {"auth": GRANT, "webhook_secrets": ["canary-webhook-secret"]},
    }
    return NewConnection(**{**given, **changes})


async def create(database: Database, org: Org, new: NewConnection, **options: Any) -> UUID:
    async with database.transaction(org.id) as connection:
        return await create_connection(connection, RING, org.id, new, **options)


async def test_a_connection_comes_back_with_its_secrets_and_due_streams(
    database: Database, org: Org
) -> None:
    connection_id = await create(database, org, hubspot())
    async with database.transaction(org.id) as connection:
        stored = await load_connection(connection, RING, org.id, connection_id)
        row = await connection.fetchrow("SELECT * FROM connection WHERE id = $1", connection_id)
        streams = await connection.fetch(
            "SELECT stream, cursor, next_due_at <= clock_timestamp() AS is_due FROM sync_state "
            "WHERE connection_id = $1 ORDER BY stream",
            connection_id,
        )

    assert row is not None
    assert isinstance(stored.credentials.auth, OAuthGrant)
    assert stored.credentials.auth.refresh_token.get_secret_value() == "canary-refresh-token"
    assert stored.credentials.webhook_secrets[0].get_secret_value() == "canary-webhook-secret"
    assert "canary" not in repr(dict(row))
    assert "canary" not in repr(stored) + repr(stored.credentials)
    assert [tuple(stream) for stream in streams] == [
        ("contacts", None, True),
        ("deals", None, True),
    ]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"provider": "unheard-of"}, "provider", "unknown_provider"),
        ({"config": {"base_url": "http://169.254.169.254"}}, "config.base_url", "url_not_allowed"),
        ({"config": {"base_url": "http://127.0.0.1:1"}}, "config.base_url", "url_not_allowed"),
        ({"config": {"token_url": "https://10.0.0.1/t"}}, "config.token_url", "url_not_allowed"),
        ({"config": {"unheard_of": 1}}, "config.?", "extra_forbidden"),
        ({"config": {"start_on": "0001-01-01"}}, "config.start_on", "date"),
        ({"config": {"start_on": "9999-12-31"}}, "config.start_on", "date"),
        ({"config": {"account_currency": "dollars"}}, "config.account_currency", None),
        ({"credentials": {}}, "credentials.auth", "missing"),
        ({"credentials": {"auth": {"type": "token"}}}, "credentials.auth.token.access_token", None),
        (
            {"credentials": {"auth": {"type": "token", "access_token": "canary…"}}},
            "credentials.auth.access_token",
            "no_token",
        ),
        (
            {"credentials": {"auth": GRANT | {"access_token": "canary\n"}}},
            "credentials.auth.access_token",
            "no_token",
        ),
        (
            {
                "credentials": {
                    "auth": {
                        "type": "service_account",
                        "client_email": "a@b.example",
                        "private_key_id": "1",
                        "private_key": "canary",
                    }
                }
            },
            "credentials.auth.type",
            "wrong_type",
        ),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_name_and_nothing_is_stored(
    database: Database, org: Org, changes: dict[str, Any], field: str, rule: str | None
) -> None:
    with pytest.raises(Invalid) as refusal:
        await create(database, org, hubspot(**changes))
    async with database.transaction(org.id) as connection:
        stored = await connection.fetchval("SELECT count(*) FROM connection")

    (error,) = refusal.value.errors
    assert error["field"] == f"body.{field}"
    assert rule is None or error["rule"] == rule
    assert "canary" not in str(refusal.value.errors)
    assert stored == 0


async def test_a_rule_of_the_vendor_is_told_in_its_own_words(database: Database, org: Org) -> None:
    with pytest.raises(Invalid) as refusal:
        await create(database, org, hubspot(provider="linkedin", config={}))

    (error,) = refusal.value.errors
    assert error["message"] == "either organization or employee"


@pytest.mark.parametrize("source", ["csv", "link"])
async def test_no_connection_speaks_for_the_product_itself(
    database: Database, org: Org, source: str
) -> None:
    with pytest.raises(Conflict) as refusal:
        await create(database, org, hubspot(source=source))

    assert refusal.value.code == "source_taken"


async def test_a_source_names_one_connection(database: Database, org: Org) -> None:
    await create(database, org, hubspot())
    with pytest.raises(Conflict):
        await create(database, org, hubspot(name="Another"))


async def test_secrets_open_only_in_their_own_row_and_with_their_own_key(
    database: Database, org: Org
) -> None:
    first = await create(database, org, hubspot())
    second = await create(database, org, hubspot(source="hubspot-2"))
    other_ring = KeyRing(MasterKey(b"x" * 32))
    async with database.transaction(org.id) as connection:
        with pytest.raises(SecretUnreadable):
            await load_connection(connection, other_ring, org.id, first)
        await connection.execute(
            "UPDATE connection SET credentials = (SELECT credentials FROM connection WHERE id = $1)"
            " WHERE id = $2",
            first,
            second,
        )
        with pytest.raises(SecretUnreadable):
            await load_connection(connection, RING, org.id, second)


async def test_new_credentials_take_the_place_of_those_whose_key_is_lost(
    database: Database, org: Org
) -> None:
    connection_id = await create(database, org, hubspot())
    ring = KeyRing(MasterKey(b"x" * 32))

    async def change(to: ConnectionChange) -> None:
        async with database.transaction(org.id) as connection:
            await update_connection(connection, ring, org.id, connection_id, to)

    await change(ConnectionChange(name="Renamed"))
    async with database.transaction(org.id) as connection:
        # Under the key it was stored with it still opens.
        assert (await load_connection(connection, RING, org.id, connection_id)).name == "Renamed"
    auth = GRANT | {"refresh_token": "another"}
    await change(ConnectionChange(credentials={"auth": auth}))

    async with database.transaction(org.id) as connection:
        stored = await load_connection(connection, ring, org.id, connection_id)
    assert isinstance(stored.credentials.auth, OAuthGrant)
    assert stored.credentials.auth.refresh_token.get_secret_value() == "another"


async def test_a_connection_of_another_organization_is_not_found(
    database: Database, org: Org
) -> None:
    connection_id = await create(database, org, hubspot())
    async with database.transaction() as connection:
        other = await create_org(connection, name="Other", time_zone="UTC", currency="EUR")
    async with database.transaction(other.id) as connection:
        with pytest.raises(NotFound):
            await load_connection(connection, RING, other.id, connection_id)


async def test_a_change_reactivates_and_rewinds_when_earlier_days_are_asked_for(
    database: Database, org: Org
) -> None:
    connection_id = await create(database, org, hubspot())
    async with database.transaction(org.id) as connection:
        await connection.execute(
            "UPDATE sync_state SET cursor = '{}', last_error = 'x', attempts = 4, "
            "next_due_at = clock_timestamp() + interval '6 h'"
        )
        await connection.execute("UPDATE connection SET state = 'reauth_required'")
        change = ConnectionChange(name="Renamed")
        await update_connection(connection, RING, org.id, connection_id, change)
        kept = await connection.fetchrow("SELECT * FROM sync_state WHERE stream = 'deals'")
        change = ConnectionChange(config={"start_on": "2024-01-01"})
        await update_connection(connection, RING, org.id, connection_id, change)
        rewound = await connection.fetchrow("SELECT * FROM sync_state WHERE stream = 'deals'")
        stored = await load_connection(connection, RING, org.id, connection_id)

    assert kept is not None
    assert rewound is not None
    assert (kept["cursor"], kept["attempts"], kept["last_error"]) == ("{}", 0, None)
    assert (rewound["cursor"], rewound["epoch"]) == (None, kept["epoch"] + 1)
    assert (stored.name, stored.state) == ("Renamed", "active")
    assert isinstance(stored.credentials.auth, OAuthGrant)


async def test_a_change_leaves_a_paused_connection_paused(database: Database, org: Org) -> None:
    connection_id = await create(database, org, hubspot())
    async with database.transaction(org.id) as connection:
        await connection.execute("UPDATE connection SET state = 'paused', state_reason = 'asked'")
        change = ConnectionChange(name="Renamed")
        await update_connection(connection, RING, org.id, connection_id, change)
        row = await connection.fetchrow("SELECT name, state, state_reason FROM connection")

    assert row is not None
    assert tuple(row) == ("Renamed", "paused", "asked")


async def test_streams_follow_the_configuration(database: Database, org: Org) -> None:
    member = {
        "provider": "linkedin",
        "source": "linkedin-e007",
        "config": {"employee": "E007"},
        "credentials": {"auth": {"type": "token", "access_token": "a-token"}},
    }
    connection_id = await create(database, org, hubspot(**member))
    change = ConnectionChange(config={"employee": "E007", "member_detail": "posts"})
    async with database.transaction(org.id) as connection:
        await update_connection(connection, RING, org.id, connection_id, change)
        streams = await connection.fetch("SELECT stream FROM sync_state ORDER BY stream")

    assert [row["stream"] for row in streams] == ["member_audience", "member_posts"]
