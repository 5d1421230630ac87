"""Credits of conversions: what each model gives to each channel, and conversion by conversion.

Every query takes the basis: *cohort* asks for credits whose touch lies in the period, whenever the
conversion came; *period* for credits whose conversion came in it. ``$1`` is the organization,
``$2`` the generation, ``$3`` and ``$4`` the days.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from shared.kpis.periods import Period
from shared.kpis.vocabulary import ConversionKind, Dimension
from shared.rollups import converting
from shared.rollups.explain import IS_PERSONAL
from shared.rollups.sql import placed_on_day

__all__ = [
    "Basis",
    "CreditLine",
    "CreditQuery",
    "Credits",
    "Opportunities",
    "StoredWith",
    "credit_lines",
    "credited",
    "credited_to",
    "dated_credit",
    "grouping",
    "opportunities",
    "stored_with",
    "total_revenue",
]


class Basis(StrEnum):
    """Which credits belong to a period."""

    COHORT = "cohort"
    PERIOD = "period"


_DAY: Final = {Basis.COHORT: "c.touch_day", Basis.PERIOD: "c.converted_day"}


def _inside(basis: Basis, kind: ConversionKind = ConversionKind.DEAL) -> str:
    day = _DAY[basis]
    return (
        f"c.org_id = $1 AND c.generation = $2 AND c.kind = '{kind}'"
        f" AND {day} >= $3::date AND {day} < $4::date"
    )


@dataclass(frozen=True, slots=True)
class CreditQuery:
    """Which credits are asked for: those of one model to one channel, for a kind of conversions."""

    basis: Basis
    period: Period
    model: str
    channel: str
    kind: ConversionKind = ConversionKind.DEAL

    @property
    def condition(self) -> str:
        """Return what such a credit (alias ``c``) is known by; its arguments begin with ``$3``."""
        return f"{_inside(self.basis, self.kind)} AND c.model = $5 AND c.channel = $6"

    @property
    def arguments(self) -> tuple[date, date, str, str]:
        """Return ``$3`` to ``$6``."""
        return self.period.start, self.period.end, self.model, self.channel


@dataclass(frozen=True, slots=True)
class Credits:
    """What one model credits to one channel and group: an amount, and conversions in shares.

    Only deals have an amount: of other conversions it is 0. The group is ``""`` where nothing is
    grouped, and where a touch has none.
    """

    model: str
    channel: str
    group: str
    amount: Decimal
    conversions: Decimal


async def credited(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    basis: Basis,
    period: Period,
    kind: ConversionKind = ConversionKind.DEAL,
    group_by: Dimension | None = None,
) -> list[Credits]:
    """Return the credit by model and channel, and by what it is grouped by."""
    grouped, team = grouping(group_by, employee="c.employee", day="c.converted_day")
    rows = await connection.fetch(
        f"""
        SELECT c.model, c.channel, {grouped or "''"} AS "group",
               coalesce(sum(c.amount), 0) AS amount, sum(c.share) AS conversions
          FROM credit c {team} WHERE {_inside(basis, kind)}
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        org_id,
        generation,
        period.start,
        period.end,
    )
    return [Credits(**row) for row in rows]


async def credited_to(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    query: CreditQuery,
) -> tuple[Decimal, Decimal]:
    """Return the amount and the conversions that one model credits to one channel."""
    row = await connection.fetchrow(
        f"""
        SELECT coalesce(sum(c.amount), 0), coalesce(sum(c.share), 0)
          FROM credit c WHERE {query.condition}
        """,
        org_id,
        generation,
        *query.arguments,
    )
    assert row is not None, "an aggregate has one row"
    return row[0], row[1]


def grouping(group_by: Dimension | None, *, employee: str, day: str) -> tuple[str | None, str]:
    """Return the column that credit (alias ``c``) is grouped by, and what must be joined for it.

    A team is the one the employee was in on the day the deal closed, as in the rollups.
    """
    if group_by is None:
        return None, ""
    if group_by is Dimension.TEAM:
        joined, columns = placed_on_day((group_by,), employee, day)
        return columns[group_by], joined
    return f"c.{group_by}", ""


