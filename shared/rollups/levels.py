"""Levels: the last known reading of each entity."""

from collections.abc import Mapping

from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.sql import bucket_ends, filter_clause, placed_on_day, places_held

__all__ = ["READERS"]

_HAS_READINGS = (
    "EXISTS (SELECT FROM gauge"
    " WHERE org_id = $1 AND generation = $2 AND measure = ANY ($3::text[]))"
)
_PILLARS = ("ssi.brand", "ssi.people", "ssi.insights", "ssi.relationships")


def _gauge(measures: tuple[str, ...], combined: str) -> Reader:
    """Return the reader of gauges: last reading per entity and measure, then ``combined``."""

    async def read(asked: Reading) -> Found | None:
        if not await asked.exists(_HAS_READINGS, list(measures)):
            return None
        plan, arguments = asked.plan, asked.arguments()
        ends = arguments.add(bucket_ends(asked.query))
        names, end = arguments.add(list(measures)), arguments.add(asked.query.period.end)
        placed, columns = placed_on_day(plan.places, "g.employee", "b.until - 1")
        group = columns.get(plan.group_by, f"g.{plan.group_by}") if plan.group_by else "''"
        clause = filter_clause(plan.filters, arguments, alias="g", columns=columns)
        # A reading holds until the next one of its entity; a day may run backwards where clocks do,
        # so the next one is that of the earliest day. All of it is read in one pass, whatever the
        # number of buckets.
        rows = await asked.connection.fetch(
            f"""
            SELECT b.place - 1 AS bucket, {group} AS grouped, {combined} AS value
              FROM (
                SELECT s.*, coalesce(min(s.day) OVER later, 'infinity') AS until
                  FROM gauge s
                 WHERE s.org_id = $1 AND s.generation = $2 AND s.measure = ANY ({names}::text[])
                   AND s.day < {end}::date
                WINDOW later AS (
                    PARTITION BY s.measure, s.employee, s.account, s.network
                    ORDER BY s.observed_at DESC, s.fact_key DESC
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
              ) g
             {places_held("g.day", "g.until", ends)}
             {placed}
             WHERE true {clause}
             GROUP BY 1, 2
            """,
            *arguments.values,
        )
        return {(row["bucket"], row["grouped"]): row["value"] for row in rows}

    return read


READERS: Mapping[str, Reader] = {
    "followers": _gauge(("followers",), "sum(g.value)"),
    "connections": _gauge(("connections",), "sum(g.value)"),
    "competitor_followers": _gauge(("competitor_followers",), "sum(g.value)"),
    "market": _gauge(("market",), "sum(g.value)"),
    "ssi": _gauge(_PILLARS, "sum(g.value) / count(DISTINCT g.employee)"),
    **{name: _gauge((name,), "avg(g.value)") for name in _PILLARS},
}
