"""Databases whose statistics only the test takes, and what is told in them.

What is read is told by PostgreSQL's own counters of the transaction: rows, never time.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
from asyncpg.connection import LoggedQuery
from sqlalchemy import make_url

from services.metrics.retired import GENERATION_TABLES
from shared.db import Database
from shared.facts import Fact, Retraction
from shared.ledger import append
from shared.orgs import Org, create_org
from tests.conftest import TEMPLATE

__all__ = [
    "LISTED",
    "TABLES",
    "execute",
    "found",
    "own_database",
    "rows_handled",
    "rows_read",
    "tell",
]

#: What grows with an organization.
TABLES = (*GENERATION_TABLES, "ledger_entry", "fact_head", "fact_past")
#: What the lists of an organization are kept in, besides.
LISTED = (
    *("link", "connection", "sync_state", "sync_run", "inbox", "assumption"),
    *("publication", "publication_withdrawal", "goal", "api_key"),
)
_ROWS_READ = """
SELECT relname, (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::integer AS rows
  FROM pg_stat_xact_user_tables
 WHERE schemaname = 'public' AND relname = ANY ($1::text[])
"""


@asynccontextmanager
async def own_database(server_url: str) -> AsyncIterator[str]:
    """Yield the address of a database of which nobody else takes statistics."""
    name = f"test_{uuid4().hex[:16]}"
    own = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    await execute(server_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    tables = (*TABLES, *LISTED)
    await execute(own, *(f"ALTER TABLE {t} SET (autovacuum_enabled = off)" for t in tables))
    yield own
    await execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(address: str, *statements: str) -> None:
    connection = await asyncpg.connect(address)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def found(database: Database) -> Org:
    async with database.transaction() as connection:
        return await create_org(connection, name="Crowd", time_zone="Europe/Warsaw", currency="USD")


async def tell(database: Database, org: Org, facts: Iterable[Fact | Retraction]) -> int:
    """Append facts; return the position of the last one."""
    async with database.transaction(org.id) as connection:
        return (await append(connection, org, list(facts))).position


async def rows_read(
    connection: "asyncpg.Connection[asyncpg.Record]", tables: Collection[str] = TABLES
) -> Mapping[str, int]:
    """Return how many rows of each table the transaction has read so far."""
    rows = await connection.fetch(_ROWS_READ, tables)
    return {row["relname"]: row["rows"] for row in rows}


async def rows_handled(connection: "asyncpg.Connection[asyncpg.Record]", query: LoggedQuery) -> int:
    """Return how many rows all steps of a statement yield or throw away."""
    plan = await connection.fetchval(
        f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query.query}", *query.args
    )
    return _rows_of(plan[0]["Plan"])


def _rows_of(step: dict[str, Any]) -> int:
    thrown = sum(rows for name, rows in step.items() if name.startswith("Rows Removed"))
    own: int = (step["Actual Rows"] + thrown) * step["Actual Loops"]
    return own + sum(_rows_of(part) for part in step.get("Plans", ()))
