"""Dated statements of assumptions: appended, never overwritten."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from shared import clock
from shared.kpis.assumptions import EXCHANGE_RATE
from shared.kpis.rates import DatedRate
from shared.kpis.vocabulary import Grade

__all__ = [
    "Statement",
    "add_statement",
    "hold_statements",
    "rates_of",
    "statements_about",
    "statements_in_force",
]

# Rates of one network alone are not stated through the API, and so are not read here either.
_EVERY_NETWORK = ""

_COLUMNS = "key, effective_from, version, value, source, grade, recorded_at"
_READ = f"""
SELECT {_COLUMNS} FROM assumption
 WHERE org_id = $1 AND network = $2 AND NOT starts_with(key, '{EXCHANGE_RATE}')
 ORDER BY key, effective_from DESC, version DESC
"""
_IN_FORCE = f"""
SELECT DISTINCT ON (key) {_COLUMNS} FROM assumption
 WHERE org_id = $1 AND network = $2 AND effective_from <= $3
 ORDER BY key, effective_from DESC, version DESC
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM assumption
 WHERE org_id = $1 AND network = $2 AND key = $3
   AND (effective_from, version) < ($4::date, $5::integer)
 ORDER BY effective_from DESC, version DESC
 LIMIT $6
"""
_LAST = f"""
SELECT {_COLUMNS} FROM assumption
 WHERE org_id = $1 AND key = $2 AND network = $3 AND effective_from = $4
 ORDER BY version DESC
 LIMIT 1
"""
# What is published ends at a moment that some clock told, maybe one that is ahead: nothing that is
# stated afterwards may become a part of it.
_STAMP = """
greatest($8::timestamptz, (SELECT max(known_until) FROM publication WHERE org_id = $1))
"""
_ADD = f"""
INSERT INTO assumption (org_id, key, network, effective_from, version, value, source, grade,
                        recorded_at)
SELECT $1, $2, $3, $4, coalesce(max(version), 0) + 1, $5, $6, $7, {_STAMP}
  FROM assumption
 WHERE org_id = $1 AND key = $2 AND network = $3
RETURNING {_COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: the value of a key from a day on, and who said so when."""

    key: str
    effective_from: date
    version: int
    value: Decimal
    source: str
    grade: str
    recorded_at: datetime

    def rate(self) -> DatedRate:
        """Return the statement as formulas use it."""
        # `default` is what an installation was seeded with: it rests on no measurement.
        grade = Grade.MODELLED if self.grade == "default" else Grade(self.grade)
        return DatedRate(
            self.key, self.value, self.effective_from, self.version, self.source, grade
        )


async def statements_in_force(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, day: date
) -> dict[str, Statement]:
    """Return key → the statement in force on a day, of the keys that have one."""
    rows = await connection.fetch(_IN_FORCE, org_id, _EVERY_NETWORK, day)
    return {row["key"]: Statement(**row) for row in rows}


async def statements_about(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    key: str,
    *,
    after: tuple[date, int] = (date.max, 0),
    limit: int,
) -> list[Statement]:
    """Return statements about a key, the latest to begin first, after a first day and version."""
    rows = await connection.fetch(_PAGE, org_id, _EVERY_NETWORK, key, *after, limit)
    return [Statement(**row) for row in rows]


async def rates_of(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID
) -> list[DatedRate]:
    """Return every stated rate of an organization that formulas may take."""
    rows = await connection.fetch(_READ, org_id, _EVERY_NETWORK)
    return [Statement(**row).rate() for row in rows]


async def hold_statements(connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID) -> None:
    """Wait until nobody states anything for the organization, and keep others from it till commit.

    Before anything else is held: stating something needs the organization's row in the end.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"assumption/{org_id}"
    )


async def add_statement(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    *,
    key: str,
    effective_from: date,
    value: Decimal,
    source: str,
    grade: Grade,
) -> Statement:
    """Append a statement of now under the key's next version and return it.

    If the last one about the day says the same, nothing is appended and that one returned. Until
    the caller's transaction ends nobody else states anything for this organization.
    """
    # Two statements of one key at once would take the same version, and of two keys that must fit
    # together neither would see the other: the second one waits here. It is stamped when it need
    # not wait any more, so that what is stated later is of a later time, too.
    await hold_statements(connection, org_id)
    last = await connection.fetchrow(_LAST, org_id, key, _EVERY_NETWORK, effective_from)
    if last and (last["value"], last["source"], last["grade"]) == (value, source, grade.value):
        return Statement(**last)
    row = await connection.fetchrow(
        _ADD,
        org_id,
        key,
        _EVERY_NETWORK,
        effective_from,
        value,
        source,
        grade.value,
        clock.now(),
    )
    assert row is not None
    return Statement(**row)
