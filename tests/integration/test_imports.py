"""CSV files end up in the ledger whole, once, or not at all."""

import hashlib
import unicodedata
from datetime import date
from decimal import Decimal
from typing import cast
from uuid import UUID

import pytest
from asyncpg import Record

from sandbox.golden.files import csv_files
from services.collector.imports.mapping import ImportKind
from services.collector.imports.service import ImportResult, InvalidFile, import_file
from services.metrics.worker import catch_up
from shared.db import Database
from shared.kpis.periods import Period
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures

ROSTER = (
    "employee,effective_on,employed,team,role,linkedin_account,display_name,email\n"
    "E1,2025-01-01,true,Sales,leader,true,Anna Bąk,anna@example.com\n"
    "E2,2025-01-01,true,=HYPERLINK(1),employee,false,Bartosz Cień,bartosz@example.com\n"
)
MEMBERSHIP = (
    "employee,event,occurred_at\nE1,invited,2025-01-01T07:00:00Z\nE1,joined,2025-01-02T07:00:00Z\n"
)
COSTS = (
    "cost_id,category,amount,currency,starts_on,ends_on,evidence,quantity,unit_rate,note\n"
    "C-1,training,3600.00,USD,2025-01-01,2025-04-01,timesheet,120,30.00,30 people × 4 h\n"
)
SSI = "employee,observed_on,brand,people,insights,relationships\nE1,2025-01-02,12.25,10.5,9,14\n"
FILES: list[tuple[ImportKind, str, int]] = [
    ("roster", ROSTER, 2),
    ("membership", MEMBERSHIP, 2),
    ("costs", COSTS, 1),
    ("ssi", SSI, 1),
]


async def run(
    database: Database, org: Org, kind: ImportKind, text: str, *, dry_run: bool = False
) -> ImportResult:
    return await import_file(database, org.id, kind, text.encode(), dry_run=dry_run)


async def rows(database: Database, org_id: UUID, query: str) -> list[Record]:
    async with database.transaction(org_id) as connection:
        return await connection.fetch(query)


async def written(database: Database, org: Org) -> list[int]:
    """Return how many entries, people and imports there are."""
    query = (
        "SELECT (SELECT count(*) FROM ledger_entry), (SELECT count(*) FROM employee),"
        " (SELECT count(*) FROM import_run)"
    )
    return list((await rows(database, org.id, query))[0])


@pytest.mark.parametrize(("kind", "text", "expected"), FILES)
async def test_importing_again_changes_nothing(
    database: Database, org: Org, kind: ImportKind, text: str, expected: int
) -> None:
    first = await run(database, org, kind, text)
    again = await run(database, org, kind, text)

    assert (first.rows, first.inserted, first.unchanged) == (expected, expected, 0)
    assert (again.rows, again.inserted, again.unchanged) == (expected, 0, expected)
    assert (await written(database, org))[0] == expected
    imports = await rows(database, org.id, "SELECT * FROM import_run ORDER BY id")
    assert [row["id"] for row in imports] == [first.import_id, again.import_id]
    assert imports[0]["file_hash"] == hashlib.sha256(text.encode()).digest()


async def test_the_files_of_the_golden_year_are_imported_whole(
    database: Database, org: Org
) -> None:
    imported = {}
    for name, text in csv_files().items():
        kind = cast("ImportKind", name.removesuffix(".csv"))
        imported[kind] = (await run(database, org, kind, text)).inserted

    assert imported == {"roster": 100, "membership": 130, "costs": 7, "ssi": 48}


async def test_a_cost_of_the_brand_is_one_of_its_accounts_and_none_of_the_program(
    database: Database, org: Org
) -> None:
    header = "cost_id,category,amount,currency,starts_on,ends_on,evidence,channel,account\n"
    months = "USD,2025-01-01,2025-02-01,invoice"
    text = f"{header}C-1,content,70.00,{months},brand,acme\nC-2,platform,30.00,{months},,\n"
    await run(database, org, "costs", text)
    await catch_up(database, org.id)

    january = Period(date(2025, 1, 1), date(2025, 2, 1))
    async with database.transaction(org.id) as connection:
        table = await read_measures(
            connection, org, ["cost_brand"], MeasureQuery((january,), "account")
        )
        total = await read_measures(connection, org, ["cost"], MeasureQuery((january,)))
    assert table == {(0, "acme"): {"cost_brand": Decimal(70)}}
    assert total[0, ""]["cost"] == Decimal(30)


async def test_a_corrected_row_restates_what_was_said(database: Database, org: Org) -> None:
    await run(database, org, "roster", ROSTER)

    result = await run(database, org, "roster", ROSTER.replace("true,Sales", "true,HR"))

    assert (result.corrected, result.unchanged) == (1, 1)


