"""Measures that count people: who shared, who is on the roster. Exact sets, never summed."""

from collections.abc import Mapping
from decimal import Decimal

from shared.rollups.active import count_active
from shared.rollups.held import measures_held
from shared.rollups.merging import merged_in_bucket, merged_place, merged_stretches
from shared.rollups.people import roster
from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.shares import shares
from shared.rollups.sql import (
    Arguments,
    bucket_ends,
    bucket_starts,
    filter_clause,
    placed_on_day,
)
from shared.rollups.sweep import along_buckets

__all__ = ["READERS", "SUM_BEHIND"]

#: Measures that are counted from the cells of a sum.
SUM_BEHIND = {"sharers": "shares", "active_advocates": "shares"}

_HAS_ROSTER = "EXISTS (SELECT FROM roster WHERE org_id = $1 AND generation = $2)"


async def _count_people(asked: Reading, arguments: Arguments, people: str) -> Found:
    """Count the rows of ``people`` (bucket, employee, grouped) by bucket and group."""
    plan = asked.plan
    ends = arguments.add(bucket_ends(asked.query))
    last_day = f"({ends}::date[])[p.bucket + 1] - 1"
    placed, columns = placed_on_day(plan.places, "p.employee", last_day)
    group = columns.get(plan.group_by or "", "p.grouped")
    # The ends are named in any case: an argument without use would have no type.
    rows = await asked.connection.fetch(
        f"""
        SELECT p.bucket, {group} AS grouped, count(*) AS people
          FROM ({people}) p {placed}
         WHERE ({ends}::date[]) IS NOT NULL
           {filter_clause(plan.place_filters, arguments, columns=columns)}
           {merged_in_bucket(plan, "p.bucket", arguments, columns=columns)}
         GROUP BY 1, 2
        """,
        *arguments.values,
    )
    return {(row["bucket"], row["grouped"]): Decimal(row["people"]) for row in rows}


async def _has_shares(asked: Reading) -> bool:
    held = await measures_held(asked.connection, asked.org_id, asked.generation, {"shares"})
    return bool(held)


async def _sharers(asked: Reading) -> Found | None:
    if not await _has_shares(asked):
        return None
    plan, arguments = asked.plan, asked.arguments()
    starts = arguments.add(bucket_starts(asked.query))
    end = arguments.add(asked.query.period.end)
    people = f"""
        SELECT width_bucket(day, {starts}::date[]) - 1 AS bucket, employee, grouped
          FROM ({shares(plan, arguments)}) x
         WHERE day >= ({starts}::date[])[1] AND day < {end}::date
         GROUP BY 1, 2, 3
        HAVING sum(value) > 0
    """
    return await _count_people(asked, arguments, people)


async def _active_advocates(asked: Reading) -> Found | None:
    return await count_active(asked) if await _has_shares(asked) else None


def _on_roster(condition: str) -> Reader:
    """Return the reader of people whose roster row in force at the bucket's end satisfies."""

    async def read(asked: Reading) -> Found | None:
        if not await asked.exists(_HAS_ROSTER):
            return None
        plan, arguments = asked.plan, asked.arguments()
        ends = arguments.add(bucket_ends(asked.query))
        # The row says itself where somebody is.
        group = f"r.{plan.group_by}" if plan.group_by else "''"
        stretches = f"""
            SELECT {group} AS grouped, {merged_place(plan, {}, alias="r")}
                   width_bucket(r.since, {ends}::date[]) AS since,
                   width_bucket(r.until, {ends}::date[]) AS until, 1 AS lines, 0 AS quantity
              FROM ({roster()}) r
             WHERE {condition} {filter_clause(plan.filters, arguments, alias="r")}
        """
        stretches = merged_stretches(stretches, plan, arguments, "grouped", "lines", "quantity")
        rows = await asked.connection.fetch(along_buckets(stretches), *arguments.values)
        return {(row["bucket"], row["grouped"]): row["lines"] for row in rows}

    return read


READERS: Mapping[str, Reader] = {
    "sharers": _sharers,
    "active_advocates": _active_advocates,
    "headcount": _on_roster("r.employed"),
    "linkedin_accounts": _on_roster("r.employed AND r.linkedin_account"),
}
