"""Who met the company how before a deal was decided, and who was hired by referral.

A journey is told backwards from its decision: ``("EA", 30)`` is a touch of employee advocacy on
the local day 30 days before the day the deal closed.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Literal

from sandbox.golden.people import active
from sandbox.golden.program import at_local

__all__ = [
    "CHANNELS",
    "Hire",
    "Journey",
    "Touch",
    "hires",
    "journeys",
    "leads_without_deal",
]

Outcome = Literal["won", "lost", "open"]
CHANNELS = {"EA": "employee_advocacy", "BR": "brand", "AD": "paid"}
LEADS = 30

LEAD_AFTER_FIRST_TOUCH = timedelta(days=5)
DEAL_AFTER_LEAD = timedelta(days=2)
# A lead and its close share their UTC time of day: the days between them are whole whether they
# are counted on the calendar or on a clock, although summer time begins in between.
_DECISION_HOUR_UTC = 9
# New Year's Day in UTC, 2 January in Warsaw: 90 local days before the close, 91 by UTC days.
_NEAR_MIDNIGHT = datetime(2025, 1, 1, 23, 30, tzinfo=UTC)
# 31 March in UTC, 1 April in Warsaw: the first touch of the next quarter.
_NEXT_QUARTER = datetime(2025, 3, 31, 22, 30, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Touch:
    """One contact between a person outside and the company."""

    touch_id: str
    person_email: str
    channel: str
    occurred_at: datetime
    employee: str | None


@dataclass(frozen=True, slots=True)
class Journey:
    """A lead with a deal: its touches, when it became a lead, and what was decided."""

    name: str
    email: str
    amount: Decimal
    outcome: Outcome
    touches: tuple[Touch, ...]
    lead_at: datetime
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Hire:
    """A referral: who referred, when the application came and when the offer was accepted."""

    application: str
    employee: str
    applied_at: datetime
    accepted_at: datetime


_Plan = tuple[str, Outcome, str, date, tuple[tuple[str, int], ...]]

_DECIDED: tuple[_Plan, ...] = (
    ("J1", "won", "12000.00", date(2025, 4, 10), (("EA", 80), ("BR", 40), ("EA", 10))),
    ("J2", "won", "6000.00", date(2025, 4, 20), (("EA", 30),)),
    ("J3", "won", "10000.00", date(2025, 4, 15), (("AD", 60), ("EA", 20))),
    ("J4", "won", "8000.00", date(2025, 4, 3), (("BR", 50), ("AD", 5))),
    ("J5", "won", "15000.00", date(2025, 4, 2), (("EA", 90), ("AD", 45), ("BR", 15))),
    (
        "J6",
        "won",
        "9000.00",
        date(2025, 4, 5),
        (("BR", 70), ("EA", 49), ("AD", 21), ("EA", 7)),
    ),
    ("L1", "lost", "4000.00", date(2025, 4, 8), (("EA", 33),)),
    ("L2", "lost", "7000.00", date(2025, 4, 16), (("BR", 58), ("EA", 24))),
    ("L3", "lost", "5500.00", date(2025, 4, 11), (("AD", 40),)),
    ("L4", "lost", "3000.00", date(2025, 4, 25), (("AD", 62), ("BR", 30))),
)
#: Still open at the end of the year; the "days before" count from 2025-04-01.
_UNDECIDED: tuple[_Plan, ...] = (
    ("O1", "open", "20000.00", date(2025, 4, 1), (("EA", 40),)),
    ("O2", "open", "11000.00", date(2025, 4, 1), (("BR", 22), ("EA", 0))),
)
_EXACT_TIMES = {("J5", 0): _NEAR_MIDNIGHT, ("O2", 1): _NEXT_QUARTER}


@cache
def journeys() -> tuple[Journey, ...]:
    """Return the twelve deals of the quarter: six won, four lost, two open."""
    return tuple(_journey(number, plan) for number, plan in enumerate(_DECIDED + _UNDECIDED))


def _journey(number: int, plan: _Plan) -> Journey:
    name, outcome, amount, close, path = plan
    email = f"buyer-{name.lower()}@client-{number + 1:02}.example"
    touches = tuple(
        _touch(name, email, position, close=close, step=step, number=number)
        for position, step in enumerate(path)
    )
    first_day = close - timedelta(days=path[0][1])
    lead_at = _decision(first_day + LEAD_AFTER_FIRST_TOUCH)
    return Journey(
        name=name,
        email=email,
        amount=Decimal(amount),
        outcome=outcome,
        touches=touches,
        lead_at=lead_at,
        opened_at=lead_at + DEAL_AFTER_LEAD,
        closed_at=None if outcome == "open" else _decision(close),
    )


def _touch(
    name: str,
    email: str,
    position: int,
    *,
    close: date,
    step: tuple[str, int],
    number: int,
) -> Touch:
    channel, days_before = step
    members = active()
    well_inside = at_local(close - timedelta(days=days_before), 10 + position * 2, number)
    return Touch(
        touch_id=f"{name}-{position + 1}",
        person_email=email,
        channel=CHANNELS[channel],
        occurred_at=_EXACT_TIMES.get((name, position), well_inside),
        employee=members[(number * 5 + position) % len(members)].ref if channel == "EA" else None,
    )


def _decision(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, _DECISION_HOUR_UTC, tzinfo=UTC)


@cache
def leads_without_deal() -> tuple[tuple[str, datetime], ...]:
    """Return e-mail and creation of the 18 leads of the quarter that never became a deal."""
    return tuple(
        (
            f"reader-{number + 1:02}@audience.example",
            _decision(date(2025, 1, 8) + timedelta(days=number * 4)),
        )
        for number in range(LEADS - len(journeys()))
    )


def hires() -> tuple[Hire, ...]:
    """Return the two referral hires, both accepted in the second quarter."""
    first, second = active()[0], active()[12]
    return (
        Hire(
            "A-1",
            first.ref,
            at_local(date(2025, 3, 20), 12),
            at_local(date(2025, 4, 28), 15),
        ),
        Hire(
            "A-2",
            second.ref,
            at_local(date(2025, 4, 7), 11),
            at_local(date(2025, 5, 19), 10),
        ),
    )
