"""The real path of a history: append, fold, and what the database holds afterwards."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from services.api.assumptions.repository import add_statement
from services.metrics import journeys
from services.metrics.fold import fold_batch
from services.metrics.worker import catch_up
from shared.attribution import dividing
from shared.db import Database
from shared.kpis.vocabulary import Grade
from shared.ledger import append
from shared.orgs import Org, create_org
from tests.property.oracle.contributions import Where
from tests.property.oracle.ledger import History, standing
from tests.property.oracle.rates import Stated
from tests.property.oracle.slices import Cell
from tests.property.worlds import Delivery, Setting, Step

__all__ = [
    "GENERATION",
    "CreditRow",
    "credit_rows",
    "credited_at_once",
    "deliver",
    "digest",
    "fold",
    "found_org",
    "history_of",
    "rollup_cells",
    "state",
    "summed_changes",
    "tell",
]

GENERATION = 1
#: How many fraction digits currencies have.
_DIGITS = {"JPY": 0, "USD": 2, "KWD": 3}
#: How many deliveries come last, by themselves.
_LATE = 3
_AT_ONCE = {name: getattr(journeys, name) for name in ("_TOUCHES_AT_ONCE", "_ROWS_AT_ONCE")}
_SOONER_ALONE = "_SOONER_ALONE"
_ALONE = getattr(dividing, _SOONER_ALONE)
#: (kind of conversion, its id, model, touch key, share, amount)
CreditRow = tuple[str, str, str, bytes, Fraction, Fraction | None]

#: Another generation may be under way, or retired.
_IS_LIVE = """org_id = $1 AND generation = (
    SELECT generation FROM generation WHERE org_id = $1 AND state = 'live')"""
_CELL = "measure, day, slice, team, employee, account, network, campaign, content, channel"
_ROLLUPS = f"""
SELECT {_CELL}, value
  FROM rollup_value JOIN cell USING (org_id, generation, cell)
 WHERE {_IS_LIVE} AND value <> 0
"""
_CHANGES = f"""
SELECT {_CELL}, sum(delta) AS value
  FROM rollup_delta JOIN cell USING (org_id, generation, cell)
 WHERE {_IS_LIVE}
 GROUP BY {_CELL}
HAVING sum(delta) <> 0
"""
_CREDITS = f"""
SELECT kind, conversion, model, touch_key, share, amount FROM credit WHERE {_IS_LIVE}
"""


async def found_org(database: Database, setting: Setting) -> Org:
    """Create an organization with the drawn settings: one per history."""
    async with database.transaction() as connection:
        return await create_org(
            connection,
            name="Property",
            time_zone=setting.time_zone,
            currency=setting.currency,
            window_days=setting.window_days,
            half_life_days=setting.half_life_days,
        )


def history_of(org: Org, deliveries: Iterable[Delivery]) -> History:
    """Return what the oracle needs to know of an organization after ``deliveries``."""
    return History(
        standing(deliveries, org.zone),
        org.zone,
        org.window_days,
        org.half_life_days,
        minor_digits=_DIGITS[org.currency],
    )


async def deliver(
    database: Database, org: Org, items: Sequence[Delivery], at: datetime | None = None
) -> None:
    """Append one batch, in a transaction of its own; recorded now, or ``at`` a moment."""
    async with database.transaction(org.id) as connection:
        await append(connection, org, items, received_at=at)


async def fold(database: Database, org: Org, limit: int) -> None:
    """Fold one batch of at most ``limit`` entries, unless another fold is under way."""
    async with database.transaction(org.id) as connection:
        await fold_batch(connection, org.id, GENERATION, limit=limit)


@contextmanager
def credited_at_once(touches: int) -> Iterator[None]:
    """Let folds credit so many touches at once, and sum up as many rows.

    What is divided at once goes the way of many journeys, however few these are.
    Blocks may overlap, as folds of several organizations do: what was before all of them returns.
    """
    for name in _AT_ONCE:
        setattr(journeys, name, touches)
    setattr(dividing, _SOONER_ALONE, 0)
    try:
        yield
    finally:
        setattr(dividing, _SOONER_ALONE, _ALONE)
        for name, usual in _AT_ONCE.items():
            setattr(journeys, name, usual)


async def tell(
    database: Database,
    org: Org,
    deliveries: Sequence[Delivery],
    steps: Iterable[Step],
    at: datetime | None = None,
) -> None:
    """Deliver in the batches of ``steps``, folding where they say; then all the rest.

    The last few come when most of them are folded. All is recorded ``at`` one moment, or now.
    """
    rest = list(deliveries)
    for step in steps:
        batch, rest = rest[: step.deliveries], rest[step.deliveries :]
        await deliver(database, org, batch, at)
        if step.fold_limit is not None:
            with credited_at_once(step.touches_at_once):
                await fold(database, org, step.fold_limit)
    await deliver(database, org, rest[:-_LATE], at)
    with credited_at_once(50_000):
        await fold(database, org, 1000)
    await deliver(database, org, rest[-_LATE:], at)
    await catch_up(database, org.id)


async def state(database: Database, org: Org, rates: Iterable[Stated]) -> None:
    """State rates, one after another."""
    async with database.transaction(org.id) as connection:
        for rate in rates:
            await add_statement(
                connection,
                org.id,
                key=rate.key,
                effective_from=rate.effective_on,
                value=Decimal(rate.value),
                source="property",
                grade=Grade.MEASURED,
            )


async def rollup_cells(database: Database, org: Org) -> dict[Cell, Fraction]:
    """Return every cell of the rollups that is not 0."""
    return await _cells(database, org, _ROLLUPS)


async def summed_changes(database: Database, org: Org) -> dict[Cell, Fraction]:
    """Return what all changes ever logged add up to, where that is not 0."""
    return await _cells(database, org, _CHANGES)


async def _cells(database: Database, org: Org, query: str) -> dict[Cell, Fraction]:
    async with database.transaction(org.id) as connection:
        # Among hundreds of organizations the planner takes one's rows for a handful, and would look
        # at all of its cells again for each of its values.
        await connection.execute("SET LOCAL enable_nestloop = off")
        rows = await connection.fetch(query, org.id)
    cells = {
        Cell(
            row["measure"],
            row["day"],
            row["slice"],
            row["team"],
            Where(*(row[name] for name in Where._fields)),
        ): Fraction(row["value"])
        for row in rows
    }
    assert len(cells) == len(rows), "two rows of the rollups name the same cell"
    return cells


async def credit_rows(database: Database, org: Org) -> set[CreditRow]:
    """Return every credit of the organization."""
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(_CREDITS, org.id)
    return {(*row[:4], Fraction(row["share"]), _fraction(row["amount"])) for row in rows}


def _fraction(amount: Decimal | None) -> Fraction | None:
    return None if amount is None else Fraction(amount)


async def digest(database: Database, org: Org) -> str:
    """Return a hash of all rollups and credits: equal where every figure is."""
    cells = sorted(
        (*cell[:4], *cell.where, value)
        for cell, value in (await rollup_cells(database, org)).items()
    )
    credited = sorted(await credit_rows(database, org), key=repr)
    return hashlib.sha256(repr((cells, credited)).encode()).hexdigest()