@dataclass(frozen=True, slots=True)
class StoredWith:
    """What the stored credit of a generation was computed with."""

    window_days: int
    half_life_days: int
    half_life_source: str
    half_life_deals: int | None


async def stored_with(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, generation: int
) -> StoredWith:
    """Return the parameters of a generation's credit."""
    row = await connection.fetchrow(
        "SELECT window_days, half_life_days, half_life_source, half_life_deals"
        " FROM generation WHERE org_id = $1 AND generation = $2",
        org_id,
        generation,
    )
    assert row is not None
    return StoredWith(**row)


async def total_revenue(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    basis: Basis,
    period: Period,
) -> Decimal:
    """Return the full amounts of the deals that have any credit in the period.

    The same under every model: the shares of a deal add up to the deal under each of them.
    """
    total: Decimal = await connection.fetchval(
        f"""
        SELECT coalesce(sum(w.amount), 0)
          FROM (SELECT DISTINCT c.conversion FROM credit c WHERE {_inside(basis)}) k
         CROSS JOIN LATERAL (
            SELECT amount FROM credit
             WHERE org_id = $1 AND generation = $2 AND kind = 'deal'
               AND conversion = k.conversion AND model = 'linear'
            OFFSET 0
         ) w
        """,
        org_id,
        generation,
        period.start,
        period.end,
    )
    return total


