"""Explain a measure: the facts behind it, with what each contributes.

The contribution queries are the ones the fold sums, so for a sum the listed quantities add up to
the stored value exactly. A count lists one line per person counted, a mean or a quantile the values
it is taken from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import asyncpg

from shared.kpis.measures import MEASURES
from shared.kpis.periods import Period
from shared.money import exponent
from shared.orgs import Org
from shared.rollups.evidence import Evidence, evidence
from shared.rollups.listed import Combined, team_of_line
from shared.rollups.query import MeasureQuery, slicing
from shared.rollups.read import Value, live_generation, read_measures
from shared.rollups.sql import Arguments, date_literal, filter_clause

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
    combined: Combined
    next: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page ends: its last line, and how many there are on all pages."""

    lines_total: int
    day: date
    fact_key: bytes
    line_key: str

    def text(self) -> str:
        return f"{self.lines_total} {self.day} {self.fact_key.hex()} {self.line_key}"

    @staticmethod
    def parse(text: str) -> "_Place":
        total, day, fact_key, line_key = text.split(" ", 3)
        return _Place(int(total), date.fromisoformat(day), bytes.fromhex(fact_key), line_key)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is explained, for all pages alike."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    org: Org
    generation: int
    proof: Evidence
    filters: Mapping[str, frozenset[str]]
    period: Period


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

    Pages follow (day, fact, key of the line); pass ``next`` of one page as ``after`` of the next
    one. A page reads the days it needs, not those before it, so that the last page of a million
    facts costs what the first one does.

    Raises:
        ForbiddenSlice: the measure cannot be filtered so.
        ValueError: ``after`` is not what a page gave.
    """
    query = MeasureQuery(buckets=(period,), filters=filters)
    plan = slicing(measure, query)
    table = await read_measures(connection, org, [measure], query)
    generation = await live_generation(connection, org.id)
    proof = evidence(MEASURES[measure])
    asked = _Asked(connection, org, generation, proof, plan.filters, period)
    place = None if after is None else _Place.parse(after)
    lines_total = place.lines_total if place else await _count(asked)
    rows = await _page(asked, place, lines_total, limit + 1) if lines_total else []
    last = rows[limit - 1] if len(rows) > limit else None
    return ExplainPage(
        lines=[_line(row) for row in rows[:limit]],
        total=table[0, ""][measure],
        lines_total=lines_total,
        combined=proof.combined,
        next=None
        if last is None
        else _Place(lines_total, last["day"], last["fact_key"], last["line_key"]).text(),
    )


async def _count(asked: _Asked) -> int:
    arguments = Arguments(asked.org.id, asked.generation)
    lines = _lines(asked, asked.period, arguments)
    counted: int = await asked.connection.fetchval(
        f"SELECT count(*) FROM ({lines}) l", *arguments.values
    )
    return counted


async def _page(
    asked: _Asked, place: _Place | None, lines_total: int, wanted: int
) -> list[asyncpg.Record]:
    """Return the next lines: of a few days first, of twice as many while that is too few."""
    start = place.day if place and asked.proof.is_by_day else asked.period.start
    days = asked.period.days
    span = days if not asked.proof.is_by_day else 1 + days * wanted // lines_total
    while True:
        end = min(start + timedelta(days=span), asked.period.end)
        rows = await _lines_after(asked, place, Period(start, end), wanted)
        if len(rows) >= wanted or end == asked.period.end:
            return rows
        span *= 2


async def _lines_after(
    asked: _Asked, place: _Place | None, period: Period, wanted: int
) -> list[asyncpg.Record]:
    arguments = Arguments(asked.org.id, asked.generation)
    lines = _lines(asked, period, arguments)
    beyond = ""
    if place is not None:
        keys = (place.day, place.fact_key, place.line_key)
        beyond = f"WHERE (day, fact_key, line_key) > ({', '.join(map(arguments.add, keys))})"
    return await asked.connection.fetch(
        f"""
        SELECT l.*, e.source, e.kind, e.external_id, e.occurred_at, e.position
          FROM (
            SELECT * FROM ({lines}) l {beyond}
             ORDER BY day, fact_key, line_key LIMIT {arguments.add(wanted)}
          ) l
          LEFT JOIN fact_head h ON h.org_id = $1 AND h.fact_key = l.fact_key
          LEFT JOIN ledger_entry e ON e.org_id = $1 AND e.position = h.position
         ORDER BY l.day, l.fact_key, l.line_key
        """,
        *arguments.values,
    )


def _lines(asked: _Asked, period: Period, arguments: Arguments) -> str:
    """Return the lines of a period under the filters, each (day, fact, key) once."""
    proof, filters = asked.proof, asked.filters
    relation = proof.relation(arguments, period, exponent(asked.org.currency))
    team, column, has_team = "", "''", ""
    if "team" in filters:
        # What is nobody's is in no team, not in the unnamed one.
        days = date_literal(asked.period.start), date_literal(asked.period.end)
        team, column, has_team = team_of_line(proof.team_on, *days)
    let_through = f"""
        FROM ({relation}) c {team}
       WHERE true {has_team} {filter_clause(filters, arguments, team_column=column)}
    """
    if proof.combined == "count":
        # A count has one line for each that is counted, whatever else was found of it.
        return f"""
            SELECT DISTINCT ON (c.line_key) c.* {let_through}
             ORDER BY c.line_key, c.day, c.fact_key
        """
    return f"""
        SELECT c.fact_key, c.day, c.line_key, min(c.employee) AS employee,
               min(c.network) AS network, min(c.campaign) AS campaign, min(c.content) AS content,
               min(c.channel) AS channel, min(c.note) AS note, sum(c.quantity) AS quantity
          {let_through}
         GROUP BY c.fact_key, c.day, c.line_key
        {"HAVING sum(c.quantity) <> 0" if proof.combined == "sum" else ""}
    """


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
