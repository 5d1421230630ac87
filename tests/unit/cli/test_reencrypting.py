"""A change of the secret key, as whoever runs an installation meets it."""

import asyncio
import base64
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from cli.directory import DataDirectory
from cli.doctor import examine
from cli.main import app
from cli.tenant import ensure_demo
from services.collector.connections import NewConnection, create_connection
from shared.db import Database
from shared.orgs import create_org
from shared.security.keyring import KeyRing

OLD, NEW, OTHER = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"n", b"x"))


@pytest.fixture
def connection_id(database_url: str) -> UUID:
    """Return a connection of a new organization, stored under the old key."""
    credentials = {"auth": {"type": "token", "access_token": "pat"}}
    new = NewConnection(provider="hubspot", source="crm", name="CRM", credentials=credentials)

    async def make() -> UUID:
        database = Database(database_url, application_name="tests", pool_size=1)
        try:
            async with database.transaction() as connection:
                await connection.execute("DELETE FROM connection")
                org = await create_org(connection, name="R", time_zone="UTC", currency="EUR")
            async with database.transaction(org.id) as connection:
                return await create_connection(
                    connection, KeyRing.from_base64(OLD), org.id, new, allow_private=True
                )
        finally:
            await database.close()

    return asyncio.run(make())


def _run(database_url: str, **keys: str) -> tuple[int, str]:
    environment = {"EARNED_DATABASE_URL": database_url, "EARNED_PREVIOUS_SECRET_KEYS": "", **keys}
    result = CliRunner(env=environment).invoke(app, ["keys", "reencrypt"])
    return result.exit_code, result.output


def _doctor(tmp_path: Path, database_url: str, key: str, previous: str | None = None) -> list[str]:
    checks = examine(
        tmp_path,
        database_url=database_url,
        redis_url=None,
        secret_key=key,
        previous_secret_keys=previous,
    )
    return [check.line for check in checks if check.subject == "stored secrets"]


def test_the_doctor_says_what_is_to_be_done_until_the_old_key_may_go(
    tmp_path: Path, database_url: str, connection_id: UUID
) -> None:
    lost = _doctor(tmp_path, database_url, NEW)
    during = _doctor(tmp_path, database_url, NEW, OLD)
    code, said = _run(database_url, EARNED_SECRET_KEY=NEW, EARNED_PREVIOUS_SECRET_KEYS=OLD)
    settled = _doctor(tmp_path, database_url, NEW, OLD)

    assert lost[0].startswith("FAULT")
    assert str(connection_id) in lost[0]
    assert "EARNED_PREVIOUS_SECRET_KEYS" in lost[-1]
    assert during == [
        "ok    stored secrets    some still need a previous secret key: run `earned keys reencrypt`"
    ]
    assert (code, said.splitlines()[-1]) == (0, "Nothing needs the previous keys any more.")
    assert settled == ["ok    stored secrets    nothing needs the previous secret keys any more"]
    assert _doctor(tmp_path, database_url, NEW) == [
        "ok    stored secrets    opened by the secret key"
    ]


def test_what_no_key_opens_is_told_and_ends_with_one(
    database_url: str, connection_id: UUID
) -> None:
    code, said = _run(database_url, EARNED_SECRET_KEY=NEW, EARNED_PREVIOUS_SECRET_KEYS=OTHER)

    assert code == 1
    assert f"none of the keys opens the credentials of {connection_id}" in said
    assert "Nothing needs" not in said


def test_without_the_keys_of_before_it_refuses(database_url: str, connection_id: UUID) -> None:
    code, said = _run(database_url, EARNED_SECRET_KEY=NEW)

    assert code == 2
    assert "--previous-secret-keys" in said


def test_the_demo_is_found_again_under_another_secret_key(
    tmp_path: Path, database_url: str
) -> None:
    file = DataDirectory(tmp_path).demo(None)
    options = {"name": "Demo", "time_zone": "UTC", "currency": "USD"}
    made = ensure_demo(file, database_url, OLD, **options)

    assert ensure_demo(file, database_url, NEW, **options, previous_secret_keys=[OLD]) == made
