"""Journeys to credit: the touches before each conversion share it, under every model.

Only the journeys a batch touched are recomputed, and only credit that comes out different is
written: what stands keeps the position at which it was given.
"""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.metrics.sql import run
from shared.attribution import SHARE_DIGITS, AttributionModel
from shared.rollups import contributions, converting
from shared.rollups.layout import each_slot

__all__ = ["MODELS", "credit_touched"]

MODELS = tuple(AttributionModel)
_TOUCHES_AT_ONCE: Final = 100_000

_KEY: Final = "kind text, conversion text, touch_key bytea"
_WHERE: Final = """
    touch_day date, converted_day date, channel text, employee text, account text, network text,
    campaign text, content text
"""
# A touch and a conversion, with the credit of every model side by side, in the order of MODELS.
_COLUMNS: Final = f"{_KEY}, shares numeric[], amounts numeric[], {_WHERE}"
# The same as it was divided: in whole units, which are quicker to hand over than decimals.
_DIVIDED: Final = f"{_KEY}, shares bigint[], amounts bigint[], unit numeric, {_WHERE}"
_WORKING_TABLES = "; ".join(
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ({columns}) ON COMMIT DELETE ROWS"
    for table, columns in (
        ("divided", _DIVIDED),
        ("new_credit", _COLUMNS),
        ("old_credit", f"place tid, {_COLUMNS}"),
    )
)
_NAMES: Final = tuple(column.split()[0] for column in _COLUMNS.split(","))
_LIST: Final = ", ".join(_NAMES)

# What a conversion of each kind is counted as, the models side by side; only deals are worth money.
_FAMILIES: Final = """
    ('deal', 'revenue', c.amounts), ('deal', 'wins', c.shares), ('lead', 'leads', c.shares),
    ('application', 'applications', c.shares), ('hire', 'hires', c.shares)
"""

_TOUCHED: Final = """
    SELECT 'deal' AS kind, deal AS conversion FROM touched_deal
    UNION ALL SELECT 'lead', lead FROM touched_lead
    UNION ALL SELECT e.kind, a.application
      FROM touched_application a CROSS JOIN (VALUES ('application'), ('hire')) e (kind)
"""


def _decimals(units: str, unit: str) -> str:
    """Return the array of decimals of an array of units: null where a model credits nothing."""
    each = (
        f"CASE WHEN shares[{n}] <> 0 OR amounts[{n}] <> 0 THEN {units}[{n}] * {unit} END"
        for n, _ in enumerate(MODELS, start=1)
    )
    return f"ARRAY[{', '.join(each)}]"


_NEW = f"""
INSERT INTO new_credit
SELECT kind, conversion, touch_key, {_decimals("shares", f"1e-{SHARE_DIGITS}")},
       {_decimals("amounts", "unit")}, {", ".join(_NAMES[5:])}
  FROM divided
"""
_HELD = f"""
INSERT INTO old_credit
SELECT c.ctid, {", ".join(f"c.{name}" for name in _NAMES)}
  FROM ({_TOUCHED}) k
 CROSS JOIN LATERAL (
    SELECT ctid, * FROM credit_row
     WHERE org_id = $1 AND generation = $2 AND kind = k.kind AND conversion = k.conversion
    OFFSET 0
 ) c
"""


def _without(table: str, other: str) -> str:
    """Return the query of the credits of one working table that the other one does not hold."""
    same = " AND ".join(f"o.{name} = c.{name}" for name in _NAMES[:3])
    mine, theirs = (", ".join(f"{alias}.{name}" for name in _NAMES[3:]) for alias in "co")
    return f"""
    SELECT c.* FROM {table} c
     WHERE NOT EXISTS (
        SELECT FROM {other} o
         WHERE {same} AND ({mine}) IS NOT DISTINCT FROM ({theirs})
     )
    """


def _contributions(sign: str, credits: str) -> str:
    where = ", ".join(f"c.{dimension}" for dimension in contributions.DIMENSIONS)
    return f"""
    INSERT INTO fold_row
    SELECT m.family, c.converted_day, {where}, {each_slot(f"{sign} m.quantities[{{slot}}]")}
      FROM ({credits} OFFSET 0) c -- what changed is found first: it is the smaller part
      JOIN LATERAL (VALUES {_FAMILIES}) m (kind, family, quantities) ON m.kind = c.kind
    """


_GONE: Final = _without("old_credit", "new_credit")
_COME: Final = _without("new_credit", "old_credit")
_TAKE_BACK = _contributions("-", _GONE)
_GIVE = _contributions("+", _COME)
# Found before anything is deleted: what has come is told from what was held.
_KEEP_PAST = f"""
WITH gone AS (
    DELETE FROM credit_row WHERE ctid = ANY (ARRAY(SELECT g.place FROM ({_GONE}) g))
    RETURNING {_LIST}, position
)
INSERT INTO credit_row_past SELECT $1, $2, g.*, $3 FROM gone g
"""
_STORE = f"INSERT INTO credit_row SELECT $1, $2, n.*, $3 FROM ({_COME}) n"


async def credit_touched(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    position: int,
    window_days: int,
    half_life_days: int,
    exponent: int,
) -> None:
    """Credit the touched conversions anew: what changed is taken back and given again.

    Runs after the state is up to date. ``position`` is the last entry of the batch; credits that
    were taken back stay on record with it.
    """
    await connection.execute(_WORKING_TABLES)
    touched = converting.conversions("touched_deal", "touched_lead", "touched_application")
    query = converting.journeys(touched)
    async for rows in _whole_journeys(connection, query, org_id, generation, window_days):
        # Loaded when there is something to divide: a worker that starts has none of it to wait for.
        from services.metrics.crediting import credit_journeys

        divided = credit_journeys(rows, MODELS, half_life_days=half_life_days, exponent=exponent)
        await connection.copy_records_to_table("divided", records=divided)
    await run(connection, _NEW)
    await run(connection, _HELD, org_id, generation)
    for statement in (_TAKE_BACK, _GIVE, _KEEP_PAST, _STORE):
        await run(connection, statement, org_id, generation, position)


async def _whole_journeys(
    connection: "asyncpg.Connection[asyncpg.Record]", query: str, *arguments: Any
) -> AsyncIterator[list[asyncpg.Record]]:
    """Yield the touches of ``query``, some thousands at a time, no conversion in two parts.

    A batch of a rebuild may be nothing but deals: all of their touches would not fit in memory.
    """
    cursor = await connection.cursor(query, *arguments)
    begun: list[asyncpg.Record] = []
    while len(rows := await cursor.fetch(_TOUCHES_AT_ONCE)) == _TOUCHES_AT_ONCE:
        begun += rows
        end, last = len(begun), converting.conversion_of(begun[-1])
        while end and converting.conversion_of(begun[end - 1]) == last:
            end -= 1
        if end:
            yield begun[:end]
        begun = begun[end:]
    if begun or rows:
        yield [*begun, *rows]
