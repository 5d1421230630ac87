"""Explain a measure: the facts behind it, with what each contributes.

The contribution queries are the ones the fold sums, so for a sum the listed quantities add up to
the stored value exactly. A count lists one line per person counted, a mean or a quantile the values
it is taken from.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import asyncpg

from shared.kpis.periods import Period
from shared.kpis.vocabulary import PLACES
from shared.money import exponent
from shared.orgs import Org
from shared.rollups.evidence import Evidence, evidence
from shared.rollups.known import Knowledge
from shared.rollups.listed import Combined, places_of_line
from shared.rollups.query import MeasureQuery, slicing
from shared.rollups.read import Value, live_generation, read_measures
from shared.rollups.sql import Arguments, date_literal, filter_clause

__all__ = [
    "CONVERTED",
    "IS_PERSONAL",
    "ContributionLine",
    "ExplainPage",
    "explain_measure",
    "let_through_by",
]

#: Whether an entry (alias ``e``) is about an employee, or about one team, department or role. Sales
#: are about a client, whoever made them.
IS_PERSONAL = """(
    e.employee IS NOT NULL AND e.kind NOT IN ('deal.changed', 'lead.created')
    OR coalesce(
        e.payload::jsonb ->> 'team', e.payload::jsonb ->> 'department', e.payload::jsonb ->> 'role'
    ) IS NOT NULL
)"""
#: Lines are counted until so many have been looked at, those included that no filter lets through.
_MOST_COUNTED = 10_000
#: What makes a line. Who and where belong to it: a version that named somebody else was taken back,
#: and must not lend its names to the one that stands.
_LINE = "c.fact_key, c.day, c.line_key, c.employee, c.network, c.campaign, c.content, c.channel"
#: What an amount in another currency was told as, of an entry (alias ``e``).
CONVERTED = """
    CASE WHEN e.kind IN ('cost.booked', 'deal.changed', 'quota.set', 'figure.recorded') THEN (
        SELECT concat(coalesce(told ->> 'amount', told ->> 'value'), ' ', told ->> 'currency',
                      ' at ', told ->> 'rate', ', the rate from ', told ->> 'rate_from')
          FROM (SELECT e.payload::jsonb -> 'told') t (told) WHERE told IS NOT NULL
    ) END
