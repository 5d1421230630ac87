"""Pieces of SQL that the readers share."""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from shared.kpis.vocabulary import Dimension
from shared.money import EXPONENTS
from shared.rollups.query import MeasureQuery

__all__ = [
    "EVER",
    "MINOR_DIGITS",
    "NEVER",
    "WINDOW",
    "ZONE",
    "Arguments",
    "bucket_end",
    "bucket_ends",
    "bucket_starts",
    "cohort_of",
    "cohort_of_day",
    "date_literal",
    "ever_placed",
    "filter_clause",
    "looked_up",
    "measure_list",
    "placed_on_day",
    "until_overtaken",
]

_OTHERWISE = " ".join(f"WHEN '{code}' THEN {digits}" for code, digits in sorted(EXPONENTS.items()))
#: Of the organization ``$1`` and its generation ``$2``: the fraction digits of its currency, the
#: zone of its days, and the days of its attribution window.
MINOR_DIGITS = f"(SELECT CASE currency {_OTHERWISE} ELSE 2 END FROM organization WHERE id = $1)"
ZONE = "(SELECT time_zone FROM organization WHERE id = $1)"
WINDOW = "(SELECT window_days FROM generation WHERE org_id = $1 AND generation = $2)"
#: A first day that leaves nothing out.
EVER = "'-infinity'::date"
#: A day that nothing comes after.
NEVER = "'infinity'::date"

_COLUMNS = frozenset(dimension.value for dimension in Dimension)
_NO_COLUMNS: Mapping[str, str] = MappingProxyType({})


class Arguments:
    """The arguments of a statement in the making; ``add`` returns the placeholder."""

    def __init__(self, *values: Any) -> None:
        self.values: list[Any] = list(values)

    def add(self, value: Any) -> str:
        """Append ``value`` and return how the statement names it."""
        self.values.append(value)
        return f"${len(self.values)}"


def filter_clause(
    filters: Mapping[str, frozenset[str]],
    arguments: Arguments,
    *,
    alias: str = "c",
    columns: Mapping[str, str] = _NO_COLUMNS,
) -> str:
    """Return the conditions that let through what the filters name.

    ``columns`` says where a dimension is found that is no column of ``alias``.

    Raises:
        ValueError: a filter is not a dimension; it would become SQL.
    """
    clauses = []
    for dimension, values in sorted(filters.items()):
        if dimension not in _COLUMNS:
            raise ValueError(f"{dimension} is not a dimension")
        column = columns.get(dimension, f"{alias}.{dimension}")
        clauses.append(f"AND {column} = ANY ({arguments.add(sorted(values))}::text[])")
    return " ".join(clauses)


def placed_on_day(places: Iterable[str], employee: str, day: str) -> tuple[str, dict[str, str]]:
    """Return the join that finds an employee's places of a day, and the column of each.

    A place is one of ``vocabulary.PLACES``; where nothing says it, it is ''.
    """
    joins, columns = [], {}
    for place in places:
        columns[place] = f"on_{place}.{place}"
        if place == Dimension.COHORT:
            joins.append(f"LEFT JOIN LATERAL (SELECT {cohort_of(employee)} AS {place})")
            joins.append(f" on_{place} ON true")
            continue
        joins.append(f"""
            LEFT JOIN LATERAL (
                SELECT coalesce((
                    SELECT s.{place} FROM roster s
                     WHERE s.org_id = $1 AND s.generation = $2 AND s.employee = {employee}
                       AND s.effective_on <= {day}
                     ORDER BY s.effective_on DESC, s.fact_key DESC
                     LIMIT 1), '') AS {place}
            ) on_{place} ON true
        """)
    return "".join(joins), columns


def cohort_of(employee: str) -> str:
    """Return the month of an employee's first join as SQL, '' of who never joined.

    It is theirs on every day, those before they joined included.
    """
    return f"""coalesce((
        SELECT {cohort_of_day("m.day")} FROM membership m
         WHERE m.org_id = $1 AND m.generation = $2 AND m.employee = {employee}
           AND m.event = 'joined'
         ORDER BY m.happened_at, m.fact_key
         LIMIT 1), '')"""


def cohort_of_day(day: str) -> str:
    """Return the cohort of who first joined on a day as SQL."""
    return f"to_char({day}, 'YYYY-MM')"


def measure_list(measures: Iterable[str]) -> str:
    """Return names of the catalogue's measures as SQL: a list for IN.

    Written out, because how many they are decides how the log of changes is read for them.
    """
    return ", ".join(f"'{measure}'" for measure in sorted(set(measures)))


def date_literal(day: date) -> str:
    """Return a day as SQL: for relations that may leave it out, which arguments do not allow."""
    return f"'{day.isoformat()}'::date"


def until_overtaken(day: str, whose: str, order: str) -> str:
    """Return as SQL up to, and without, which day a row holds: that of what overtakes it.

    Of the rows of one ``whose``, those before it in ``order`` do. They may be of any days: a later
    word may be of an earlier day, where it says so and where clocks run back.
    """
    return f"""coalesce(min({day}) OVER (
                PARTITION BY {whose} ORDER BY {order}
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), {NEVER})"""


def bucket_starts(query: MeasureQuery) -> list[date]:
    """Return the first day of each bucket: the thresholds of ``width_bucket``."""
    return [bucket.start for bucket in query.buckets]


def bucket_ends(query: MeasureQuery) -> list[date]:
    """Return the day after the last one of each bucket."""
    return [bucket.end for bucket in query.buckets]


def bucket_end(day: str, ends: str) -> str:
    """Return the day after the bucket that a day is in; ``ends`` is an array of these days."""
    return f"({ends})[width_bucket({day}, {ends}) + 1]"


def looked_up(column: str, table: str, by: str, keys: str) -> str:
    """Return the query of a column of the rows that the query ``keys`` names by another column.

    Each key is looked up by itself: joined, all rows of an organization could be read for each.
    """
    return f"""
        SELECT DISTINCT s.{column}
          FROM (SELECT DISTINCT * FROM ({keys}) asked) k (key)
         CROSS JOIN LATERAL (
            SELECT {column} FROM {table}
             WHERE org_id = $1 AND generation = $2 AND {by} = k.key
            OFFSET 0
         ) s
    """


def ever_placed(filters: Mapping[str, frozenset[str]], employee: str, arguments: Arguments) -> str:
    """Return the conditions that leave out who was never in the places that are let through.

    Where somebody is on a day is looked up for each day: not of those who cannot be there.
    """
    conditions = ""
    for place in sorted(filters):
        asked = f"{arguments.add(sorted(filters[place]))}::text[]"
        table, said = "roster", f"s.{place}"
        if place == Dimension.COHORT:
            table, said = "membership", cohort_of_day("s.day")
        # Nowhere are those of whom the roster says nothing, too. As an alternative the list is made
        # once and looked up; by itself it could be joined, and read for each row.
        conditions += f"""
           AND ('' = ANY ({asked}) OR {employee} IN (
                SELECT s.employee FROM {table} s
                 WHERE s.org_id = $1 AND s.generation = $2 AND {said} = ANY ({asked})))"""
    return conditions
