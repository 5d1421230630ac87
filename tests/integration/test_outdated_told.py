"""Figures of before an upgrade: the doctor, verification and the worker tell; a rebuild mends.

Each test leaves none behind: what is told is of all organizations.
"""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from cli.embedded.valkey import EmbeddedValkey
from cli.main import app
from cli.ports import pick_port
from cli.up import outdated_figures
from services.metrics.rebuild import start_rebuild
from services.metrics.worker import catch_up
from shared.db import Database
from shared.orgs import Org, create_org
from shared.rollups.rules import CATALOGUE_VERSION, RULES
from tests.integration.killing import begin, ended
from tests.integration.test_outdated import OLDER, begun_under
from tests.integration.test_rebuild import past, tell
from tests.integration.test_verify_exported import until

_OUTDATED = ("earned_generations_outdated", frozenset[tuple[str, str]]())


@pytest.fixture
def organization(database_url: str) -> Iterator[Org]:
    """Return an organization with figures of before an upgrade; afterwards it is as new."""

    async def run(org: Org | None, rules: int) -> Org:
        database = Database(database_url, application_name="tests")
        try:
            if org is None:
                async with database.transaction() as connection:
                    org = await create_org(
                        connection, name="Before", time_zone="UTC", currency="USD"
                    )
                await tell(database, org, *past())
                await catch_up(database, org.id)
            await begun_under(database, org, rules)
            return org
        finally:
            await database.close()

    org = asyncio.run(run(None, OLDER))
    yield org
    asyncio.run(run(org, CATALOGUE_VERSION))


def earned(database_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--database-url", database_url])


def figures(database_url: str, tmp_path: Path) -> list[str]:
    """Return what `earned doctor` says of figures, a line each."""
    done = earned(database_url, "doctor", "--data-dir", str(tmp_path))
    lines = [line for line in done.output.splitlines() if line[6:].startswith("figures ")]
    assert done.exit_code == int(any(line.startswith("FAULT") for line in lines)), done.output
    return lines


def test_the_doctor_tells_who_has_to_rebuild_and_why(
    database_url: str, organization: Org, tmp_path: Path
) -> None:
    fault, *reasons = figures(database_url, tmp_path)
    assert fault.startswith("FAULT")
    assert f"Before: folded by rules {OLDER}, now {CATALOGUE_VERSION} hold" in fault
    assert [line.partition(": ")[2] for line in reasons] == [RULES[-1]]

    command = fault.split("`")[1].split()
    assert command == ["earned", "rebuild", "--organization", str(organization.id)]
    differs = earned(database_url, "verify", "--organization", str(organization.id)).output
    assert "begun under older rules" in differs
    assert earned(database_url, *command[1:]).exit_code == 0
    (right,) = figures(database_url, tmp_path)
    assert right.endswith(f"folded by rules {CATALOGUE_VERSION}, the newest")


def test_a_start_learns_how_many_have_to_rebuild(database_url: str, organization: Org) -> None:
    before = outdated_figures(database_url)

    rebuilt = earned(database_url, "rebuild", "--organization", str(organization.id))

    assert rebuilt.exit_code == 0, rebuilt.output
    assert (before, outdated_figures(database_url)) == (1, 0)


async def _begin(database_url: str, org: Org, rules: int) -> None:
    database = Database(database_url, application_name="tests")
    try:
        async with database.transaction(org.id) as connection:
            generation = await start_rebuild(connection, org.id)
            await connection.execute(
                "UPDATE generation SET catalogue_version = $3"
                " WHERE org_id = $1 AND generation = $2",
                *(org.id, generation, rules),
            )
    finally:
        await database.close()


def test_the_doctor_waits_for_a_rebuild_that_brings_the_rules(
    database_url: str, organization: Org, tmp_path: Path
) -> None:
    asyncio.run(_begin(database_url, organization, CATALOGUE_VERSION))

    waiting, *_ = figures(database_url, tmp_path)
    assert waiting.endswith("a rebuild is under way")
    done = earned(database_url, "rebuild", "--organization", str(organization.id))
    assert done.exit_code == 0
    assert "rebuild once more" not in done.output


def test_a_rebuild_that_is_as_old_is_told_to_be_given_up(
    database_url: str, organization: Org, tmp_path: Path
) -> None:
    asyncio.run(_begin(database_url, organization, OLDER))

    fault, *_ = figures(database_url, tmp_path)
    commands = [part for part in fault.split("`") if part.startswith("earned")]
    assert [command.split()[-1] for command in commands] == ["--abort", str(organization.id)]
    # Who does not ask the doctor goes on with it, and is told afterwards.
    done = earned(database_url, "rebuild", "--organization", str(organization.id))
    assert done.exit_code == 0
    assert "rebuild once more" in done.output
    assert figures(database_url, tmp_path)[0].startswith("FAULT")


@pytest.mark.timeout(180)
async def test_the_worker_exports_how_many_there_are_and_is_ready_all_the_while(
    database: Database, organization: Org, database_url: str, tmp_path: Path
) -> None:
    port = pick_port(8013)
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        environment = {
            "EARNED_DATABASE_URL": database_url,
            "EARNED_REDIS_URL": valkey.url,
            "EARNED_SECRET_KEY": b64encode(bytes(32)).decode(),
            "EARNED_METRICS_PORT": str(port),
            "EARNED_SWEEP_EVERY": "0.1",
        }
        worker = begin("work", "metrics", environment=environment)
        address = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            await until(client, lambda found: found.get(_OUTDATED) == 1)
            assert (await client.get("/readyz")).status_code == 200

            async with database.transaction(organization.id) as connection:
                await start_rebuild(connection, organization.id)
            await until(client, lambda found: found[_OUTDATED] == 0)
        worker.terminate()
        assert ended(worker) == 0
