"""Journeys to credit: the touches before each conversion share it, under every model.

Only the journeys a batch touched are recomputed, and only credit that comes out different is
written: what stands keeps the position at which it was given. No statement looks at more than so
many touches of conversions, old or new: what a batch touches beyond is credited in portions.
"""

from typing import Final
from uuid import UUID

import asyncpg

from services.metrics.portions import ORDER, START, THE_END, Conversion, Portions
from services.metrics.sql import run
from services.metrics.working import working_table
from shared.attribution import SHARE_DIGITS, AttributionModel
from shared.rollups import contributions, converting
from shared.rollups.layout import each_slot

__all__ = ["MODELS", "credit_touched"]

MODELS = tuple(AttributionModel)
#: Touches of conversions that are credited at once, and as many that were.
_TOUCHES_AT_ONCE: Final = 50_000
#: Rows that portions have told the cells before they are summed up: the cells are fewer by far.
_ROWS_AT_ONCE: Final = 1_000_000

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
    (
        working_table("divided", _DIVIDED),
        working_table("new_credit", _COLUMNS),
        working_table("old_credit", f"place tid, {_COLUMNS}"),
        "CREATE TEMPORARY TABLE summed_row (LIKE fold_row INCLUDING STORAGE) ON COMMIT DELETE ROWS",
    )
)
_NEXT_PORTION: Final = "TRUNCATE divided, new_credit, old_credit"
_KEY_NAMES, _WHERE_NAMES, _NAMES = (
    tuple(column.split()[0] for column in columns.split(","))
    for columns in (_KEY, _WHERE, _COLUMNS)
)
_LIST: Final = ", ".join(_NAMES)

# What a conversion of each kind is counted as, the models side by side; only deals are worth money.
# No VALUES: its expressions would be prepared anew for every credit.
_FAMILIES: Final = " UNION ALL ".join(
    f"SELECT '{family}', c.{quantities} WHERE c.kind = '{kind}'"
    for kind, family, quantities in (
        ("deal", "revenue", "amounts"),
        ("deal", "wins", "shares"),
        ("lead", "leads", "shares"),
        ("application", "applications", "shares"),
        ("hire", "hires", "shares"),
    )
)

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
SELECT {", ".join(_KEY_NAMES)}, {_decimals("shares", f"1e-{SHARE_DIGITS}")},
       {_decimals("amounts", "unit")}, {", ".join(_WHERE_NAMES)}
  FROM divided
"""


def _in_order(alias: str, *columns: str) -> str:
    return ", ".join((*(column.format(alias) for column in ORDER), *columns))


# Conversions are put in order before their touches are looked up: then a portion of these is read
# by itself, not sorted out of all.
_CONVERSIONS: Final = f"""
    SELECT *
      FROM ({converting.conversions("touched_deal", "touched_lead", "touched_application")}) c
     ORDER BY {_in_order("c.")}
    OFFSET 0
"""
_JOURNEYS = f"""
SELECT * FROM ({converting.journeys(_CONVERSIONS)}) j
 ORDER BY {_in_order("j.", "touched_at", "touch_key")}
"""
# As many as can be looked at, and the rest of the last one's conversion.
_HELD = f"""
INSERT INTO old_credit
SELECT c.ctid, {", ".join(f"c.{name}" for name in _NAMES)}
  FROM (
    SELECT kind, conversion FROM ({_TOUCHED}) t
     WHERE ({_in_order("t.")}) > ($3, $4) AND ({_in_order("t.")}) <= ($5, $6)
     ORDER BY {_in_order("t.")}
    OFFSET 0
  ) k
 CROSS JOIN LATERAL (
    SELECT ctid, * FROM credit_row
     WHERE org_id = $1 AND generation = $2 AND kind = k.kind AND conversion = k.conversion
    OFFSET 0
 ) c
 ORDER BY {_in_order("k.")}
 FETCH FIRST ($7::bigint) ROWS WITH TIES
