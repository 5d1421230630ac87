"""Measures that are counted from a list of facts when they are asked for.

One relation serves both sides: an answer combines its lines, and an explanation shows them, so
the two cannot disagree. A relation is a function of two SQL expressions, the first day and the day
after the last one; the answer gives it the columns of the buckets, the explanation two arguments.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Literal

from shared.kpis.periods import Period
from shared.kpis.quantiles import MEDIAN, P90, quantile
from shared.kpis.scores import cross_pairs, evenness, theil_sen_slope
from shared.kpis.vocabulary import Dimension
from shared.rollups.query import ForbiddenSlice, MeasureQuery, Slicing
from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.sql import (
    TEAM_ON_DAY,
    Arguments,
    bucket_ends,
    bucket_starts,
    date_literal,
    filter_clause,
    places_held,
)

__all__ = [
    "EVERYWHERE",
    "Combined",
    "Lines",
    "Listed",
    "TeamOn",
    "has_gauge",
    "has_rows",
    "has_standing",
    "level",
    "reader",
    "standing",
    "team_of_line",
]

Lines = Callable[[str, str], str]
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
#: The day on which the roster says whose team a line is: its own day, the last day of the period,
#: the day before it; or the relation says it in a column ``team``.
TeamOn = Literal["day", "end", "start", "own"]

#: The columns of who and where, for lines that have none.
EVERYWHERE = (
    "'' AS employee, '' AS account, '' AS network, '' AS campaign, '' AS content, '' AS channel"
)
_OF_GENERATION = "org_id = $1 AND generation = $2"


@dataclass(frozen=True, slots=True)
class Listed:
    """A measure as lines (day, who and where, quantity, fact_key, line_key, note).

    Attributes:
        lines: SQL of the relation, with ``$1`` the organization and ``$2`` the generation.
        combined: how the quantities make the value. All but sums take one value per ``line_key``,
            the sum of its lines; a count counts the keys.
        exists: SQL condition under which the measure has any facts; without them it is missing.
        team_on: where a line's team comes from.
        needs: a dimension without which there is no value, because its parts overlap.
        is_by_day: whether the lines of a day are the same in every period that holds it, and no
            others are the period's: they are then found once, not once for each bucket.
        spans: of a :func:`level`, all of its lines with the days at whose ends they hold.
    """

    lines: Lines
    combined: Combined
    exists: str
    team_on: TeamOn = "end"
    needs: Dimension | None = None
    is_by_day: bool = False
    spans: str | None = None


def level(spans: str, combined: Combined, exists: str) -> Listed:
    """Return the measure of what holds at the end of a period.

    ``spans`` is a relation of lines with two columns more: a line holds at the end of each day from
    ``since`` on, up to and without ``until``.
    """

    def lines(since: str, until: str) -> str:
        return f"SELECT s.* FROM ({spans}) s WHERE s.since < {until} AND s.until >= {until}"

    return Listed(lines, combined, exists, spans=spans)


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
    """Return lines of the standing facts of a kind (alias ``s``), with the ``team`` they name."""
    return f"""
        SELECT s.day, s.employee, s.account, s.network, s.campaign, s.content, s.channel,
               {quantity} AS quantity, s.fact_key, {key} AS line_key, {note} AS note,
               coalesce(s.body ->> 'team', '') AS team, s.occurred_at
          FROM standing s
         WHERE s.org_id = $1 AND s.generation = $2 AND s.kind = '{kind}'
           AND s.day >= {since} AND s.day < {until} AND {only}
    """


def team_of_line(team_on: TeamOn, since: str, until: str) -> tuple[str, str, str]:
    """Return the join that finds a line's team, its column, and the condition that it has one."""
    if team_on == "own":
        return "", "c.team", "AND c.team <> ''"
    day = _day_of_team(team_on, since, until)
    return TEAM_ON_DAY.format(employee="c.employee", day=day), "t.team", "AND c.employee <> ''"


def _day_of_team(team_on: TeamOn, since: str, until: str) -> str:
    return {"day": "c.day", "end": f"{until} - 1", "start": f"{since} - 1"}[team_on]


def reader(listed: Listed) -> Reader:
    """Return the reader that combines the lines of each bucket and group."""

    async def read(asked: Reading) -> Found | None:
        query, arguments = asked.query, asked.arguments()
        _refuse_whole(listed, asked.plan)
        if not await asked.exists(listed.exists):
            return None
        statement = _statement(listed, query, asked.plan, arguments)
        rows = await asked.connection.fetch(statement, *arguments.values)
        if listed.combined in _IN_SQL:
            return {(row["bucket"], row["grouped"]): row["value"] for row in rows}
        parts: dict[tuple[int, str], dict[str, Fraction]] = defaultdict(dict)
        for row in rows:
            parts[row["bucket"], row["grouped"]][row["line_key"]] = Fraction(row["quantity"])
        combine = _IN_PYTHON[listed.combined]
        return {place: combine(query.buckets[place[0]], keys) for place, keys in parts.items()}

    return read


