"""`earned verify` and `earned rebuild`, as they are typed."""

import asyncio
import json
from uuid import UUID

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from services.metrics.rebuild import start_rebuild
from shared.db import Database
from shared.ids import new_id
from shared.orgs import create_org
from shared.rollups.layout import each_slot
from tests.integration.test_rebuild import found


@pytest.fixture
def organization(database_url: str) -> str:
    """Return the name of an organization with figures."""
    return make_organization(database_url)


def make_organization(database_url: str) -> str:
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


def test_one_that_is_being_rebuilt_keeps_no_other_from_being_repaired(
    database_url: str, organization: str
) -> None:
    make_organization(database_url)  # younger than the one that is rebuilt, whatever came before
    first = asyncio.run(while_it_is_rebuilt(database_url))
    falsify(database_url)

    done = earned(database_url, "verify", "--repair", "--json")
    assert done.exit_code == 3, done.output
    reports = {report["org_id"]: report for report in json.loads(done.output)}
    waiting = reports.pop(first)
    assert waiting["is_waiting"]
    assert sum(waiting["mismatches"].values()) > 0
    assert reports
    for report in reports.values():
        assert not report["is_waiting"]
        assert sum(report["mismatches"].values()) == 0

    alone = earned(database_url, "verify", "--organization", first, "--repair")
    assert alone.exit_code == 3
    assert "not mended: it takes a rebuild, and one is under way" in alone.output
    assert earned(database_url, "verify", "--organization", first).exit_code == 1
    assert earned(database_url, "verify", "--organization", organization).exit_code == 0

    assert earned(database_url, "rebuild", "--organization", first).exit_code == 0
    assert earned(database_url, "verify", "--repair").exit_code == 0


async def while_it_is_rebuilt(database_url: str) -> str:
    """Take something from the state of the first organization, and begin to rebuild it."""
    database = Database(database_url, application_name="tests")
    try:
        async with database.transaction() as connection:
            org_id: UUID = await connection.fetchval(
                "SELECT id FROM organization ORDER BY created_at LIMIT 1"
            )
        async with database.transaction(org_id) as connection:
            await connection.execute("DELETE FROM touch WHERE org_id = $1", org_id)
            await start_rebuild(connection, org_id)
    finally:
        await database.close()
    return str(org_id)


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