"""
_LAST_HELD = f"""
SELECT kind, conversion FROM old_credit
 ORDER BY {", ".join(f"{column.format('')} DESC" for column in ORDER)} LIMIT 1
"""


def _without(table: str, other: str) -> str:
    """Return the query of the credits of one working table that the other one does not hold."""
    same = " AND ".join(f"o.{name} = c.{name}" for name in _KEY_NAMES)
    said = ("shares", "amounts", *_WHERE_NAMES)
    mine, theirs = (", ".join(f"{alias}.{name}" for name in said) for alias in "co")
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
     CROSS JOIN LATERAL ({_FAMILIES}) m (family, quantities)
    """


_GONE: Final = _without("old_credit", "new_credit")
_COME: Final = _without("new_credit", "old_credit")
_TAKE_BACK = _contributions("-", _GONE)
_GIVE = _contributions("", _COME)
# Found before anything is deleted: what has come is told from what was held.
_KEEP_PAST = f"""
WITH gone AS (
    DELETE FROM credit_row WHERE ctid = ANY (ARRAY(SELECT g.place FROM ({_GONE}) g))
    RETURNING {_LIST}, position
)
INSERT INTO credit_row_past SELECT $1, $2, g.*, $3 FROM gone g
"""
_STORE = f"INSERT INTO credit_row SELECT $1, $2, n.*, $3 FROM ({_COME}) n"


_CELL_AND_DAY: Final = f"family, day, {', '.join(contributions.DIMENSIONS)}"
_SUM_UP = (
    f"""
    INSERT INTO summed_row
    SELECT {_CELL_AND_DAY}, {each_slot("nullif(total(q{slot}), 0)")}
      FROM fold_row
     GROUP BY {_CELL_AND_DAY}
    """,
    "TRUNCATE fold_row",
    "INSERT INTO fold_row SELECT * FROM summed_row",
    "TRUNCATE summed_row",
)


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
    if await connection.fetchval("SELECT to_regclass('pg_temp.divided')") is None:
        await connection.execute(_WORKING_TABLES)
    cursor = await connection.cursor(_JOURNEYS, org_id, generation, window_days)
    at_once = _TOUCHES_AT_ONCE
    journeys = Portions(cursor, at_once)
    credited, told = START, 0
    while credited != THE_END:
        if credited != START:
            await connection.execute(_NEXT_PORTION)
        if told >= _ROWS_AT_ONCE:
            told = 0
            for statement in _SUM_UP:
                await connection.execute(statement)
        span = credited, await journeys.reach()
        until = await _hold(connection, org_id, generation, span, at_once)
        if rows := journeys.take(until):
            # Loaded when there is something to divide: a worker that starts need not wait for it.
            from services.metrics.crediting import credit_journeys

            divided = credit_journeys(
                rows, MODELS, half_life_days=half_life_days, exponent=exponent
            )
            await connection.copy_records_to_table("divided", records=divided)
        await run(connection, _NEW)
        for statement in (_TAKE_BACK, _GIVE):
            told += _inserted(await connection.execute(statement))
        for statement in (_KEEP_PAST, _STORE):
            await run(connection, statement, org_id, generation, position)
        credited = until


async def _hold(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    span: tuple[Conversion, Conversion],
    at_once: int,
) -> Conversion:
    """Note the credit held by the touched conversions after the first of ``span``, up to the other.

    Return up to where it was noted: a person who was somebody else's may have lost all touches, so
    that there is much more to take back than to give.
    """
    credited, until = span
    status = await connection.execute(_HELD, org_id, generation, *credited, *until, at_once)
    if _inserted(status) < at_once:
        return until
    last = await connection.fetchrow(_LAST_HELD)
    assert last is not None, "some of it was noted"
    return last["kind"], last["conversion"]


def _inserted(status: str) -> int:
    """Return how many rows a statement inserted, of what PostgreSQL says it did."""
    return int(status.rpartition(" ")[2])
