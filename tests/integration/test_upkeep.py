"""`earned verify` and `earned rebuild`, as they are typed."""

import asyncio
import json

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from shared.db import Database
from shared.ids import new_id
from shared.orgs import create_org
from shared.rollups.layout import each_slot
from tests.integration.test_rebuild import found


@pytest.fixture
def organization(database_url: str) -> str:
    """Return the name of an organization with figures."""
    name = f"Upkeep {new_id()}"

    async def make() -> None:
        database = Database(database_url, application_name="tests")
        try:
            async with database.transaction() as connection:
                org = await create_org(
                    connection, name=name, time_zone="Europe/Warsaw", currency="USD"
                )
            await found(database, org)
        finally:
            await database.close()

    asyncio.run(make())
    return name


def earned(database_url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--database-url", database_url])


def falsify(database_url: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(f"UPDATE rollup SET {each_slot('v{slot} = v{slot} + 1')}")
        await connection.close()

    asyncio.run(run())


def test_verify_says_what_it_compared_and_ends_well(database_url: str, organization: str) -> None:
    for more in ([], ["--sample", "2"]):
        done = earned(database_url, "verify", "--organization", organization, *more)
        assert done.exit_code == 0, done.output
        assert "0 mismatches" in done.output


def test_verify_ends_with_1_until_repaired(database_url: str, organization: str) -> None:
    falsify(database_url)
    wrong = earned(database_url, "verify", "--organization", organization)
    assert wrong.exit_code == 1
    assert "recomputed" in wrong.output

    document = json.loads(
        earned(database_url, "verify", "--organization", organization, "--json").output
    )
    assert document[0]["mismatches"]["cells"] > 0
    assert document[0]["listed"][0]["stored"] != document[0]["listed"][0]["recomputed"]

    mended = earned(database_url, "verify", "--repair")
    assert mended.exit_code == 0, mended.output
    assert "mended in place" in mended.output
    assert earned(database_url, "verify").exit_code == 0


def test_a_sample_cannot_be_repaired(database_url: str) -> None:
    assert earned(database_url, "verify", "--repair", "--sample", "1").exit_code == 2


def test_rebuild_builds_drops_and_has_nothing_to_abort(
    database_url: str, organization: str
) -> None:
    built = earned(database_url, "rebuild", "--organization", organization, "--half-life-days", "3")
    assert built.exit_code == 0, built.output
    assert "128 of 128 entries" in built.output

    aborted = earned(database_url, "rebuild", "--organization", organization, "--abort")
    assert aborted.output == "No rebuild is under way.\n"
    dropped = earned(database_url, "rebuild", "--organization", organization, "--drop-retired")
    assert dropped.output == "0 generations deleted\n", "readers may still be reading it"


def test_an_unknown_organization_is_a_sentence(database_url: str) -> None:
    done = earned(database_url, "rebuild", "--organization", "nobody")
    assert done.exit_code == 1
    assert "no organization is called nobody" in done.output
