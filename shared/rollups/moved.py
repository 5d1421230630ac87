"""What moved a figure: on which days, and by which entries of the ledger."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg

from shared.kpis.periods import Period
from shared.money import exponent
from shared.orgs import Org
from shared.rollups.causes import entries_about
from shared.rollups.counted import SUM_BEHIND
from shared.rollups.evidence import credit_of_touches, evidence
from shared.rollups.explain import let_through_by
from shared.rollups.known import Knowledge
from shared.rollups.query import MeasureQuery, slicing
from shared.rollups.read import live_generation
from shared.rollups.sql import Arguments, filter_clause, measure_list

__all__ = [
    "OF_VALUE_ALONE",
    "days_around_nothing",
    "days_of_change",
    "days_of_recording",
    "entries_behind",
    "repairs_of_values",
    "repairs_on",
]

#: A change of the log (alias ``r``) is none of what is known: as the views of ``known`` have it.
_IS_LATER = """
   r.known_on >= {day} AND CASE WHEN r.repaired_at IS NULL
        THEN r.known_on > {day} OR r.position > {position} ELSE r.repaired_at >= {until} END
"""
_DAYS_OF_CHANGE = """
SELECT DISTINCT r.known_on
  FROM public.rollup_delta r
 WHERE r.org_id = $1 AND r.generation = $2 AND r.measure IN ({measures})
   AND r.day >= $3 AND r.day < $4 AND {is_later} {cells}
 ORDER BY r.known_on
 LIMIT $8
"""
# The cells of a slice hold all that a filter on its one dimension lets through. Under two filters
# a team is looked up day by day while reading, so a change of any cell may be one of the figure.
_IN_CELLS = """
   AND EXISTS (SELECT FROM public.cell c
                WHERE c.org_id = $1 AND c.generation = $2 AND c.cell = r.cell
                  AND c.slice = '{slice}' {clause})
"""
# What the whole organization has of a measure now, and what was added to it on each day since.
_OF_THE_WHOLE = f"""
SELECT measure, NULL::date AS known_on, sum(value) AS quantity
  FROM public.cell_value
 WHERE org_id = $1 AND generation = $2 AND slice = 'total' AND measure = ANY ($3::text[])
 GROUP BY measure
UNION ALL
SELECT r.measure, r.known_on, sum(r.delta)
  FROM public.rollup_delta r
  JOIN public.cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND r.generation = $2 AND c.slice = 'total' AND r.measure = ANY ($3::text[])
   AND {_IS_LATER.format(day="$4", position="$5", until="$6")}
 GROUP BY r.measure, r.known_on
 ORDER BY measure, known_on DESC NULLS FIRST
"""
_CHANGED_BETWEEN = f"""
SELECT DISTINCT r.known_on
  FROM unnest($6::text[], $7::date[], $8::date[]) w (measure, since, until)
  JOIN public.rollup_delta r
    ON r.org_id = $1 AND r.generation = $2 AND r.measure = w.measure
   AND r.known_on BETWEEN w.since AND w.until
 WHERE {_IS_LATER.format(day="$3", position="$4", until="$5")}
"""
# The log holds no change of the state that is counted when it is asked for: any entry may be one.
# Posts are counted from cells, and other inputs of the figure may be sums: these are repaired, too.
_DAYS_OF_RECORDING = """
SELECT (recorded_at AT TIME ZONE $3)::date AS known_on
  FROM public.ledger_entry
 WHERE org_id = $1 AND position > $2
 UNION
SELECT known_on
  FROM public.rollup_repair
 WHERE org_id = $1 AND generation = $5 AND repaired_at >= $6
 ORDER BY known_on
 LIMIT $4
"""
# Repairs of the whole organization's cells; no entry of the ledger is behind them.
_REPAIRS = """
SELECT r.repaired_at, r.measure, r.day, r.stored AS before, r.recomputed AS after
  FROM public.rollup_repair r
  JOIN public.cell c USING (org_id, generation, cell)
 WHERE r.org_id = $1 AND r.generation = $2 AND r.measure = ANY ($3::text[])
   AND r.day >= $4 AND r.day < $5 AND c.slice = 'total' AND r.repaired_at >= $6 AND {which}
 ORDER BY r.repaired_at, r.measure, r.day
 LIMIT $7
