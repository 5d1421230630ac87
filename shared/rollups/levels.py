"""Levels and quantiles: the last known reading of each entity, and the exact order statistics."""

from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction

from shared.kpis.quantiles import MEDIAN, P90, quantile
from shared.rollups import contributions
from shared.rollups.reading import Found, Reader, Reading
from shared.rollups.sql import TEAM_ON_DAY, bucket_ends, bucket_starts, filter_clause

__all__ = ["CLOSED_IN", "READERS"]

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
        names = arguments.add(list(measures))
        is_by_team = plan.group_by == "team" or "team" in plan.filters
        team = TEAM_ON_DAY.format(employee="g.employee", day="b.end_day - 1") if is_by_team else ""
        grouped = {None: "''", "team": "t.team"}.get(plan.group_by, f"g.{plan.group_by}")
        clause = filter_clause(plan.filters, arguments, alias="g", team_column="t.team")
        rows = await asked.connection.fetch(
            f"""
            SELECT b.place::integer - 1 AS bucket, {grouped} AS grouped, {combined} AS value
              FROM unnest({ends}::date[]) WITH ORDINALITY b (end_day, place)
             CROSS JOIN LATERAL (
                SELECT DISTINCT ON (s.measure, s.employee, s.account, s.network) s.*
                  FROM gauge s
                 WHERE s.org_id = $1 AND s.generation = $2 AND s.measure = ANY ({names}::text[])
                   AND s.day < b.end_day
                 ORDER BY s.measure, s.employee, s.account, s.network,
                          s.observed_at DESC, s.fact_key DESC
             ) g
             {team}
             WHERE true {clause}
             GROUP BY 1, 2
            """,
            *arguments.values,
        )
        return {(row["bucket"], row["grouped"]): row["value"] for row in rows}

    return read


#: Won deals closed in [$3, $4), each with whole local days from its lead's creation to the close.
CLOSED_IN = f"""
    SELECT d.deal, d.fact_key, d.closed_day, d.closed_day - l.day AS days, l.fact_key AS lead_key
      FROM (
        SELECT DISTINCT deal FROM deal
         WHERE org_id = $1 AND generation = $2 AND state = 'won'
           AND closed_day >= $3::date AND closed_day < $4::date
      ) k
      JOIN LATERAL ({contributions.current_deal("k.deal")}) d
        ON d.state = 'won' AND d.closed_day >= $3::date AND d.closed_day < $4::date
      JOIN LATERAL ({contributions.lead_of("d.lead")}) l ON true
"""


def _time_to_close(fraction: Fraction) -> Reader:
    async def read(asked: Reading) -> Found | None:
        rows = await asked.connection.fetch(
            f"SELECT width_bucket(closed_day, $5::date[]) - 1 AS bucket, days"
            f" FROM ({CLOSED_IN}) closed",
            asked.org_id,
            asked.generation,
            asked.query.period.start,
            asked.query.period.end,
            bucket_starts(asked.query),
        )
        by_bucket: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_bucket[row["bucket"]].append(row["days"])
        return {(index, ""): quantile(days, fraction) for index, days in by_bucket.items()}

    return read


READERS: Mapping[str, Reader] = {
    "followers": _gauge(("followers",), "sum(g.value)"),
    "connections": _gauge(("connections",), "sum(g.value)"),
    "competitor_followers": _gauge(("competitor_followers",), "sum(g.value)"),
    "market": _gauge(("market",), "sum(g.value)"),
    "ssi": _gauge(_PILLARS, "sum(g.value) / count(DISTINCT g.employee)"),
    **{name: _gauge((name,), "avg(g.value)") for name in _PILLARS},
    "time_to_close.median": _time_to_close(MEDIAN),
    "time_to_close.p90": _time_to_close(P90),
}
