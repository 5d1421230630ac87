"""Levels: the last known reading of each entity."""

from collections.abc import Callable, Mapping

from shared.rollups.gauges import PILLARS, indexes, readings
from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.sql import bucket_ends, date_literal, ever_placed, filter_clause
from shared.rollups.sweep import along_buckets, counted_stretches, placed_stretches

__all__ = ["READERS"]

_HAS_READINGS = (
    "EXISTS (SELECT FROM gauge"
    " WHERE org_id = $1 AND generation = $2 AND measure = ANY ($3::text[]))"
)


def _gauge(measures: tuple[str, ...], told: Callable[[str, str], str], value: str) -> Reader:
    """Return the reader of what is ``told`` before a day of some employees, and how it is read."""

    async def read(asked: Reading) -> Found | None:
        if not await asked.exists(_HAS_READINGS, list(measures)):
            return None
        plan, arguments, days = asked.plan, asked.arguments(), bucket_ends(asked.query)
        ends, group, has_group = arguments.add(days), "''", ""
        if plan.kept_group is not None:
            # A group exists for a value, not for its absence, as in the slices.
            group, has_group = f"g.{plan.kept_group}", f"AND g.{plan.kept_group} <> ''"
        whose = ever_placed(plan.place_filters, "gauge.employee", arguments)
        lines = f"""
            SELECT g.employee AS line_key, g.employee, {group} AS grouped,
                   width_bucket(g.since, {ends}::date[]) AS since,
                   width_bucket(g.until, {ends}::date[]) AS until, g.value AS quantity
              FROM ({told(date_literal(asked.query.period.end), whose)}) g
             WHERE true {has_group} {filter_clause(plan.kept_filters, arguments, alias="g")}
        """
        lines = f"SELECT l.* FROM ({lines}) l WHERE l.since < l.until"
        stretches = counted_stretches(lines, by_key=measures == PILLARS)
        placed = placed_stretches(stretches, plan, arguments, days)
        rows = await asked.connection.fetch(
            f"SELECT bucket, grouped, {value} AS value FROM ({along_buckets(placed)}) b",
            *arguments.values,
        )
        return {(row["bucket"], row["grouped"]): row["value"] for row in rows}

    return read


def _of(measure: str, value: str) -> Reader:
    return _gauge(
        (measure,), lambda before, whose: readings(measure, before=before, whose=whose), value
    )


READERS: Mapping[str, Reader] = {
    **{
        name: _of(name, "quantity")
        for name in ("followers", "connections", "competitor_followers", "market")
    },
    **{name: _of(name, "quantity / lines") for name in PILLARS},
    # Of each person once, from however many networks it is told.
    "ssi": _gauge(
        PILLARS, lambda before, whose: indexes(before=before, whose=whose), "quantity / lines"
    ),
}
