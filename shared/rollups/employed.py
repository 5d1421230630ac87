"""Days of employment: whole buckets of who is employed in them, less the days that these lack."""

from shared.rollups.listed import has_rows
from shared.rollups.merging import merged_place, merged_stretches
from shared.rollups.people import roster
from shared.rollups.reading import Found, Reading
from shared.rollups.sql import (
    bucket_ends,
    bucket_starts,
    date_literal,
    filter_clause,
    placed_on_day,
)
from shared.rollups.sweep import along_buckets

__all__ = ["read_person_days"]


async def read_person_days(asked: Reading) -> Found | None:
    """Return the days of each bucket and group: the same as of the lines that explain them.

    A row of the roster is a line from the first bucket that holds a day of it to the last one.
    """
    if not await asked.exists(has_rows("roster")):
        return None
    plan, query, arguments = asked.plan, asked.query, asked.arguments()
    starts = f"({arguments.add(bucket_starts(query))}::date[])"
    ends = f"({arguments.add(bucket_ends(query))}::date[])"
    since, until = date_literal(query.period.start), date_literal(query.period.end)
    # On each of its days it is this row that says where somebody is.
    join, columns = placed_on_day(plan.places, "r.employee", "r.since")
    grouped = columns.get(plan.group_by or "", "''")
    stretches = f"""
        SELECT {grouped} AS grouped, {merged_place(plan, columns)} part.since, part.until,
               part.lines, part.quantity
          FROM ({roster()}) r {join}
         CROSS JOIN LATERAL (
            SELECT greatest(r.since, {since}) AS first, least(r.until, {until}) AS beyond
            OFFSET 0
         ) day
         CROSS JOIN LATERAL (
            SELECT width_bucket(day.first, {starts}) AS first,
                   width_bucket(day.beyond - 1, {starts}) AS last
            OFFSET 0
         ) place
         CROSS JOIN LATERAL (
            VALUES (place.first - 1, place.last, 1, 0),
                   (place.first - 1, place.first, 0, {starts}[place.first] - day.first),
                   (place.last - 1, place.last, 0, day.beyond - {ends}[place.last])
         ) part (since, until, lines, quantity)
         WHERE r.employed AND r.since < r.until AND r.since < {until} AND r.until > {since}
           {filter_clause(plan.filters, arguments, columns=columns)}
    """
    stretches = merged_stretches(stretches, plan, arguments, "grouped", "lines", "quantity")
    rows = await asked.connection.fetch(along_buckets(stretches), *arguments.values)
    return {
        (row["bucket"], row["grouped"]): row["lines"] * query.buckets[row["bucket"]].days
        + row["quantity"]
        for row in rows
    }
