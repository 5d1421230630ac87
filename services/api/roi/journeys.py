"""Decided journeys of one kind, converted or not, as they stand: for what looks at all at once.

A journey belongs to a period by the basis: *cohort* if any touch of its path lies in the period,
*period* if it was decided in it. Its path is always whole. A deal that is lost is told to be; of
the other kinds :mod:`services.api.roi.unconverted` finds what led nowhere. ``$1`` is the
organization, ``$2`` the generation, ``$3`` the window in days, ``$4`` and ``$5`` the period, and
``$6`` today, of which no deal needs to know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Final
from uuid import UUID

import asyncpg

from services.api.roi.repository import Basis, grouping
from services.api.roi.unconverted import unconverted
from shared.attribution.journey import Conversion, Touch
from shared.attribution.markov import PathCount
from shared.attribution.sharing import ChannelPart
from shared.kpis.periods import Period
from shared.kpis.vocabulary import ConversionKind, Dimension
from shared.rollups import converting
from shared.rollups.sql import looked_up

__all__ = ["Journey", "Paths", "Scope", "channel_parts", "journeys", "paths"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which journeys: of which organization and rollups, to what, in which period, which window.

    ``today`` is that of the answer: on it, a window is over or not.
    """

    org_id: UUID
    generation: int
    kind: ConversionKind
    basis: Basis
    period: Period
    window_days: int
    today: date

    @property
    def arguments(self) -> tuple[UUID | int | date, ...]:
        """Return the arguments that every query here begins with."""
        period = self.period
        told = self.org_id, self.generation, self.window_days, period.start, period.end
        return told if self.kind is ConversionKind.DEAL else (*told, self.today)


@dataclass(frozen=True, slots=True)
class Paths:
    """Journeys counted by the sequence of their channels, and what the won ones were worth."""

    counts: tuple[PathCount, ...]
    value: Decimal

    @property
    def converted(self) -> int:
        """Return how many journeys converted."""
        return sum(path.converted for path in self.counts)


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey: its end, its touches in order, and of each touch its group."""

    conversion: Conversion
    is_won: bool
    touches: tuple[Touch, ...]
    groups: tuple[str, ...]


#: Whom the period met, as all they are known as.
_MET: Final = converting.same_people("""
    SELECT DISTINCT person FROM touch
     WHERE org_id = $1 AND generation = $2 AND day >= $4::date AND day < $5::date