"""
_KNOWN = "SELECT current_setting('app.known', true)"
#: Days that one statement looks at, so that a sparse list costs more statements, not longer ones.
_MOST_DAYS = 32


@dataclass(frozen=True, slots=True)
class ContributionLine:
    """What one fact contributes. ``position`` is that of the fact's present entry in the ledger.

    ``is_personal`` tells that the fact is about one employee, team, department or role, whoever
    the line names.
    """

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
    is_personal: bool


@dataclass(frozen=True, slots=True)
class ExplainPage:
    """A page of lines. ``combined`` says how all lines together make ``total``.

    ``lines_total`` is None where the lines are too many to be worth counting.
    """

    lines: list[ContributionLine]
    total: Value
    lines_total: int | None
    combined: Combined
    next: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page ends: its last line; how many lines there are; how many days it looked at.

    ``left`` is how many lines come after it, None where they were not counted.
    """

    lines_total: int | None
    left: int | None
    span: int
    day: date
    fact_key: bytes
    line_key: str

    def text(self) -> str:
        total = "many" if self.lines_total is None else f"{self.lines_total}/{self.left}"
        return f"{total} {self.span} {self.day} {self.fact_key.hex()} {self.line_key}"

    @staticmethod
    def parse(text: str) -> "_Place":
        total, span, day, fact_key, line_key = text.split(" ", 4)
        counted = [None, None] if total == "many" else [int(count) for count in total.split("/")]
        lines_total, left = counted
        return _Place(
            lines_total, left, int(span), date.fromisoformat(day), bytes.fromhex(fact_key), line_key
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is explained, for all pages alike.

    ``unknown_from`` is the day after that of which a look back tells what was known.
    """

    connection: "asyncpg.Connection[asyncpg.Record]"
    org: Org
    generation: int
    proof: Evidence
    filters: Mapping[str, frozenset[str]]
    period: Period
    unknown_from: date | None


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
    one. A page reads the days it needs, not those before or after it, and the value comes from the
    rollups, so that each page of a million facts costs what the first one of a thousand does.

    Raises:
        ForbiddenSlice: the measure cannot be filtered so.
        ValueError: ``after`` is not what a page gave.
    """
    query = MeasureQuery(buckets=(period,), filters=filters)
    plan = slicing(measure, query)
    table = await read_measures(connection, org, [measure], query)
    generation = await live_generation(connection, org.id)
    proof = evidence(plan.measure)
    knowledge = Knowledge.parse(await connection.fetchval(_KNOWN))
    unknown_from = None if knowledge is None else knowledge.day + timedelta(days=1)
    asked = _Asked(connection, org, generation, proof, plan.filters, period, unknown_from)
    place = None if after is None else _Place.parse(after)
    lines_total = place.lines_total if place else await _count(asked)
    left = place.left if place else lines_total
    # Once all that were counted are found, no further days are looked through for more.
    rows, span = await _page(asked, place, limit + 1 if left is None else min(limit + 1, left))
    last = rows[limit - 1] if len(rows) > limit else None
    return ExplainPage(
        lines=[_line(row) for row in rows[:limit]],
        total=table[0, ""][measure],
        lines_total=lines_total,
        combined=proof.combined,
        next=None
        if last is None
        else _Place(
            lines_total,
            None if left is None else left - limit,
            *(span, last["day"], last["fact_key"], last["line_key"]),
        ).text(),
    )


async def _count(asked: _Asked) -> int | None:
    """Return how many lines there are; None as soon as they are more than are worth counting."""
    total = looked_at = 0
    async for window in _windows(asked, asked.period.start, 1):
        if looked_at > _MOST_COUNTED:
            return None
        arguments = Arguments(asked.org.id, asked.generation)
        if asked.proof.is_by_day:
            counted = _counted(asked, window, arguments)
        else:
            counted = (
                f"SELECT count(*) AS lines, 0 AS of FROM ({_lines(asked, window, arguments)}) l"
            )
        row = await asked.connection.fetchrow(counted, *arguments.values)
        assert row is not None, "an aggregate has one row"
        total, looked_at = total + row["lines"], looked_at + row["of"]
    return total


async def _page(
    asked: _Asked, place: _Place | None, wanted: int
) -> tuple[list[asyncpg.Record], int]:
    """Return the next lines, and over how many days they were looked for."""
    rows: list[asyncpg.Record] = []
    start = place.day if place else asked.period.start
    span = 0
    async for window in _windows(asked, start, place.span if place else 1):
        rows += await _lines_after(asked, place, window, wanted - len(rows))
        span = max(span, window.days)
        if len(rows) >= wanted:
            break
    return rows, max(1, span // 2)


async def _windows(asked: _Asked, start: date, days: int) -> AsyncIterator[Period]:
    """Yield the days from ``start`` on, cut so that few are looked at if few are enough.

    Each window is twice as long as the one before, up to ``_MOST_DAYS``. Lines that depend on the
    whole period cannot be cut: they are the sets and levels of people, which are not endless.
    """
    if not asked.proof.is_by_day:
        yield asked.period
        return
    end, unknown_from = asked.period.end, asked.unknown_from
    while start < end:
        until = min(start + timedelta(days=days), end)
        if unknown_from is not None and start < unknown_from:
            until = min(until, unknown_from)
        elif unknown_from is not None and until < end:
            # Of days to come little was known, if anything: it is asked once how far that goes.
            end, unknown_from = await _end_of_lines(asked, Period(start, end)), None
            continue
        yield Period(start, until)
        start, days = until, min(2 * days, _MOST_DAYS)


async def _end_of_lines(asked: _Asked, period: Period) -> date:
    """Return the day after the last one of a period on which there may be lines."""
    arguments = Arguments(asked.org.id, asked.generation)
    contributed, condition = _contributed(asked, period, arguments)
    last: date | None = await asked.connection.fetchval(
        f"SELECT max(c.day) {contributed} WHERE {condition}", *arguments.values
    )
    return period.start if last is None else last + timedelta(days=1)


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
        SELECT l.*, e.source, e.kind, e.external_id, e.occurred_at, e.position,
               {IS_PERSONAL} AS is_personal, {CONVERTED} AS converted
          FROM (
            SELECT * FROM ({lines}) l {beyond}
             ORDER BY day, fact_key, line_key LIMIT {arguments.add(wanted)}
          ) l
          LEFT JOIN LATERAL ( -- by key, of the past too: joined, all heads of the ledger are read
            SELECT position FROM fact_head WHERE org_id = $1 AND fact_key = l.fact_key OFFSET 0
          ) h ON true
          LEFT JOIN LATERAL (
            SELECT * FROM ledger_entry WHERE org_id = $1 AND position = h.position OFFSET 0
          ) e ON true
         ORDER BY l.day, l.fact_key, l.line_key
        """,
        *arguments.values,
    )


def _lines(asked: _Asked, period: Period, arguments: Arguments) -> str:
    """Return the lines of a period under the filters, each (day, fact, key) once."""
    contributed, condition = _contributed(asked, period, arguments)
    if asked.proof.combined == "count":
        # A count has one line for each that is counted, whatever else was found of it.
        return f"""
            SELECT DISTINCT ON (c.line_key) c.* {contributed} WHERE {condition}
             ORDER BY c.line_key, c.day, c.fact_key, c.network
        """
    return f"""
        SELECT {_LINE}, min(c.note) AS note, sum(c.quantity) AS quantity
          {contributed}
         WHERE {condition}
         GROUP BY {_LINE}
        {"HAVING sum(c.quantity) <> 0" if asked.proof.combined == "sum" else ""}
    """


def _counted(asked: _Asked, period: Period, arguments: Arguments) -> str:
    """Return how many lines of a sum a period has, of how many that had to be looked at."""
    contributed, condition = _contributed(asked, period, arguments)
    return f"""
        SELECT count(*) FILTER (WHERE quantity <> 0) AS lines, coalesce(sum(looked_at), 0) AS of
          FROM (
            SELECT count(*) AS looked_at, sum(c.quantity) FILTER (WHERE {condition}) AS quantity
              {contributed}
             GROUP BY {_LINE}
          ) l
    """


def _contributed(asked: _Asked, period: Period, arguments: Arguments) -> tuple[str, str]:
    """Return what contributes in a period, as FROM, and the condition of the filters."""
    proof = asked.proof
    relate = proof.relation if proof.under is None else proof.under(asked.filters)
    relation = relate(arguments, period, exponent(asked.org.currency))
    return _filtered(proof, relation, asked.filters, asked.period, arguments)


def let_through_by(
    proof: Evidence,
    relation: str,
    filters: Mapping[str, frozenset[str]],
    period: Period,
    arguments: Arguments,
) -> str:
    """Return the FROM and WHERE of the lines (alias ``c``) of a relation that filters let through.

    ``period`` is all that is asked about: its ends say where the people of a level are.
    """
    contributed, condition = _filtered(proof, relation, filters, period, arguments)
    return f"{contributed} WHERE {condition}"


def _filtered(
    proof: Evidence,
    relation: str,
    filters: Mapping[str, frozenset[str]],
    period: Period,
    arguments: Arguments,
) -> tuple[str, str]:
    asked = [place for place in PLACES if place in filters]
    days = date_literal(period.start), date_literal(period.end)
    placed, columns, has_place = places_of_line(proof.placed_on, asked, *days)
    clause = filter_clause(filters, arguments, columns=columns)
    return f"FROM ({relation}) c {placed}", f"true {has_place} {clause}"


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
        note="; ".join(filter(None, (row["note"], row["converted"]))),
        is_personal=row["is_personal"],
    )
