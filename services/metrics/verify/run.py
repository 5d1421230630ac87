"""Verify: lay what is stored beside what the ledger says, exactly."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from services.metrics.retired import GENERATION_TABLES
from services.metrics.sql import fetch, run
from services.metrics.verify import cells
from services.metrics.verify.credit import MODELS
from services.metrics.verify.facts import VERSIONS
from services.metrics.verify.heads import compare_heads
from services.metrics.verify.past import compare_past
from services.metrics.verify.recompute import (
    EVERYTHING,
    FAMILIES,
    Scope,
    Target,
    recompute,
    target_of,
)
from services.metrics.verify.report import Check, Mismatch, Report
from services.metrics.verify.state import STATE_MISMATCHES, UNFIT, credit_mismatches
from shared.db import Database

__all__ = ["compare_all", "draw_samples", "verify"]

_SAMPLE_REACHES = timedelta(days=15)
_MEASURES = "SELECT measure FROM rollup_slot WHERE org_id = $1 AND generation = $2"
_MODELS = "SELECT DISTINCT model FROM credit WHERE org_id = $1 AND generation = $2"
# A generation that was just rebuilt is unknown to the planner until statistics are taken again: it
# would look through all of its cells for each of its rows. So all of it is read once and hashed.
_NESTED_LOOPS = "SET LOCAL enable_nestloop = {}"
#: Tables that are compared by another way than row by row.
_COMPARED_OTHERWISE = frozenset(
    {"rollup", "rollup_slot", "rollup_change", "cell", "credit_row", "credit_row_past"}
)
_CREDIT_MISMATCHES = credit_mismatches("credit")


async def verify(database: Database, org_id: UUID, *, scope: Scope = EVERYTHING) -> Report:
    """Recompute the scope from the ledger and compare it with the live generation.

    Everything is read in one snapshot, so folding goes on meanwhile. A whole verification compares
    state, credit, the change log and the heads of facts besides; a sample compares its cells.
    """
    async with database.snapshot(org_id) as connection:
        target = await target_of(connection, org_id)
        report = Report(org_id, target.generation, target.position)
        await recompute(connection, target, scope)
        if scope == EVERYTHING:
            await compare_all(connection, target, report)
        else:
            await connection.execute(_NESTED_LOOPS.format("off"))
            await _compare_cells(connection, target, scope, report)
    return report


async def compare_all(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, report: Report
) -> None:
    """Compare what was recomputed of everything: cells, log, state, credit, heads, and the past.

    The cells that differ are in ``verify_mismatch`` until the transaction ends.
    """
    await connection.execute(_NESTED_LOOPS.format("off"))
    await _compare_cells(connection, target, EVERYTHING, report)
    await _compare_log(connection, target, report)
    await _compare_state(connection, target, report)
    await _compare_credit(connection, target, report)
    await compare_heads(connection, target.org_id, target.position, report)
    await compare_past(connection, target, report, await _measures(connection, target, EVERYTHING))


async def draw_samples(
    database: Database, org_id: UUID, count: int, chance: Random
) -> Sequence[Scope]:
    """Choose what to verify: measures and the days around a fact, busy days more often."""
    scopes = []
    async with database.transaction(org_id) as connection:
        target = await target_of(connection, org_id)
        for _ in range(count if target.position else 0):
            day = await connection.fetchval(
                "SELECT day FROM ledger_entry WHERE org_id = $1 AND position = $2",
                org_id,
                chance.randint(1, target.position),
            )
            family = chance.choice(FAMILIES)
            scopes.append(Scope(family, day - _SAMPLE_REACHES, day + _SAMPLE_REACHES))
    return scopes


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


async def _measures(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, scope: Scope
) -> list[str]:
    """Return the stored measures that the scope recomputes."""
    rows = await connection.fetch(_MEASURES, target.org_id, target.generation)
    return [row["measure"] for row in rows if scope.covers(row["measure"])]


async def _compare_log(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, report: Report
) -> None:
    async for row in connection.cursor(cells.LOG_OUT_OF_TIME, target.org_id, target.generation):
        report.add(Mismatch(Check.PAST, "rollup_change", row["stored"], row["recomputed"]))
    async for row in connection.cursor(cells.LOG_MISMATCHES, target.org_id, target.generation):
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


async def _compare_state(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, report: Report
) -> None:
    async for row in connection.cursor(UNFIT, target.org_id, target.generation):
        report.add(Mismatch(Check.STATE, row["table"], row["stored"], row["recomputed"]))
    await run(connection, VERSIONS, target.org_id, target.position)
    await connection.execute("ANALYZE verify_version")
    for table, statement in STATE_MISMATCHES.items():
        arguments = (target.org_id, target.position, target.generation)
        async for row in connection.cursor(statement, *arguments):
            report.add(Mismatch(Check.STATE, table, row["stored"], row["recomputed"]))


async def _compare_credit(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, report: Report
) -> None:
    async for row in connection.cursor(_CREDIT_MISMATCHES, target.org_id, target.generation):
        report.add(Mismatch(Check.CREDIT, row["name"], row["stored"], row["recomputed"]))