""")


def _of_met(table: str) -> str:
    """Return the leads or applications that rows of ``table`` tell of whom the period met."""
    return looked_up(table, table, "person", _MET)


def _of_days(table: str, day: str = "day", only: str = "true") -> str:
    """Return the deals, leads or applications of which a row of ``table`` has its day inside."""
    return f"""
        SELECT DISTINCT {table} FROM {table}
         WHERE org_id = $1 AND generation = $2 AND {day} >= $4::date AND {day} < $5::date AND {only}
    """


_KEYS: Final = {
    Basis.COHORT: {
        ConversionKind.DEAL: looked_up("deal", "deal", "lead", _of_met("lead")),
        ConversionKind.LEAD: _of_met("lead"),
        ConversionKind.APPLICATION: _of_met("application"),
        ConversionKind.HIRE: _of_met("application"),
    },
    Basis.PERIOD: {
        ConversionKind.DEAL: _of_days("deal", "closed_day"),
        ConversionKind.LEAD: _of_days("lead"),
        ConversionKind.APPLICATION: _of_days("application", only="event = 'submitted'"),
        ConversionKind.HIRE: _of_days("application", only="event = 'accepted'"),
    },
}
_IS_ASKED: Final = {Basis.COHORT: "touch_day", Basis.PERIOD: "converted_day"}


def _touches(kind: ConversionKind, basis: Basis) -> str:
    """Return every touch of the journeys asked about, with whether it is itself asked about."""
    found = converting.journeys(converting.decided(kind, f"({_KEYS[basis][kind]})"))
    if kind is not ConversionKind.DEAL:
        found = f"{found} UNION ALL {unconverted(kind, basis)}"
    day = _IS_ASKED[basis]
    return f"""
        SELECT *
          FROM (
            SELECT j.*, {day} >= $4::date AND {day} < $5::date AS is_asked,
                   bool_or({day} >= $4::date AND {day} < $5::date)
                       OVER (PARTITION BY j.is_won, j.conversion) AS is_of_period
              FROM ({found}) j
          ) j
         WHERE is_of_period
    """


async def paths(connection: "asyncpg.Connection[asyncpg.Record]", scope: Scope) -> Paths:
    """Return the journeys counted by path: additive, and few whatever the number of journeys."""
    rows = await connection.fetch(
        f"""
        SELECT channels, count(*) AS journeys, count(*) FILTER (WHERE is_won) AS converted,
               coalesce(sum(amount) FILTER (WHERE is_won), 0) AS value
          FROM (
            SELECT is_won, amount, array_agg(channel ORDER BY touched_at, touch_key) AS channels
              FROM ({_touches(scope.kind, scope.basis)}) j
             GROUP BY conversion, is_won, amount
          ) paths
         GROUP BY channels ORDER BY channels
        """,
        *scope.arguments,
    )
    counts = [PathCount(row["channels"], row["journeys"], row["converted"]) for row in rows]
    return Paths(tuple(counts), sum((row["value"] for row in rows), Decimal(0)))


async def channel_parts(
    connection: "asyncpg.Connection[asyncpg.Record]", scope: Scope, group_by: Dimension | None
) -> list[ChannelPart]:
    """Return the touches of each channel by group, with their stored linear credit.

    The window must be that of the rollups.
    """
    grouped, team = grouping(group_by, employee="c.employee", day="c.converted_day")
    rows = await connection.fetch(
        f"""
        SELECT c.channel, {grouped or "''"} AS grouped, c.is_asked, count(*) AS touches,
               coalesce(sum(l.amount), 0) AS amount, coalesce(sum(l.share), 0) AS share
          FROM ({_touches(scope.kind, scope.basis)}) c
          LEFT JOIN LATERAL (
            SELECT amount, share FROM credit
             WHERE org_id = $1 AND generation = $2 AND kind = '{scope.kind}'
               AND conversion = c.conversion AND model = 'linear' AND touch_key = c.touch_key
            OFFSET 0
          ) l ON c.is_won
          {team}
         GROUP BY 1, 2, 3
        """,
        *scope.arguments,
    )
    return [ChannelPart(*row) for row in rows]


async def journeys(
    connection: "asyncpg.Connection[asyncpg.Record]", scope: Scope, group_by: Dimension | None
) -> list[Journey]:
    """Return every journey with its touches: what a model is computed from anew."""
    grouped, team = grouping(group_by, employee="c.employee", day="c.converted_day")
    rows = await connection.fetch(
        f"""
        SELECT c.conversion, c.is_won, c.amount, c.converted_at, c.converted_day, c.lead_at,
               c.opened_at, c.touch_key, c.touched_at, c.touch_day, c.channel,
               {grouped or "''"} AS grouped
          FROM ({_touches(scope.kind, scope.basis)}) c {team}
         ORDER BY c.is_won, c.conversion, c.touched_at, c.touch_key
        """,
        *scope.arguments,
    )
    return list(_journeys(rows))


def _journeys(rows: list[asyncpg.Record]) -> Iterator[Journey]:
    for _, path in groupby(rows, key=itemgetter("is_won", "conversion")):
        touches = list(path)
        first = touches[0]
        converted_at: datetime = first["converted_at"]
        yield Journey(
            conversion=Conversion(
                id=first["conversion"],
                at=converted_at,
                day=first["converted_day"],
                amount=first["amount"],
                stages=(first["lead_at"], first["opened_at"]),
            ),
            is_won=first["is_won"],
            touches=tuple(
                Touch(row["touch_key"].hex(), row["touched_at"], row["touch_day"], row["channel"])
                for row in touches
            ),
            groups=tuple(row["grouped"] for row in touches),
        )
