"""Explain a measure: the facts behind it, with what each contributes.

The contribution queries are the ones the fold sums, so for a sum the listed quantities add up to
the stored value exactly. A count lists one line per person counted, a mean or a quantile the values
it is taken from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import asyncpg

from shared.kpis.measures import MEASURES
from shared.kpis.periods import Period
from shared.money import exponent
from shared.orgs import Org
from shared.rollups.evidence import evidence
from shared.rollups.query import MeasureQuery, slicing
from shared.rollups.read import Value, live_generation, read_measures
from shared.rollups.sql import TEAM_ON_DAY, Arguments, filter_clause

__all__ = ["ContributionLine", "ExplainPage", "explain_measure"]


@dataclass(frozen=True, slots=True)
class ContributionLine:
    """What one fact contributes. ``position`` is that of the fact's present entry in the ledger."""

    day: date
    quantity: Decimal
    source: str
    kind: str
    external_id: str
    occurred_at: datetime
    position: int
    employee: str
    network: str
    campaign: str
    content: str
    channel: str
    note: str


@dataclass(frozen=True, slots=True)
class ExplainPage:
    """A page of lines. ``combined`` says how all lines together make ``total``."""

    lines: list[ContributionLine]
    total: Value
    lines_total: int
    combined: Literal["sum", "count", "mean", "median", "p90"]
    next: str | None


async def explain_measure(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    measure: str,
    period: Period,
    *,
    filters: Mapping[str, frozenset[str]],
    after: str | None,
    limit: int,
) -> ExplainPage:
    """Return a page of the facts behind ``measure`` in ``period`` and its value as stored.

    Pages follow (day, fact); pass ``next`` of one page as ``after`` of the following one.

    Raises:
        ForbiddenSlice: the measure cannot be filtered so.
        ValueError: ``after`` is not what a page gave.
    """
    query = MeasureQuery(buckets=(period,), filters=filters)
    plan = slicing(measure, query)
    table = await read_measures(connection, org, [measure], query)
    generation = await live_generation(connection, org.id)
    proof = evidence(MEASURES[measure])
    arguments = Arguments(org.id, generation)
    relation = proof.relation(arguments, period, exponent(org.currency))
    team = TEAM_ON_DAY.format(employee="c.employee", day="c.day") if "team" in filters else ""
    clause = filter_clause(plan.filters, arguments, team_column="t.team")
    if team:
        clause += " AND c.employee <> ''"  # what is nobody's is in no team, not in the unnamed one
    lines = f"""
        SELECT c.fact_key, c.day, min(c.employee) AS employee, min(c.network) AS network,
               min(c.campaign) AS campaign, min(c.content) AS content,
               min(c.channel) AS channel, min(c.note) AS note, sum(c.quantity) AS quantity
          FROM ({relation}) c {team}
         WHERE true {clause}
         GROUP BY c.fact_key, c.day, c.line_key
        HAVING sum(c.quantity) <> 0
    """
    offset = _offset(after)
    rows = await connection.fetch(
        f"""
        WITH lines AS MATERIALIZED ({lines})
        SELECT l.*, e.source, e.kind, e.external_id, e.occurred_at, e.position, totals.lines_total
          FROM (SELECT count(*) AS lines_total FROM lines) totals
          LEFT JOIN (
            SELECT * FROM lines ORDER BY day, fact_key, note
             OFFSET {arguments.add(offset)} LIMIT {arguments.add(limit)}
          ) l ON true
          LEFT JOIN fact_head h ON h.org_id = $1 AND h.fact_key = l.fact_key
          LEFT JOIN ledger_entry e ON e.org_id = $1 AND e.position = h.position
         ORDER BY l.day, l.fact_key, l.note
        """,
        *arguments.values,
    )
    lines_total: int = rows[0]["lines_total"]
    end = offset + limit
    return ExplainPage(
        lines=[_line(row) for row in rows if row["fact_key"] is not None],
        total=table[0, ""][measure],
        lines_total=lines_total,
        combined=proof.combined,
        next=str(end) if end < lines_total else None,
    )


def _offset(after: str | None) -> int:
    if after is None:
        return 0
    if not after.isascii() or not after.isdigit() or len(after) > 12:
        raise ValueError("not a place in an explanation")
    return int(after)


def _line(row: asyncpg.Record) -> ContributionLine:
    return ContributionLine(
        day=row["day"],
        quantity=row["quantity"],
        source=row["source"],
        kind=row["kind"],
        external_id=row["external_id"],
        occurred_at=row["occurred_at"],
        position=row["position"],
        employee=row["employee"],
        network=row["network"],
        campaign=row["campaign"],
        content=row["content"],
        channel=row["channel"],
        note=row["note"],
    )
