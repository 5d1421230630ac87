"""Verify: lay what is stored beside what the ledger says, exactly."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from services.metrics.retired import GENERATION_TABLES
from services.metrics.sql import fetch, run
from services.metrics.verify import cells
from services.metrics.verify.beside import compare_beside
from services.metrics.verify.contents import compare_contents
from services.metrics.verify.credit import MODELS
from services.metrics.verify.facts import VERSIONS
from services.metrics.verify.heads import compare_heads
from services.metrics.verify.ledger import compare_ledger
from services.metrics.verify.past import compare_past
from services.metrics.verify.recompute import (
    EVERYTHING,
    NO_NESTED_LOOPS,
    Scope,
    Target,
    recompute,
    target_of,
)
from services.metrics.verify.report import Check, Mismatch, Report
from services.metrics.verify.state import STATE_MISMATCHES, UNFIT, credit_mismatches
from shared.db import Database

__all__ = [
    "compare_all",
    "compare_log",
    "compare_scope",
    "compare_state",
    "stored_measures",
    "verify",
]

_MEASURES = "SELECT measure FROM rollup_slot WHERE org_id = $1 AND generation = $2"
_MODELS = "SELECT DISTINCT model FROM credit WHERE org_id = $1 AND generation = $2"
#: Tables that are compared by another way than row by row.
_COMPARED_OTHERWISE = frozenset(
    {"rollup", "rollup_slot", "rollup_change", "cell", "credit_row", "credit_row_past"}
)
_CREDIT_MISMATCHES = credit_mismatches("credit")


async def verify(database: Database, org_id: UUID, *, scope: Scope = EVERYTHING) -> Report:
    """Recompute the scope from the ledger and compare it with the live generation.

    Everything is read in one snapshot, so folding goes on meanwhile. A whole verification compares
    state, the change log, the past, the heads of facts, the ledger and what is kept beside it, all
    besides cells and credit.
    """
    async with database.snapshot(org_id) as connection:
        target = await target_of(connection, org_id)
        report = target.report()
        await recompute(connection, target, scope)
        if scope == EVERYTHING:
            await compare_all(connection, target, report)
        else:
            await compare_scope(connection, target, scope, report)
    return report


async def compare_scope(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, scope: Scope, report: Report
) -> None:
    """Compare what was recomputed of a scope: its cells, and the credit that they are summed from.

    The cells that differ are in ``verify_mismatch`` until the transaction ends.
    """
    await connection.execute(NO_NESTED_LOOPS)
    await _compare_cells(connection, target, scope, report)
    if scope.has_credit:
        await _compare_credit(connection, target, scope, report)


async def compare_all(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, report: Report
) -> None:
    """Compare everything, of which all was recomputed: see :class:`Check`.

    The cells that differ are in ``verify_mismatch`` until the transaction ends.
    """
    await compare_scope(connection, target, EVERYTHING, report)
    await compare_ledger(connection, target.org_id, report)
    await compare_log(connection, target, report)
    await compare_state(connection, target, report)
    await compare_heads(connection, target.org_id, target.position, report)
    await compare_contents(connection, target.org_id, report)
    await compare_beside(connection, target.org_id, report)
    measures = await stored_measures(connection, target, EVERYTHING)
    await compare_past(connection, target, report, measures)


async def _compare_cells(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    scope: Scope,
    report: Report,
) -> None:
    of_generation = (target.org_id, target.generation)
    stored = [row["measure"] for row in await connection.fetch(_MEASURES, *of_generation)]
    if scope == EVERYTHING:
        models = [row["model"] for row in await connection.fetch(_MODELS, *of_generation)]
        report.unverified = (
            *sorted(measure for measure in stored if not scope.covers(measure)),
            *sorted(f"credit of {model}" for model in models if model not in MODELS),
            *sorted({*GENERATION_TABLES} - _COMPARED_OTHERWISE - STATE_MISMATCHES.keys()),
        )
    await connection.execute(
        cells.CELL_MISMATCHES,
        *of_generation,
        [measure for measure in stored if scope.covers(measure)],
        scope.first_day,
        scope.last_day,
    )
    report.compared += await connection.fetchval("SELECT count(*) FROM verify_cell")
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM verify_mismatch)"):
        return
    # Of those that are listed alone: should all cells be wrong, they would not fit in memory.
    known = await _facts_of_mismatches(connection, target, scope)
    async for row in connection.cursor(cells.MISMATCHES):
        facts, examples = known.get(_cell_key(row), (0, ()))
        report.add(
            Mismatch(
                Check.CELLS,
                row["measure"],
                str(row["stored"]),
                str(row["recomputed"]),
                day=row["day"],
                cell={name: row[name] for name in cells.NAME if row[name]},
                facts=facts,
                examples=tuple(examples),
            )
        )


async def _facts_of_mismatches(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, scope: Scope
) -> dict[tuple[Any, ...], tuple[int, Sequence[str]]]:
    found: dict[tuple[Any, ...], tuple[int, Sequence[str]]] = {}
    for family in scope.families:
        statement = cells.FACTS_OF_MISMATCHES.format(query=family.query)
        for row in await fetch(connection, statement, target.org_id, target.position):
            key = _cell_key(row)
            count, examples = found.get(key, (0, ()))
            found[key] = (count + row["facts"], [*examples, *row["examples"]][:5])
    return found


def _cell_key(row: Any) -> tuple[Any, ...]:
    return (row["measure"], row["day"], *(row[name] for name in cells.NAME))


async def stored_measures(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, scope: Scope
) -> list[str]:
    """Return the stored measures that the scope recomputes."""
    rows = await connection.fetch(_MEASURES, target.org_id, target.generation)
    return [row["measure"] for row in rows if scope.covers(row["measure"])]


async def compare_log(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    measure: str | None = None,
) -> None:
    """Compare the log with the entries it names, and with the values, all or a measure's."""
    of_generation = (target.org_id, target.generation)
    async for row in connection.cursor(cells.LOG_OUT_OF_TIME, *of_generation):
        report.add(Mismatch(Check.PAST, "rollup_change", row["stored"], row["recomputed"]))
    asked = of_generation if measure is None else (*of_generation, measure)
    statement = cells.LOG_MISMATCHES if measure is None else cells.LOG_MISMATCHES_OF_MEASURE
    async for row in connection.cursor(statement, *asked):
        report.add(
            Mismatch(
                Check.LOG,
                row["measure"],
                str(row["stored"]),
                str(row["recomputed"]),
                day=row["day"],
                cell={"cell": str(row["cell"])},
            )
        )


async def compare_state(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    tables: Iterable[str] = STATE_MISMATCHES,
) -> None:
    """Compare the rows of tables of state, after ``verify_withdrawn`` was filled."""
    async for row in connection.cursor(UNFIT, target.org_id, target.generation):
        report.add(Mismatch(Check.STATE, row["table"], row["stored"], row["recomputed"]))
    await run(connection, VERSIONS, target.org_id, target.position)
    await connection.execute("ANALYZE verify_version")
    for table in tables:
        arguments = (target.org_id, target.position, target.generation)
        async for row in connection.cursor(STATE_MISMATCHES[table], *arguments):
            report.add(Mismatch(Check.STATE, table, row["stored"], row["recomputed"]))


async def _compare_credit(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, scope: Scope, report: Report
) -> None:
    asked = (target.org_id, target.generation, scope.first_day, scope.last_day)
    async for row in connection.cursor(_CREDIT_MISMATCHES, *asked):
        report.add(Mismatch(Check.CREDIT, row["name"], row["stored"], row["recomputed"]))
