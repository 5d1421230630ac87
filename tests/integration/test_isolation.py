"""Row-level security: every table with an organization is behind it, or is listed here with why."""

import asyncpg
import pytest

from shared.db import Database
from shared.ids import new_id
from shared.orgs import Org, create_org

# Positions and parameters only: what sweeps must see before they know the organization.
DIRECTORY = {"ledger_head", "generation", "fold_cursor"}


async def test_every_table_of_an_organization_is_protected(database: Database) -> None:
    async with database.transaction() as connection:
        rows = await connection.fetch(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS is_protected,
                   EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS has_policy
              FROM pg_class c
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
             WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
            """
        )
    unprotected = {row["relname"] for row in rows if not row["is_protected"]}
    assert unprotected == DIRECTORY
    assert all(row["has_policy"] for row in rows if row["relname"] not in DIRECTORY)
    assert len(rows) > 20


async def test_every_primary_key_begins_with_the_organization(database: Database) -> None:
    async with database.transaction() as connection:
        rows = await connection.fetch(
            """
            SELECT c.relname, a.attname
              FROM pg_index i
              JOIN pg_class c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
             WHERE i.indisprimary AND c.relname NOT IN ('organization', 'alembic_version')
            """
        )
    assert {row["attname"] for row in rows} == {"org_id"}


async def test_the_application_bypasses_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        role = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole"
            " FROM pg_roles WHERE rolname = current_user"
        )
        owned = await connection.fetchval(
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
            " WHERE r.rolname = current_user AND c.relnamespace = 'public'::regnamespace"
        )
    assert role is not None
    assert not any(role)
    assert owned == 0


@pytest.mark.parametrize("table", ["ledger_entry", "employee", "credit", "connection", "api_key"])
async def test_without_an_organization_nothing_is_seen(
    database: Database, org: Org, table: str
) -> None:
    async with database.transaction() as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_row_of_another_organization_cannot_be_written(
    database: Database, org: Org
) -> None:
    async with database.transaction() as connection:
        other = await create_org(connection, name="Other", time_zone="UTC", currency="EUR")

    async def intrude() -> None:
        async with database.transaction(other.id) as connection:
            await connection.execute(
                "INSERT INTO employee (org_id, employee, updated_at) VALUES ($1, $2, now())",
                org.id,
                str(new_id()),
            )

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await intrude()