"""
#: Of a repair (alias ``r``): the value alone was wrong; the log, which the past is told from, was
#: right.
OF_VALUE_ALONE = "r.logged = r.recomputed AND r.stored <> r.recomputed"
# Else value and log were wrong alike, and the log was given a delta.
_OF_LOG_ON_DAY = _REPAIRS.format(which="r.logged <> r.recomputed AND r.known_on = $8")
_OF_VALUES_ALONE = _REPAIRS.format(which=OF_VALUE_ALONE)


async def days_of_change(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    measures: Collection[str],
    period: Period,
    *,
    filters: Mapping[str, frozenset[str]],
    since: Knowledge,
    limit: int,
) -> list[date]:
    """Return the days after ``since`` on which a sum of ``measures`` in ``period`` changed.

    Under several filters these are the days on which it may have.
    """
    arguments = Arguments(
        org_id,
        await live_generation(connection, org_id),
        period.start,
        period.end,
        since.day,
        since.position,
        since.until,
        limit,
    )
    is_later = _IS_LATER.format(day="$5", position="$6", until="$7")
    cells = ""
    if len(filters) == 1:
        clause = filter_clause(filters, arguments)
        cells = _IN_CELLS.format(slice=next(iter(filters)), clause=clause)
    statement = _DAYS_OF_CHANGE.format(
        measures=measure_list(measures), cells=cells, is_later=is_later
    )
    rows = await connection.fetch(statement, *arguments.values)
    return [row["known_on"] for row in rows]


async def days_around_nothing(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    measures: Collection[str],
    since: Knowledge,
) -> set[date]:
    """Return the days after ``since`` on which one of ``measures`` may have come or gone wholly.

    A measure that has no value on any day is null, not 0. So a change of any day may move the
    figures of all periods from null or to it. Nothing at all adds up to 0: only the days on which
    the whole organization's values of all days did so, before or after, can be such days.
    """
    of_generation = (org_id, await live_generation(connection, org_id))
    from_here = (since.day, since.position, since.until)
    rows = await connection.fetch(_OF_THE_WHOLE, *of_generation, sorted(measures), *from_here)
    wanted: list[tuple[str, date, date]] = []
    for measure in measures:
        told = [row for row in rows if row["measure"] == measure]
        wanted += [(measure, *days) for days in _stretches_of_nothing(told, since.day)]
    if not wanted:
        return set()
    columns = map(list, zip(*wanted, strict=True))
    days = await connection.fetch(_CHANGED_BETWEEN, *of_generation, *from_here, *columns)
    return {row["known_on"] for row in days}


def _stretches_of_nothing(
    told: Sequence[asyncpg.Record], first_day: date
) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each stretch that begins or ends with a sum of 0.

    ``told`` is the sum now, if there is one, and what was added on each day, the last one first.
    """
    sum_now = sum(row["quantity"] for row in told if row["known_on"] is None)
    until = date.max
    for row in told:
        if row["known_on"] is not None:
            if not sum_now:
                yield row["known_on"], until
            sum_now -= row["quantity"]
            until = row["known_on"]
    if not sum_now:
        yield first_day, until


async def days_of_recording(
    connection: "asyncpg.Connection[asyncpg.Record]", org: Org, *, since: Knowledge, limit: int
) -> list[date]:
    """Return the days after ``since`` on which anything was recorded or repaired."""
    generation = await live_generation(connection, org.id)
    asked = (org.zone.key, limit, generation, since.until)
    rows = await connection.fetch(_DAYS_OF_RECORDING, org.id, since.position, *asked)
    return [row["known_on"] for row in rows]


async def repairs_on(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    measures: Collection[str],
    period: Period,
    *,
    day: date,
    since: datetime,
    limit: int,
) -> list[asyncpg.Record]:
    """Return logged repairs on ``day``, from ``since`` on, of the sums behind ``measures``.

    Each has ``repaired_at``, ``measure``, ``day``, and what was stored ``before`` and ``after``.
    """
    generation = await live_generation(connection, org_id)
    asked = (_sums_behind(measures), period.start, period.end, since, limit, day)
    return await connection.fetch(_OF_LOG_ON_DAY, org_id, generation, *asked)


async def repairs_of_values(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    measures: Collection[str],
    period: Period,
    *,
    since: datetime,
    limit: int,
) -> list[asyncpg.Record]:
    """Return the first repairs from ``since`` on of values that alone were wrong, as above.

    The log, which the past is told from, was right: what was known before follows it at once.
    """
    generation = await live_generation(connection, org_id)
    asked = (_sums_behind(measures), period.start, period.end, since, limit)
    return await connection.fetch(_OF_VALUES_ALONE, org_id, generation, *asked)


def _sums_behind(measures: Collection[str]) -> list[str]:
    return sorted({SUM_BEHIND.get(measure, measure) for measure in measures})


async def entries_behind(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    measure: str,
    period: Period,
    *,
    filters: Mapping[str, frozenset[str]],
    after: int,
    until: int,
    limit: int,
    by_touch: bool = False,
) -> list[int]:
    """Return the positions in (after, until] of entries that may have moved ``measure``.

    These are entries about the facts behind it, and about what decides which facts are and whose:
    see :mod:`shared.rollups.causes`. The facts are those behind it in the transaction's time, past
    or present: ask on either side of a change to have what came and what went.

    Raises:
        ForbiddenSlice: no facts are behind the measure, or it cannot be filtered so.
    """
    plan = slicing(measure, MeasureQuery((period,), None, filters))
    proof = credit_of_touches(plan.measure) if by_touch else evidence(plan.measure)
    arguments = Arguments(org.id, await live_generation(connection, org.id))
    relate = proof.relation if proof.under is None else proof.under(plan.filters)
    lines = relate(arguments, period, exponent(org.currency))
    behind = let_through_by(proof, lines, plan.filters, period, arguments)
    statement = entries_about(
        f"SELECT c.fact_key, c.line_key, c.employee {behind}",
        plan.measure,
        plan.filters,
        # What a touch is credited with, touches after it decide, too, until the deal is closed.
        ends_on=date.max if by_touch else period.end,
        after=arguments.add(after),
        until=arguments.add(until),
        limit=arguments.add(limit),
    )
    rows = await connection.fetch(statement, *arguments.values)
    return [row["position"] for row in rows]