def _refuse_whole(listed: Listed, plan: Slicing) -> None:
    if listed.needs is None or plan.group_by == listed.needs:
        return
    if len(plan.filters.get(listed.needs, ())) != 1:
        raise ForbiddenSlice(
            "parts_overlap",
            f"{plan.measure.id} has no total: group by {listed.needs}, or ask for one",
        )


def _statement(listed: Listed, query: MeasureQuery, plan: Slicing, arguments: Arguments) -> str:
    is_by_team = plan.group_by == "team" or "team" in plan.filters
    team_on = listed.team_on if is_by_team else None
    others = {name: values for name, values in plan.filters.items() if name != "team"}
    group, conditions = "''", filter_clause(others, arguments)
    if plan.group_by not in {None, "team"}:
        group, conditions = f"c.{plan.group_by}", f"{conditions} AND c.{plan.group_by} <> ''"
    # A sum needs no keys: it is the same whether its lines are added up by them first or not.
    columns = [group, "''" if listed.combined == "sum" else "c.line_key"]
    if team_on == "own":
        columns.append("c.team")
        conditions += " AND c.team <> ''"
    elif team_on is not None:
        columns += ["c.employee", _day_of_team(team_on, "b.since", "b.until")]
        conditions += " AND c.employee <> ''"
    names = ("grouped", "line_key", *(("team",) if team_on == "own" else ("employee", "day")))
    named = zip(columns, names, strict=False)
    lines = f"""
        SELECT b.place::integer - 1 AS bucket, {", ".join(f"{c} AS {n}" for c, n in named)},
               sum(c.quantity) AS quantity
          FROM {_placed(listed, query, arguments)}
         WHERE true {conditions}
         GROUP BY {", ".join(str(place) for place in range(1, len(columns) + 2))}
    """
    if team_on is not None:
        lines = _by_team(lines, team_on, plan, arguments)
    value = _IN_SQL.get(listed.combined)
    if value is None:
        return lines
    return f"SELECT bucket, grouped, {value} AS value FROM ({lines}) l GROUP BY 1, 2"


def _by_team(lines: str, team_on: TeamOn, plan: Slicing, arguments: Arguments) -> str:
    """Return lines that say whose they are with their team, as far as it is asked about.

    What a person's lines of a day and bucket add up to comes with the person and the day: their
    team is looked up once for all of them.
    """
    join, team, _ = team_of_line("own" if team_on == "own" else "day", "", "")
    asked = {name: values for name, values in plan.filters.items() if name == "team"}
    grouped = team if plan.group_by == "team" else "c.grouped"
    return f"""
        SELECT c.bucket, {grouped} AS grouped, c.line_key, sum(c.quantity) AS quantity
          FROM ({lines}) c {join}
         WHERE true {filter_clause(asked, arguments, team_column=team)}
         GROUP BY 1, 2, 3
    """


def _placed(listed: Listed, query: MeasureQuery, arguments: Arguments) -> str:
    """Return the lines (alias ``c``), each beside its bucket (``b``: since, until, place)."""
    ends = arguments.add(bucket_ends(query))
    if listed.spans is not None:
        first, last = date_literal(query.buckets[0].end), date_literal(query.period.end)
        return f"""(
            SELECT s.* FROM ({listed.spans}) s WHERE s.since < {last} AND s.until >= {first}
        ) c {places_held("c.since", "c.until", ends)}"""
    starts = arguments.add(bucket_starts(query))
    if listed.is_by_day:
        first, last = date_literal(query.period.start), date_literal(query.period.end)
        return f"""({listed.lines(first, last)}) c
         CROSS JOIN LATERAL (
            SELECT p.place, ({starts}::date[])[p.place] AS since, ({ends}::date[])[p.place] AS until
              FROM (SELECT width_bucket(c.day, {starts}::date[]) AS place) p
         ) b"""
    buckets = f"unnest({starts}::date[], {ends}::date[]) WITH ORDINALITY b (since, until, place)"
    return f"{buckets} CROSS JOIN LATERAL ({listed.lines('b.since', 'b.until')}) c"


#: How many keys, or what their sums make: no need to bring the lines here.
_IN_SQL: Mapping[Combined, str] = {
    "sum": "sum(quantity)",
    "count": "count(*)::numeric",
    "most": "max(quantity)",
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
