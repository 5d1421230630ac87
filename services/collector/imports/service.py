"""Import a CSV file: everything in it, in one transaction, or nothing."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.collector.imports.csv_file import UnreadableCsv, read_csv
from services.collector.imports.mapping import (
    KINDS,
    ImportKind,
    Person,
    RowError,
    person_of_row,
)
from shared import clock
from shared.db import Database
from shared.errors import FieldError, Invalid
from shared.facts import Fact
from shared.ids import new_id
from shared.ledger import AppendResult, FactRejected, append
from shared.observability.http import note
from shared.orgs import Org, load_org

__all__ = ["ImportResult", "InvalidFile", "import_file"]

# As many as an answer lists.
_MOST_ERRORS = 50


class InvalidFile(Invalid):
    """The file breaks a rule; nothing of it was written. ``errors`` carry line and column."""

    code = "invalid_file"
    title = "The file cannot be imported"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of a file, in rows. ``import_id`` is None for a dry run."""

    import_id: UUID | None
    kind: ImportKind
    rows: int
    inserted: int
    unchanged: int
    corrected: int


@dataclass(frozen=True, slots=True)
class _Parsed:
    facts: list[Fact]
    lines: list[int]
    people: list[Person]
    columns: frozenset[str]


async def import_file(
    database: Database, org_id: UUID, kind: ImportKind, content: bytes, *, dry_run: bool = False
) -> ImportResult:
    """Import ``content`` as a file of ``kind`` and return how many rows said something new.

    A dry run does everything, the judgement against the ledger included, and then takes it back.

    Raises:
        InvalidFile: the file or a row of it is wrong; nothing was written.
        shared.orgs.UnknownOrg: there is no such organization.
    """
    async with database.transaction(org_id) as connection:
        org = await load_org(connection, org_id)
    # A large file takes seconds to read: other requests go on meanwhile.
    parsed = await asyncio.to_thread(_parse, content, kind, org.zone)
    import_id = new_id()
    async with database.transaction(org_id) as connection:
        savepoint = connection.transaction()
        await savepoint.start()
        result = await _write(connection, org, kind, content, parsed, import_id)
        await (savepoint.rollback() if dry_run else savepoint.commit())
    if not dry_run:
        note(import_id=str(import_id), **result.stretch)
    return _counts(None if dry_run else import_id, kind, parsed, result)


def _parse(content: bytes, kind: ImportKind, zone: ZoneInfo) -> _Parsed:
    try:
        file = read_csv(content, KINDS[kind].layout)
    except UnreadableCsv as error:
        raise InvalidFile("The file cannot be read as CSV.", errors=error.errors) from None
    parsed = _Parsed([], [], [], file.columns)
    errors = list(file.errors)
    for row in file.rows:
        try:
            parsed.facts.append(KINDS[kind].fact_of(row.cells, zone))
            parsed.lines.append(row.line)
            if kind == "roster":
                parsed.people.append(person_of_row(row.cells))
        except RowError as error:
            errors.extend(error.at(row.line))
    errors.extend(_repeated(parsed))
    if errors:
        raise _invalid(errors)
    return parsed


def _repeated(parsed: _Parsed) -> Iterable[FieldError]:
    """Find rows that speak of the same thing twice: which of them holds cannot be known."""
    first_lines: dict[tuple[str, str], int] = {}
    for fact, line in zip(parsed.facts, parsed.lines, strict=True):
        first = first_lines.setdefault((fact.kind, fact.external_id), line)
        if first != line:
            message = f"line {first} already says this; a file says a thing once"
            yield FieldError(field=f"lines.{line}", rule="repeated", message=message)


async def _write(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    kind: ImportKind,
    content: bytes,
    parsed: _Parsed,
    import_id: UUID,
) -> AppendResult:
    await _save_people(connection, org.id, parsed)
    try:
        result = await append(connection, org, parsed.facts)
    except FactRejected as error:
        place = f"lines.{parsed.lines[error.index]}.{error.field}"
        raise _invalid([FieldError(field=place, rule=error.code, message=error.message)]) from None
    await connection.execute(
        "INSERT INTO import_run (org_id, id, kind, file_hash, rows, inserted, unchanged, corrected,"
        " created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        org.id,
        import_id,
        kind,
        hashlib.sha256(content).digest(),
        len(parsed.facts),
        result.inserted,
        _unchanged(result),
        result.corrected,
        clock.now(),
    )
    return result


# A column that the file does not have keeps what is known; an empty cell erases it. Sorted by key,
# so that two imports at once wait for each other instead of deadlocking.
_SAVE_PEOPLE = """
INSERT INTO employee (org_id, employee, display_name, email, updated_at)
SELECT $1, * FROM (
    SELECT employee, display_name, email, $5::timestamptz
      FROM unnest($2::text[], $3::text[], $4::text[]) AS p (employee, display_name, email)
     ORDER BY employee
) AS sorted
ON CONFLICT (org_id, employee) DO UPDATE SET
    display_name = CASE WHEN $6 THEN excluded.display_name ELSE employee.display_name END,
    email = CASE WHEN $7 THEN excluded.email ELSE employee.email END,
    updated_at = excluded.updated_at
"""


async def _save_people(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, parsed: _Parsed
) -> None:
    has_name, has_email = "display_name" in parsed.columns, "email" in parsed.columns
    if not has_name and not has_email:
        return
    # Of several rows of one person the newest tells how they are called.
    newest = {
        person.employee: person
        for person in sorted(parsed.people, key=lambda person: person.effective_on)
    }
    await connection.execute(
        _SAVE_PEOPLE,
        org_id,
        [person.employee for person in newest.values()],
        [person.display_name for person in newest.values()],
        [person.email for person in newest.values()],
        clock.now(),
        has_name,
        has_email,
    )


def _counts(
    import_id: UUID | None, kind: ImportKind, parsed: _Parsed, result: AppendResult
) -> ImportResult:
    return ImportResult(
        import_id=import_id,
        kind=kind,
        rows=len(parsed.facts),
        inserted=result.inserted,
        unchanged=_unchanged(result),
        corrected=result.corrected,
    )


def _unchanged(result: AppendResult) -> int:
    # A row the ledger holds a later word on changes nothing either.
    return result.unchanged + result.stale


def _invalid(errors: Iterable[FieldError]) -> InvalidFile:
    listed = sorted(errors, key=_line)
    detail = f"{len(listed)} {'error' if len(listed) == 1 else 'errors'}; nothing was imported."
    if len(listed) > _MOST_ERRORS:
        detail = f"{len(listed)} errors, the first {_MOST_ERRORS} listed; nothing was imported."
    return InvalidFile(detail, errors=listed[:_MOST_ERRORS])


def _line(error: FieldError) -> int:
    return int(error["field"].split(".")[1])