async def dated_credit(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    query: CreditQuery,
) -> list[tuple[date, Decimal]]:
    """Return the credit of one model and channel by the day its deals closed."""
    rows = await connection.fetch(
        f"""
        SELECT c.converted_day, sum(c.amount) AS amount
          FROM credit c WHERE {query.condition}
         GROUP BY c.converted_day HAVING sum(c.amount) <> 0 ORDER BY c.converted_day
        """,
        org_id,
        generation,
        *query.arguments,
    )
    return [(row["converted_day"], row["amount"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Opportunities:
    """Deals that a period's touches led to, and how many of them are decided."""

    opened: int
    closed: int


_IN_WINDOW: Final = converting.inside_window(
    "coalesce(d.closed_at, 'infinity')", "coalesce(d.closed_day, d.opened_day)", "$6::integer"
)
_LED_TO_DEAL: Final = f"""
    t.channel = $5 AND t.day >= $3::date AND t.day < $4::date AND {_IN_WINDOW}
"""


async def opportunities(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    period: Period,
    channel: str,
    window_days: int,
) -> Opportunities:
    """Return the deals whose person was touched through a channel in the period.

    A touch counts if it lies before the close (or, for an open deal, before now) and inside the
    attribution window before the close (or before the opening).
    """
    row = await connection.fetchrow(
        f"""
        SELECT count(*) AS opened, count(*) FILTER (WHERE d.state <> 'open') AS closed
          FROM (SELECT DISTINCT deal FROM deal WHERE org_id = $1 AND generation = $2) k
          JOIN LATERAL ({converting.current_deal("k.deal")}) d ON true
          JOIN LATERAL ({converting.lead_of("d.lead")}) l ON l.person IS NOT NULL
         WHERE EXISTS (
            SELECT FROM ({converting.touches_of("l.person", _LED_TO_DEAL)}) t
         )
        """,
        org_id,
        generation,
        period.start,
        period.end,
        channel,
        window_days,
    )
    assert row is not None
    return Opportunities(**row)


@dataclass(frozen=True, slots=True)
class CreditLine:
    """The credit of one conversion to one touch, and the facts that both come from.

    ``conversion_is_personal`` tells that the conversion's fact names an employee who is not its
    seller: who referred an applicant.
    """

    conversion: str
    touch_key: bytes
    share: Decimal
    amount: Decimal | None
    touch_day: date
    converted_day: date
    channel: str
    employee: str
    network: str
    campaign: str
    content: str
    conversion_source: str
    conversion_external_id: str
    conversion_position: int
    conversion_is_personal: bool
    touch_source: str
    touch_external_id: str
    touch_position: int

    def place(self, basis: Basis) -> tuple[date, str, bytes]:
        """Return where it stands in a list."""
        day = self.touch_day if basis is Basis.COHORT else self.converted_day
        return day, self.conversion, self.touch_key


def _present_entry(fact_key: str) -> str:
    """Return the subquery of the entry that states a fact: two looks by key.

    Left to the planner they are joins of all facts with all heads, whenever its statistics are
    older than the organization: it then takes every table to hold one row of it.
    """
    return f"""
        SELECT e.source, e.external_id, e.position, {IS_PERSONAL} AS is_personal
          FROM fact_head h
         CROSS JOIN LATERAL (
            SELECT * FROM ledger_entry WHERE org_id = $1 AND position = h.position OFFSET 0
         ) e
         WHERE h.org_id = $1 AND h.fact_key = {fact_key}
        OFFSET 0
    """


def _lines_query(query: CreditQuery) -> str:
    # The index on each day has its credits in the order of the pages. What was taken back is looked
    # for no further than what stands fills the page: there may be much of it, and none known then.
    # Where that ends is said without COALESCE, which row-level security takes for telling rows.
    day = _DAY[query.basis].removeprefix("c.")
    order = f"{day}, conversion, touch_key"
    beyond = f"""{query.condition}
               AND (c.{day}, c.conversion, c.touch_key) > ($7::date, $8::text, $9::bytea)"""
    edge = ", ".join(f"(SELECT {column} FROM edge)" for column in order.split(", "))
    return f"""
        WITH standing AS MATERIALIZED (
            SELECT c.* FROM credit_standing c WHERE {beyond} ORDER BY {order} LIMIT $10
        ), edge AS MATERIALIZED (
            (SELECT {order} FROM standing ORDER BY {order} OFFSET $10::bigint - 1)
             UNION ALL SELECT 'infinity'::date, '', '' ORDER BY {order} LIMIT 1
        ), taken_back AS MATERIALIZED (
            SELECT c.* FROM credit_taken_back c
             WHERE {beyond} AND (c.{day}, c.conversion, c.touch_key) <= ({edge})
             ORDER BY {order} LIMIT $10
        ), page AS (
            SELECT * FROM (TABLE standing UNION ALL TABLE taken_back) either
             ORDER BY {order} LIMIT $10
        )
        SELECT p.conversion, p.touch_key, p.share, p.amount, p.touch_day, p.converted_day,
               p.channel, p.employee, p.network, p.campaign, p.content,
               ce.source AS conversion_source, ce.external_id AS conversion_external_id,
               ce.position AS conversion_position, ce.is_personal AS conversion_is_personal,
               te.source AS touch_source, te.external_id AS touch_external_id,
               te.position AS touch_position
          FROM page p
          JOIN LATERAL ({converting.speaking_row(query.kind, "p.conversion")}) c ON true
          JOIN LATERAL ({_present_entry("c.fact_key")}) ce ON true
          JOIN LATERAL ({_present_entry("p.touch_key")}) te ON true
         ORDER BY p.{day}, p.conversion, p.touch_key
        """


async def credit_lines(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    query: CreditQuery,
    *,
    after: tuple[date, str, bytes] | None,
    limit: int,
) -> list[CreditLine]:
    """Return a page of credits, by the day that the basis asks for, conversion and touch.

    It costs what it lists, wherever it begins. ``after`` is the place of the line before it.
    """
    day, conversion, touch_key = after or (date.min, "", b"")
    rows = await connection.fetch(
        _lines_query(query),
        org_id,
        generation,
        *query.arguments,
        day,
        conversion,
        touch_key,
        limit,
    )
    return [CreditLine(**row) for row in rows]
