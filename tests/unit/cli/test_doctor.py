"""`earned doctor`: what it finds on a real database, and what it advises."""

import asyncio
from pathlib import Path

import asyncpg

from cli.doctor import Check, examine
from shared.migrations.runner import head_revision
from shared.orgs import create_org


def _findings(tmp_path: Path, **given: str) -> dict[str, Check]:
    options: dict[str, str | None] = {"database_url": None, "redis_url": None, "secret_key": None}
    return {check.subject: check for check in examine(tmp_path, **(options | given))}


def test_a_migrated_database_is_in_order(tmp_path: Path, database_url: str) -> None:
    found = _findings(tmp_path, database_url=database_url)

    assert not [check.line for check in found.values() if check.is_fault]
    assert found["role"].finding == "earned_app, held by row-level security"


def test_a_time_zone_that_the_database_reads_otherwise_is_a_fault(
    tmp_path: Path, database_url: str
) -> None:
    # As from before it was refused.
    async def move(zone: str) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            if not await connection.fetchval("SELECT EXISTS (SELECT FROM organization)"):
                await create_org(connection, name="Zoned", time_zone="UTC", currency="EUR")
            await connection.execute("UPDATE organization SET time_zone = $1", zone)
        finally:
            await connection.close()

    asyncio.run(move("CET"))
    told = _findings(tmp_path, database_url=database_url)["time zones"]
    asyncio.run(move("Europe/Warsaw"))

    assert told.is_fault
    assert "in CET" in told.finding
    assert not _findings(tmp_path, database_url=database_url)["time zones"].is_fault


def test_a_database_that_takes_no_writes_is_a_fault(tmp_path: Path, database_url: str) -> None:
    found = _findings(
        tmp_path, database_url=f"{database_url}&options=-c%20default_transaction_read_only%3Don"
    )

    assert found["database"].is_fault
    assert "takes no writes" in found["database"].finding


def test_an_empty_database_is_told_how_to_be_migrated(tmp_path: Path, server_url: str) -> None:
    found = _findings(tmp_path, database_url=server_url)

    assert found["schema"].is_fault
    assert "earned migrate" in found["schema"].finding


def test_a_schema_of_a_newer_release_is_no_fault(tmp_path: Path, database_url: str) -> None:
    async def set_revision(revision: str) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute("UPDATE alembic_version SET version_num = $1", revision)
        finally:
            await connection.close()

    asyncio.run(set_revision("9999"))
    newer = _findings(tmp_path, database_url=database_url)["schema"]
    asyncio.run(set_revision("0001"))
    older = _findings(tmp_path, database_url=database_url)["schema"]
    asyncio.run(set_revision(head_revision()))

    assert (newer.is_fault, older.is_fault) == (False, True)
    assert "newer than this version's" in newer.finding
    assert "earned migrate" in older.finding


def test_unreachable_servers_and_a_bad_key_are_faults(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    found = _findings(
        tmp_path,
        database_url=f"postgresql://earned@/earned?host={nowhere}",
        redis_url=f"unix://{nowhere}/valkey.sock",
        secret_key="c2hvcnQ=",
    )

    faults = {subject for subject, check in found.items() if check.is_fault}
    assert faults == {"database", "redis", "secret key"}
    assert "openssl rand" in found["secret key"].finding


def test_a_key_that_others_can_read_is_a_fault(tmp_path: Path) -> None:
    key = tmp_path / "secret.key"
    key.write_text("secret")
    key.chmod(0o644)

    lines = [
        check.line
        for check in examine(tmp_path, database_url=None, redis_url=None, secret_key=None)
    ]

    assert any("chmod 600" in line for line in lines)
