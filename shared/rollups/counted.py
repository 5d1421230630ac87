"""Measures that count people: who shared, who is on the roster. Exact sets, never summed."""

from collections.abc import Mapping
from decimal import Decimal

from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.periods import last_iso_weeks
from shared.rollups.held import measures_held
from shared.rollups.query import Slicing
from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.sql import (
    Arguments,
    bucket_ends,
    bucket_starts,
    filter_clause,
    placed_on_day,
    places_held,
)
from shared.rollups.stated import stated_at

__all__ = ["READERS", "SUM_BEHIND"]

#: Measures that are counted from the cells of a sum.
SUM_BEHIND = {"sharers": "shares", "active_advocates": "shares"}

_HAS_ROSTER = "EXISTS (SELECT FROM roster WHERE org_id = $1 AND generation = $2)"


def _shares(plan: Slicing, arguments: Arguments) -> str:
    """Return the relation (employee, day, value) of shares under what cells are filtered by."""
    if plan.slice == "content":
        return _publications(plan, arguments)
    filters = plan.kept_filters
    name = "finest" if filters or plan.kept_group not in {None, "employee"} else "employee"
    grouped, has_group = _grouping(plan)
    return f"""
        SELECT c.employee, c.day, c.value {grouped}
          FROM cell_value c
         WHERE c.org_id = $1 AND c.generation = $2 AND c.slice = '{name}' AND c.measure = 'shares'
           AND c.employee <> '' {has_group} {filter_clause(filters, arguments)}
    """


def _publications(plan: Slicing, arguments: Arguments) -> str:
    """Return the relation of ``_shares`` by content: no cell holds a person and a content item."""
    grouped, has_group = _grouping(plan)
    return f"""
        SELECT c.employee, 1::numeric AS value,
               (c.published_at AT TIME ZONE o.time_zone)::date AS day {grouped}
          FROM post c
          JOIN organization o ON o.id = c.org_id
         WHERE c.org_id = $1 AND c.generation = $2 AND c.employee <> ''
           {has_group} {filter_clause(plan.filters, arguments)}
    """


def _grouping(plan: Slicing) -> tuple[str, str]:
    """Return the column ``grouped`` and its condition: a slice exists for a value, not without."""
    if plan.kept_group is None:
        return "", ""
    return f", c.{plan.kept_group} AS grouped", f"AND c.{plan.kept_group} <> ''"


async def _count_people(asked: Reading, arguments: Arguments, people: str) -> Found:
    """Count the rows of ``people`` (bucket, employee[, grouped]) by bucket and group."""
    plan = asked.plan
    ends = arguments.add(bucket_ends(asked.query))
    last_day = f"({ends}::date[])[p.bucket + 1] - 1"
    placed, columns = placed_on_day(plan.places, "p.employee", last_day)
    group = columns.get(plan.group_by, "p.grouped") if plan.group_by else "''"
    # The ends are named in any case: an argument without use would have no type.
    rows = await asked.connection.fetch(
        f"""
        SELECT p.bucket, {group} AS grouped, count(*) AS people
          FROM ({people}) p {placed}
         WHERE ({ends}::date[]) IS NOT NULL
           {filter_clause(plan.place_filters, arguments, columns=columns)}
         GROUP BY 1, 2
        """,
        *arguments.values,
    )
    return {(row["bucket"], row["grouped"]): Decimal(row["people"]) for row in rows}


async def _has_shares(asked: Reading) -> bool:
    held = await measures_held(asked.connection, asked.org_id, asked.generation, {"shares"})
    return bool(held)


def _extra(plan: Slicing) -> str:
    return "" if plan.kept_group is None else ", grouped"


async def _sharers(asked: Reading) -> Found | None:
    if not await _has_shares(asked):
        return None
    plan, arguments = asked.plan, asked.arguments()
    starts = arguments.add(bucket_starts(asked.query))
    end = arguments.add(asked.query.period.end)
    people = f"""
        SELECT width_bucket(day, {starts}::date[]) - 1 AS bucket, employee {_extra(plan)}
          FROM ({_shares(plan, arguments)}) x
         WHERE day >= ({starts}::date[])[1] AND day < {end}::date
         GROUP BY 1, employee {_extra(plan)}
        HAVING sum(value) > 0
    """
    return await _count_people(asked, arguments, people)


async def _active_advocates(asked: Reading) -> Found | None:
    if not await _has_shares(asked):
        return None
    keys, bucket_end = (ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED), bucket_ends(asked.query)
    stated = await stated_at(asked.connection, asked.org_id, keys, bucket_end)
    weeks = [
        (index, week.start, week.end)
        for index, (end, (count, _)) in enumerate(zip(bucket_end, stated, strict=True))
        for week in last_iso_weeks(end, int(count))
    ]
    plan, arguments = asked.plan, asked.arguments()
    indexes, starts, ends = (arguments.add(list(column)) for column in zip(*weeks, strict=True))
    needed = arguments.add([int(enough) for _, enough in stated])
    people = f"""
        SELECT bucket, employee {_extra(plan)}
          FROM (
            SELECT w.bucket, w.first_day, x.employee {_extra(plan)}
              FROM unnest({indexes}::integer[], {starts}::date[], {ends}::date[])
                   w (bucket, first_day, end_day)
              JOIN ({_shares(plan, arguments)}) x
                ON x.day >= w.first_day AND x.day < w.end_day
             GROUP BY w.bucket, w.first_day, x.employee {_extra(plan)}
            HAVING sum(x.value) > 0
          ) active
         GROUP BY bucket, employee {_extra(plan)}
        HAVING count(*) >= ({needed}::integer[])[bucket + 1]
    """
    return await _count_people(asked, arguments, people)


def _on_roster(condition: str) -> Reader:
    """Return the reader of people whose roster row in force at the bucket's end satisfies."""

    async def read(asked: Reading) -> Found | None:
        if not await asked.exists(_HAS_ROSTER):
            return None
        plan, arguments = asked.plan, asked.arguments()
        ends = arguments.add(bucket_ends(asked.query))
        grouped = f"r.{plan.group_by}" if plan.group_by else "''"
        clause = filter_clause(plan.filters, arguments, alias="r")
        rows = await asked.connection.fetch(
            f"""
            SELECT b.place - 1 AS bucket, {grouped} AS grouped, count(*) AS people
              FROM (
                SELECT s.*, lead(s.effective_on, 1, 'infinity'::date) OVER (
                           PARTITION BY s.employee ORDER BY s.effective_on, s.fact_key) AS until
                  FROM roster s
                 WHERE s.org_id = $1 AND s.generation = $2
              ) r
             {places_held("r.effective_on", "r.until", ends)}
             WHERE {condition} {clause}
             GROUP BY 1, 2
            """,
            *arguments.values,
        )
        return {(row["bucket"], row["grouped"]): Decimal(row["people"]) for row in rows}

    return read


READERS: Mapping[str, Reader] = {
    "sharers": _sharers,
    "active_advocates": _active_advocates,
    "headcount": _on_roster("r.employed"),
    "linkedin_accounts": _on_roster("r.employed AND r.linkedin_account"),
}
