"""Leads and how they end: the history a forecast rests on, and what of a cohort is still open.

A lead's time runs in whole local days from the day it came. A lead with several deals counts once
for each; one without a deal is open. ``$1`` is the organization, ``$2`` the generation.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

import asyncpg

from shared.kpis.cohort_forecast import History, OpenLead, Win
from shared.kpis.periods import Period
from shared.kpis.survival import Outcome
from shared.rollups import converting

__all__ = ["open_leads", "read_history"]

_MOST_WINS: Final = 2000
_LEADS: Final = f"""
    SELECT l.person, l.day, d.state, d.amount, d.closed_day
      FROM (SELECT DISTINCT lead FROM lead WHERE org_id = $1 AND generation = $2) k
      JOIN LATERAL ({converting.lead_of("k.lead")}) l ON true
      LEFT JOIN LATERAL (
        SELECT c.state, c.amount, c.closed_day
          FROM (
            SELECT DISTINCT deal FROM deal
             WHERE org_id = $1 AND generation = $2 AND lead = k.lead
          ) told
          JOIN LATERAL ({converting.current_deal("told.deal")}) c ON c.lead = k.lead
      ) d ON true
"""
# A deal that closed before its lead was entered took no time at all.
_SPELLS: Final = f"""
    SELECT greatest(coalesce(closed_day, $3::date) - day, 0) AS days,
           coalesce(state, 'open') AS outcome, count(*) AS leads,
           max($3::date - day) AS age_days
      FROM ({_LEADS}) leads
     WHERE day <= $3::date
     GROUP BY 1, 2
"""
# Wins with a touch of the channel, credited or not: what such a win brings, on average. Every touch
# has linear credit; of other models only what is earned is kept.
_WINS: Final = """
    SELECT coalesce(sum(c.share) FILTER (WHERE c.model = $3), 0) AS share,
           coalesce(sum(c.amount) FILTER (WHERE c.model = $3), 0) AS amount
      FROM credit c
     WHERE c.org_id = $1 AND c.generation = $2 AND c.kind = 'deal' AND c.model IN ('linear', $3)
       AND c.channel = $4
     GROUP BY c.conversion
     ORDER BY max(c.converted_day) DESC, c.conversion
     LIMIT $5
"""
# A touch that a close of today would leave outside the window earns nothing of a later one either.
_STILL_INSIDE: Final = converting.inside_window("'infinity'", "$3::date", "$7::integer")
_MAY_EARN: Final = f"t.channel = $6 AND {_STILL_INSIDE}"
# Who was not touched in the period, or is unknown, has no last day there.
_OPEN: Final = f"""
    SELECT $3::date - leads.day AS age_days, leads.amount, t.inside, t.touches,
           t.last_day + $7::integer - leads.day AS last_age_days
      FROM ({_LEADS}) leads
     CROSS JOIN LATERAL (
        SELECT count(*) AS touches,
               count(*) FILTER (WHERE t.day >= $4::date AND t.day < $5::date) AS inside,
               max(t.day) FILTER (WHERE t.day >= $4::date AND t.day < $5::date) AS last_day
          FROM ({converting.touches_of("leads.person", _MAY_EARN)}) t
     ) t
     WHERE leads.day <= $3::date AND coalesce(leads.state, 'open') = 'open'
       AND t.last_day + $7::integer > $3::date
     ORDER BY 1, 2, 3, 4, 5
"""


async def read_history(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    today: date,
    model: str,
    channel: str,
    margin: Decimal,
) -> History:
    """Return how the organization's leads ended so far, and what the channel's wins were worth."""
    spells = await connection.fetch(_SPELLS, org_id, generation, today)
    wins = await connection.fetch(_WINS, org_id, generation, model, channel, _MOST_WINS)
    return History(
        {(row["days"], Outcome(row["outcome"])): row["leads"] for row in spells},
        [Win(row["share"], row["amount"] * margin) for row in wins],
        max((row["age_days"] for row in spells), default=0),
    )


async def open_leads(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    generation: int,
    *,
    today: date,
    period: Period,
    channel: str,
    window_days: int,
    margin: Decimal,
) -> Sequence[OpenLead]:
    """Return the undecided leads that a period's touches may still be credited for.

    A lead that other periods touched as well counts with the part of its touches that lies in this
    one, of those still inside the window: exactly so under the linear model, on average under the
    others.
    """
    rows = await connection.fetch(
        _OPEN, org_id, generation, today, period.start, period.end, channel, window_days
    )
    return [
        OpenLead(
            age_days=row["age_days"],
            worth=None if row["amount"] is None else row["amount"] * margin,
            weight=Fraction(row["inside"], row["touches"]),
            last_age_days=row["last_age_days"],
        )
        for row in rows
    ]
