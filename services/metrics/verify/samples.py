"""Samples: a look at one of the things that a whole verification compares, at a bounded cost.

Each reads the ledger of one organization, or the log of its changes, about once; a series of them
in order comes to everything that is stored.
"""

from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Final
from uuid import UUID

import asyncpg

from services.metrics.sql import run
from services.metrics.verify.beside import BESIDE, compare_beside
from services.metrics.verify.contents import compare_contents
from services.metrics.verify.facts import WITHDRAWN
from services.metrics.verify.heads import compare_heads_of
from services.metrics.verify.ledger import Stretch, compare_ledger
from services.metrics.verify.past import compare_past_of
from services.metrics.verify.recompute import (
    EVERYTHING,
    FAMILIES,
    NO_NESTED_LOOPS,
    Scope,
    Target,
    recompute,
    target_of,
)
from services.metrics.verify.report import Report
from services.metrics.verify.run import (
    compare_log,
    compare_scope,
    compare_state,
    stored_measures,
)
from services.metrics.verify.state import STATE_MISMATCHES
from shared.db import Database

__all__ = ["Look", "draw_scope", "verify_sample"]

_REACHES: Final = timedelta(days=15)
#: Entries of a stretch of the ledger.
_STRETCH: Final = 1_000

_DAY = """
SELECT day FROM ledger_entry WHERE org_id = $1 AND position >= $2 ORDER BY position LIMIT 1
"""
_LAST = "SELECT greatest(max(position), 1) FROM ledger_entry WHERE org_id = $1"


class Look(StrEnum):
    """What a sample looks at."""

    CELLS = "cells"
    """A family of measures in the days around some fact; of credit, each share of it."""
    STATE = "state"
    """A table of the fold's state, or of its past."""
    LOG = "log"
    """The log of a measure, and at which entries changes are logged."""
    LEDGER = "ledger"
    """The newest entries and some others, with the heads of their facts."""
    BESIDE = "beside"
    """A table that is kept beside the ledger."""
    PAST = "past"
    """As for cells, and besides as it was known at some position of the past."""


async def verify_sample(database: Database, org_id: UUID, look: Look, chance: Random) -> Report:
    """Compare something of the live generation, drawn anew each time, with what the ledger says.

    Everything is read in one snapshot, so folding goes on meanwhile. Where nothing is folded yet,
    nothing is compared.
    """
    async with database.snapshot(org_id) as connection:
        target = await target_of(connection, org_id)
        report = target.report()
        report.look = str(look)
        if not target.position:
            return report
        match look:
            case Look.CELLS | Look.PAST:
                await _look_at_cells(connection, target, report, look, chance)
            case Look.STATE:
                await run(connection, WITHDRAWN, org_id, target.position)
                await connection.execute(f"ANALYZE verify_withdrawn; {NO_NESTED_LOOPS}")
                table = chance.choice(sorted(STATE_MISMATCHES))
                await compare_state(connection, target, report, [table])
            case Look.LOG:
                await connection.execute(NO_NESTED_LOOPS)
                measures = await stored_measures(connection, target, EVERYTHING)
                await compare_log(connection, target, report, chance.choice(measures or [""]))
            case Look.LEDGER:
                await _look_at_ledger(connection, org_id, report, chance)
            case Look.BESIDE:
                await connection.execute(NO_NESTED_LOOPS)
                await compare_beside(connection, org_id, report, [chance.choice(sorted(BESIDE))])
    return report


async def draw_scope(
    connection: "asyncpg.Connection[asyncpg.Record]", target: Target, chance: Random
) -> Scope:
    """Choose measures and the days around a fact that is folded, busy days more often.

    All days, if the last entries that were folded are lost: their facts may have been of any.
    """
    day: date | None = await connection.fetchval(
        _DAY, target.org_id, chance.randint(1, target.position)
    )
    family = chance.choice(FAMILIES)
    return Scope(family) if day is None else Scope(family, day - _REACHES, day + _REACHES)


async def _look_at_cells(
    connection: "asyncpg.Connection[asyncpg.Record]",
    target: Target,
    report: Report,
    look: Look,
    chance: Random,
) -> None:
    scope = await draw_scope(connection, target, chance)
    assert scope.family is not None, "a sample is of one family"
    report.family = scope.family.name
    await recompute(connection, target, scope)
    await compare_scope(connection, target, scope, report)
    if look is Look.PAST:
        measures = await stored_measures(connection, target, scope)
        await compare_past_of(connection, target, report, measures, scope, chance)


async def _look_at_ledger(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, report: Report, chance: Random
) -> None:
    last: int = await connection.fetchval(_LAST, org_id)
    newest = max(1, last - _STRETCH + 1)
    some = chance.randint(1, newest)
    stretches = [Stretch(newest, 2**62)]
    if some < newest:
        stretches.append(Stretch(some, min(some + _STRETCH, newest) - 1))
    for stretch in stretches:
        await compare_ledger(connection, org_id, report, stretch)
        await compare_heads_of(connection, org_id, stretch, report)
        await compare_contents(connection, org_id, report, stretch)