async def test_personal_data_go_to_the_table_of_people_alone(database: Database, org: Org) -> None:
    await run(database, org, "roster", ROSTER)

    people = await rows(
        database, org.id, "SELECT employee, display_name, email FROM employee ORDER BY employee"
    )
    assert [tuple(person) for person in people] == [
        ("E1", "Anna Bąk", "anna@example.com"),
        ("E2", "Bartosz Cień", "bartosz@example.com"),
    ]
    entries = await rows(database, org.id, "SELECT ledger_entry::text AS entry FROM ledger_entry")
    assert not any("Anna" in row["entry"] or "@example" in row["entry"] for row in entries)
    assert any("=HYPERLINK(1)" in row["entry"] for row in entries)


async def test_a_person_is_named_as_in_the_ledger_however_letters_are_composed(
    database: Database, org: Org
) -> None:
    spelled = {form: unicodedata.normalize(form, "Bąk-1") for form in ("NFD", "NFC")}
    assert spelled["NFD"] != spelled["NFC"]
    for employee in spelled.values():
        await run(database, org, "roster", ROSTER.replace("E1,", f"{employee},"))

    known = "SELECT employee FROM {} ORDER BY employee"
    people = await rows(database, org.id, known.format("employee"))
    entries = await rows(database, org.id, known.format("ledger_entry"))
    assert people == entries
    assert [row["employee"] for row in people] == [spelled["NFC"], "E2"]


async def test_a_roster_without_names_keeps_the_names_that_are_known(
    database: Database, org: Org
) -> None:
    await run(database, org, "roster", ROSTER)

    await run(
        database,
        org,
        "roster",
        "employee,effective_on,employed,team,role,linkedin_account,email\n"
        "E1,2025-02-01,true,HR,leader,true,\n",
    )

    people = await rows(
        database, org.id, "SELECT display_name, email FROM employee WHERE employee = 'E1'"
    )
    assert [tuple(person) for person in people] == [("Anna Bąk", None)]


async def test_a_dry_run_says_what_would_change_and_writes_nothing(
    database: Database, org: Org
) -> None:
    await run(database, org, "membership", MEMBERSHIP)
    before = await written(database, org)

    result = await run(
        database, org, "membership", MEMBERSHIP + "E2,invited,2025-01-03T07:00:00Z\n", dry_run=True
    )

    assert (result.import_id, result.inserted, result.unchanged) == (None, 1, 2)
    assert await written(database, org) == before


WRONG: list[tuple[ImportKind, str, list[tuple[str, str]]]] = [
    ("roster", ROSTER + "E3,2025-13-01,true,A,,true,,\n", [("lines.4.effective_on", "date")]),
    ("roster", ROSTER + "E3,2025-01-01,true,A,,true,,nobody\n", [("lines.4.email", "email")]),
    ("roster", ROSTER + "E3,2025-01-01\n", [("lines.4", "cell_count")]),
    ("roster", ROSTER + "E1,2025-01-01,true,HR,,true,,\n", [("lines.4", "repeated")]),
    (
        "roster",
        ROSTER.replace(",team", ",Team"),
        [("columns.4", "unknown_column"), ("team", "missing_column")],
    ),
    (
        "roster",
        ROSTER.replace("role", "team"),
        [("role", "missing_column"), ("team", "duplicate_column")],
    ),
    ("roster", ROSTER.replace("Anna", "An\x00na"), [("lines.2", "nul")]),
    ("costs", COSTS.replace("USD", "EUR"), [("lines.2.currency", "currency_mismatch")]),
    ("costs", COSTS.replace("USD", "UDS"), [("lines.2.currency", "unknown_currency")]),
    ("membership", MEMBERSHIP.replace("joined", "fired"), [("lines.3.event", "choice")]),
    ("ssi", SSI.replace("12.25", "25.5"), [("lines.2.brand", "less_than_equal")]),
]


@pytest.mark.parametrize(("kind", "text", "expected"), WRONG)
async def test_one_wrong_row_and_nothing_is_written(
    database: Database,
    org: Org,
    kind: ImportKind,
    text: str,
    expected: list[tuple[str, str]],
) -> None:
    with pytest.raises(InvalidFile) as error:
        await run(database, org, kind, text)

    assert [(item["field"], item["rule"]) for item in error.value.errors] == expected
    assert await written(database, org) == [0, 0, 0]


async def test_many_wrong_rows_are_listed_in_order_up_to_a_limit(
    database: Database, org: Org
) -> None:
    with pytest.raises(InvalidFile, match="60 errors, the first 50 listed") as error:
        await run(database, org, "membership", "employee,event,occurred_at\n" + "E1,x,y\n" * 60)

    assert [item["field"] for item in error.value.errors][:2] == ["lines.2.event", "lines.3.event"]
    assert len(error.value.errors) == 50
