"""The guide says of every table what it is, and what verifies it."""

import re
from pathlib import Path

from services.metrics.verify import Check
from services.metrics.verify.beside import BESIDE
from services.metrics.verify.state import STATE_MISMATCHES
from shared.db import Database

_GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "verify-and-rebuild.md"
_OF_MIGRATIONS = {"alembic_version"}


def lines() -> list[list[str]]:
    """Return the cells of each line of the guide's table of tables."""
    _, text = _GUIDE.read_text("utf-8").split("### Every table")
    table, _ = text.split("### Before a release")
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row] for row in rows]


def named(text: str) -> list[str]:
    return re.findall("`(\\w+)`", text)


async def test_every_table_is_in_the_guide_once(database: Database) -> None:
    async with database.transaction() as connection:
        rows = await connection.fetch(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        )
    told = sorted(table for tables, *_ in lines() for table in named(tables))
    assert told == sorted({row["relname"] for row in rows} - _OF_MIGRATIONS)


def test_what_is_said_to_verify_a_table_does() -> None:
    by = {table: {*named(how)} for tables, _, how in lines() for table in named(tables)}
    assert {*Check} >= {check for checks in by.values() for check in checks}
    for check, tables in ((Check.STATE, STATE_MISMATCHES), (Check.BESIDE, BESIDE)):
        assert {*tables} <= {table for table, checks in by.items() if check in checks}
