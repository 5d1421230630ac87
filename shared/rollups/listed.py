"""Measures that are counted from a list of facts when they are asked for.

One relation serves both sides: an answer combines its lines, and an explanation shows them, so
the two cannot disagree. A relation is a function of two SQL expressions, the first day and the day
after the last one: columns of the buckets, or days written out.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal

import asyncpg

from shared.kpis.periods import Period
from shared.kpis.quantiles import MEDIAN, P90, quantile
from shared.kpis.scores import cross_pairs, evenness, theil_sen_slope
from shared.kpis.vocabulary import ROSTER_PLACES, Dimension
from shared.rollups.merging import merged_in_bucket, merged_place, merged_stretches
from shared.rollups.query import ForbiddenSlice, MeasureQuery, Slicing
from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.sql import (
    Arguments,
    bucket_ends,
    bucket_starts,
    date_literal,
    filter_clause,
    placed_on_day,
)
from shared.rollups.sweep import along_buckets, counted_stretches, placed_stretches

__all__ = [
    "EVERYWHERE",
    "NOWHERE",
    "Begun",
    "Combined",
    "Lines",
    "Listed",
    "PlacedOn",
    "Swept",
    "begun",
    "each_person",
    "has_gauge",
    "has_rows",
    "has_standing",
    "places_of_line",
    "read_keys",
    "reader",
    "standing",
]

Lines = Callable[[str, str], str]
#: The same of many buckets at once, of the days after each of them besides: an array, in order.
Begun = Callable[[str, str, str], str]
#: Lines with the buckets that they hold in: ``enters`` and ``leaves``, numbered from 0.
Swept = Callable[[Arguments, MeasureQuery], str]
#: A mean or a quantile is of what each fact says, unless its name says by what lines are added up.
Combined = Literal[
    "sum",
    "count",
    "mean",
    "median",
    "median_by_employee",
    "p90",
    "most",
    "evenness",
    "slope",
    "cross_pairs",
]
#: The day on which the roster says where a line's employee is: its own day, the last day of the
#: period, the day before it; or the relation says it, in a column for each place it can say.
PlacedOn = Literal["day", "end", "start", "own"]

#: The columns of where, for lines that have none; and of who and where.
NOWHERE = "'' AS account, '' AS network, '' AS campaign, '' AS content, '' AS channel"
EVERYWHERE = f"'' AS employee, {NOWHERE}"
#: Days of ten years: of twice as many weeks a slope has four times as many pairs to look at.
_LONGEST_SLOPE = 3653
_OF_GENERATION = "org_id = $1 AND generation = $2"
#: What facts may say in their own words of the group that they are about.
_NAMED = (*ROSTER_PLACES, Dimension.JOB, Dimension.MARKET, Dimension.LANGUAGE)


@dataclass(frozen=True, slots=True)
class Listed:
    """A measure as lines (day, who and where, quantity, fact_key, line_key, note).

    Attributes:
        lines: SQL of the relation, with ``$1`` the organization and ``$2`` the generation.
        combined: how the quantities make the value. All but sums take one value per ``line_key``,
            the sum of its lines; a count counts the keys.
        exists: SQL condition under which the measure has any facts; without them it is missing.
        placed_on: where a line's team or role comes from.
        needs: a dimension without which there is no value, because its parts overlap.
        is_by_day: whether the lines of a day are the same in every period that holds it, and no
            others are the period's: they are then found once, not once for each bucket.
        at_once: the lines of what is :func:`begun` in any of many buckets.
        swept: lines that hold in many buckets each, all of them with the first of these and the one
            after the last: they are added up along the buckets. ``line_key`` names an employee, or
            no line holds beside another one of its key.
    """

    lines: Lines
    combined: Combined
    exists: str
    placed_on: PlacedOn = "end"
    needs: Dimension | None = None
    is_by_day: bool = False
    at_once: Begun | None = None
    swept: Swept | None = None


def begun(at_once: Begun, combined: Combined, exists: str, placed_on: PlacedOn = "end") -> Listed:
    """Return the measure of what began in a period, whenever the facts are that make its lines.

    ``at_once`` is a relation of lines with one column more, the day ``begun_on``. What else decides
    on a bucket's last day is to be asked of the end of the bucket of that day: ``bucket_end``.
    """

    def lines(since: str, until: str) -> str:
        return at_once(since, until, f"ARRAY[{until}]")

    return Listed(lines, combined, exists, placed_on, at_once=at_once)


def has_rows(table: str, condition: str = "true") -> str:
    """Return the condition that a table of the generation has a row."""
    return f"EXISTS (SELECT FROM {table} WHERE {_OF_GENERATION} AND {condition})"


def has_standing(kind: str, condition: str = "true") -> str:
    """Return the condition that a fact of this kind stands."""
    return has_rows("standing", f"kind = '{kind}' AND {condition}")


def has_gauge(measure: str) -> str:
    """Return the condition that a gauge was ever read."""
    return has_rows("gauge", f"measure = '{measure}'")


def standing(
    kind: str,
    since: str,
    until: str,
    *,
    only: str = "true",
    quantity: str = "1::numeric",
    key: str = "encode(s.fact_key, 'hex')",
    note: str = "''",
) -> str:
    """Return lines of the standing facts of a kind (alias ``s``), with the places they name."""
    return f"""
        SELECT s.day, s.employee, s.account, s.network, s.campaign, s.content, s.channel,
               {quantity} AS quantity, s.fact_key, {key} AS line_key, {note} AS note,
               {", ".join(f"coalesce(s.body ->> '{n}', '') AS {n}" for n in _NAMED)}, s.occurred_at
          FROM standing s
         WHERE s.org_id = $1 AND s.generation = $2 AND s.kind = '{kind}'
           AND s.day >= {since} AND s.day < {until} AND {only}
    """


def each_person(relation: str, *columns: str) -> str:
    """Return a line for each row (employee, day, fact_key, ``columns``) of a relation."""
    return f"""
        SELECT x.day, x.employee, {NOWHERE}, 1::numeric AS quantity, x.fact_key,
               x.employee AS line_key, '' AS note{"".join(f", x.{column}" for column in columns)}
          FROM ({relation}) x
    """


def places_of_line(
    placed_on: PlacedOn, places: Sequence[str], since: str, until: str
) -> tuple[str, Mapping[str, str], str]:
    """Return the join that finds a line's places, their columns, and the condition that it has any.

    What is nobody's is in no team, not in the unnamed one.
    """
    if placed_on == "own":
        columns = {place: f"c.{place}" for place in places}
        return "", columns, " ".join(f"AND {column} <> ''" for column in columns.values())
    day = _day_of_placing(placed_on, since, until)
    return *placed_on_day(places, "c.employee", day), "AND c.employee <> ''" if places else ""


def _day_of_placing(placed_on: PlacedOn, since: str, until: str) -> str:
    return {"day": "c.day", "end": f"{until} - 1", "start": f"{since} - 1"}[placed_on]


def reader(listed: Listed) -> Reader:
    """Return the reader that combines the lines of each bucket and group."""

    async def read(asked: Reading) -> Found | None:
        _refuse_whole(listed, asked.plan)
        _refuse_long(listed, asked)
        if not await asked.exists(listed.exists):
            return None
        if listed.swept is not None:
            return await _read_along(listed, listed.swept, asked)
        if listed.combined in _IN_SQL:
            rows = await _rows(listed, asked)
            return {(row["bucket"], row["grouped"]): row["value"] for row in rows}
        parts = await read_keys(listed, asked)
        combine, buckets = _IN_PYTHON[listed.combined], asked.query.buckets
        return {place: combine(buckets[place[0]], keys) for place, keys in parts.items()}

    return read


async def read_keys(
    listed: Listed, asked: Reading
) -> Mapping[tuple[int, str], Mapping[str, Fraction]]:
    """Return what the lines of each key add up to, by bucket and group."""
    parts: dict[tuple[int, str], dict[str, Fraction]] = defaultdict(dict)
    for row in await _rows(listed, asked):
        parts[row["bucket"], row["grouped"]][row["line_key"]] = Fraction(row["quantity"])
    return parts


async def _rows(listed: Listed, asked: Reading) -> list[asyncpg.Record]:
    arguments = asked.arguments()
    statement = _statement(listed, asked.query, asked.plan, arguments)
    return await asked.connection.fetch(statement, *arguments.values)


async def _read_along(listed: Listed, swept: Swept, asked: Reading) -> Found:
    """Return what lines make that hold in many buckets each."""
    arguments = asked.arguments()
    stretches = _stretches(listed, swept, asked, arguments)
    rows = await asked.connection.fetch(along_buckets(stretches), *arguments.values)
    if listed.combined == "cross_pairs":
        parts: dict[int, list[Decimal]] = defaultdict(list)
        for row in rows:
            parts[row["bucket"]].append(row["quantity"])
        return {(bucket, ""): cross_pairs(sizes) for bucket, sizes in parts.items()}
    value = _ALONG[listed.combined]
    return {(row["bucket"], row["grouped"]): value(row["quantity"], row["lines"]) for row in rows}


def _stretches(listed: Listed, swept: Swept, asked: Reading, arguments: Arguments) -> str:
    """Return the stretches (see :mod:`shared.rollups.sweep`) of the lines that are asked about."""
    plan, placed_on, query = asked.plan, listed.placed_on, asked.query
    is_fixed = placed_on in {"day", "own"}
    join, columns, has_place = places_of_line(placed_on, plan.places, "", "")
    kept, group = plan.filters, columns.get(plan.group_by or "")
    if not is_fixed:
        join, columns, kept, group = "", {}, plan.kept_filters, None
    conditions = f"{has_place} {filter_clause(kept, arguments, columns=columns)}"
    if group is None and plan.kept_group is not None:
        group, conditions = f"c.{plan.kept_group}", f"{conditions} AND c.{plan.kept_group} <> ''"
    if listed.combined == "cross_pairs":
        group = "c.line_key"  # of the whole: nothing divides its parts
    place = merged_place(plan, columns) if is_fixed else ""
    lines = f"""
        SELECT c.employee, {group or "''"} AS grouped, c.line_key, {place} c.enters AS since,
               c.leaves AS until, c.quantity
          FROM ({swept(arguments, query)}) c {join}
         WHERE c.enters < c.leaves {conditions}
    """
    if is_fixed:
        of_line = "employee", "grouped", "line_key", "quantity"
        lines = merged_stretches(lines, plan, arguments, *of_line)
    stretches = counted_stretches(lines, by_key=listed.combined in {"count", "mean"})
    if is_fixed:
        return stretches
    days = bucket_starts(query) if placed_on == "start" else bucket_ends(query)
    return placed_stretches(stretches, plan, arguments, days)


def _refuse_whole(listed: Listed, plan: Slicing) -> None:
    if listed.needs is None or plan.group_by == listed.needs:
        return
    if len(plan.filters.get(listed.needs, ())) != 1:
        raise ForbiddenSlice(
            "parts_overlap",
            f"{plan.measure.id} has no total: group by {listed.needs}, or ask for one",
        )


def _refuse_long(listed: Listed, asked: Reading) -> None:
    if listed.combined != "slope":
        return
    longest = max(bucket.days for bucket in asked.query.buckets)
    if longest > _LONGEST_SLOPE:
        raise ForbiddenSlice(
            "cost_limit",
            f"{asked.plan.measure.id} compares every two weeks: ask for at most ten years at once",
        )


def _statement(listed: Listed, query: MeasureQuery, plan: Slicing, arguments: Arguments) -> str:
    places, placed_on = plan.places, listed.placed_on
    group, conditions = "''", filter_clause(plan.kept_filters, arguments)
    if plan.kept_group is not None:
        group, conditions = f"c.{plan.kept_group}", f"{conditions} AND c.{plan.kept_group} <> ''"
    # A sum needs no keys: it is the same whether its lines are added up by them first or not.
    columns = {
        "grouped": group,
        "line_key": "''" if listed.combined == "sum" else "c.line_key",
    }
    _, own, has_place = places_of_line(placed_on, places, "", "")
    if placed_on == "own":
        columns |= own
    elif places:
        columns |= {
            "employee": "c.employee",
            "day": _day_of_placing(placed_on, "b.since", "b.until"),
        }
    lines = f"""
        SELECT b.place::integer - 1 AS bucket,
               {", ".join(f"{column} AS {name}" for name, column in columns.items())},
               sum(c.quantity) AS quantity
          FROM {_in_buckets(listed, query, arguments)}
         WHERE true {conditions} {has_place}
         GROUP BY {", ".join(str(number) for number in range(1, len(columns) + 2))}
    """
    if places:
        lines = _by_place(lines, placed_on, plan, arguments)
    value = _IN_SQL.get(listed.combined)
    if value is None:
        return lines
    return f"SELECT bucket, grouped, {value} AS value FROM ({lines}) l GROUP BY 1, 2"


def _by_place(lines: str, placed_on: PlacedOn, plan: Slicing, arguments: Arguments) -> str:
    """Return lines that say whose they are by their places, as far as these are asked about.

    What a person's lines of a day and bucket add up to comes with the person and the day: where
    they were is looked up once for all of them.
    """
    told_on: PlacedOn = "own" if placed_on == "own" else "day"
    join, columns, _ = places_of_line(told_on, plan.places, "", "")
    grouped = columns.get(plan.group_by, "c.grouped") if plan.group_by else "c.grouped"
    return f"""
        SELECT c.bucket, {grouped} AS grouped, c.line_key, sum(c.quantity) AS quantity
          FROM ({lines}) c {join}
         WHERE true {filter_clause(plan.place_filters, arguments, columns=columns)}
           {merged_in_bucket(plan, "c.bucket", arguments, columns=columns)}
         GROUP BY 1, 2, 3
    """


def _in_buckets(listed: Listed, query: MeasureQuery, arguments: Arguments) -> str:
    """Return the lines (alias ``c``), each beside its bucket (``b``: since, until, place)."""
    ends = arguments.add(bucket_ends(query))
    starts = arguments.add(bucket_starts(query))
    if listed.is_by_day or listed.at_once is not None:
        period = date_literal(query.period.start), date_literal(query.period.end)
        told, day = listed.lines(*period), "day"
        if listed.at_once is not None:
            told, day = listed.at_once(*period, f"{ends}::date[]"), "begun_on"
        return f"""({told}) c
         CROSS JOIN LATERAL (
            SELECT p.place, ({starts}::date[])[p.place] AS since, ({ends}::date[])[p.place] AS until
              FROM (SELECT width_bucket(c.{day}, {starts}::date[]) AS place) p
         ) b"""
    buckets = f"unnest({starts}::date[], {ends}::date[]) WITH ORDINALITY b (since, until, place)"
    return f"{buckets} CROSS JOIN LATERAL ({listed.lines('b.since', 'b.until')}) c"


#: How many keys, or what their sums make: no need to bring the lines here.
_IN_SQL: Mapping[Combined, str] = {
    "sum": "sum(quantity)",
    "count": "count(*)::numeric",
    "most": "max(quantity)",
}
#: The same, of what lines add up to and how many they are.
_ALONG: Mapping[Combined, Callable[[Decimal, Decimal], Decimal | Fraction]] = {
    "sum": lambda quantity, _: quantity,
    "count": lambda _, lines: lines,
    "mean": lambda quantity, lines: Fraction(quantity) / Fraction(lines),
}


def _mean(period: Period, keys: Mapping[str, Fraction]) -> Fraction:
    return sum(keys.values(), Fraction(0)) / len(keys)


def _slope(period: Period, keys: Mapping[str, Fraction]) -> Fraction | None:
    # A week in which nothing happened counts as well: it is the trend's business.
    monday = period.start + timedelta(days=-period.start.weekday() % 7)
    weeks = (period.end - monday).days // 7
    days = (monday + timedelta(weeks=i) for i in range(weeks))
    return theil_sen_slope([keys.get(day.isoformat(), Fraction(0)) for day in days])


_IN_PYTHON: Mapping[Combined, Callable[[Period, Mapping[str, Fraction]], Fraction | None]] = {
    "mean": _mean,
    "median": lambda _, keys: quantile(keys.values(), MEDIAN),
    "median_by_employee": lambda _, keys: quantile(keys.values(), MEDIAN),
    "p90": lambda _, keys: quantile(keys.values(), P90),
    "evenness": lambda _, keys: evenness(keys.values()),
    "slope": _slope,
    "cross_pairs": lambda _, keys: cross_pairs(keys.values()),
}
