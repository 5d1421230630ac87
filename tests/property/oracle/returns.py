"""Returns on investment as roi.md defines them, from the standing facts and the rates stated.

Every form is (value - cost) / cost: of revenue, of its margin, of margin and recruiting savings
(*cash*), of earned media value alone (*media*), of both (*blended*). A form with a value nobody can
tell, or without a cost above 0, is null.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from shared.facts import DealChanged, HireAccepted, TouchRecorded
from tests.property.oracle.attribution import credits
from tests.property.oracle.crediting import Asked, Sums, journeys
from tests.property.oracle.hiring import referral_hires
from tests.property.oracle.ledger import History
from tests.property.oracle.rates import Stated, rate_on
from tests.property.oracle.sales import closed_at, deals, leads, same_person

__all__ = [
    "Savings",
    "Value",
    "break_even",
    "credit_of_channels",
    "margins_by_day",
    "matured",
    "return_on",
    "savings",
]

Value = Fraction | None


def return_on(value: Value, cost: Value) -> Value:
    """Return a return in percent."""
    if value is None or cost is None or cost <= 0:
        return None
    return (value - cost) / cost * 100


def break_even(cost: Value, margin: Value, saved: Value) -> Value:
    """Return the credited revenue that pays the cost exactly, beside what is saved already.

    Nobody has to be credited with less than nothing, and where nothing was spent nothing returns.
    """
    if cost is None or cost <= 0 or saved is None or margin is None:
        return None
    if saved >= cost:
        return Fraction(0)
    return (cost - saved) / margin if margin else None


class Savings(NamedTuple):
    """What referral hires saved by one method: None what nobody can tell."""

    hires: int | None
    amounts: list[Value]

    @property
    def total(self) -> Value:
        """Return what all lines add up to; nothing without any."""
        total = Fraction(0)
        for amount in self.amounts:
            if amount is None:
                return None
            total += amount
        return total


def savings(
    history: History, stated: Sequence[Stated], start: date, end: date, *, method: str, on: date
) -> Savings:
    """Return what the referral hires of [start, end) saved, at the rates of the day ``on``.

    R1 is a flat sum a hire; R2 the baseline's cost of a hire less that of a referral; R3 the days
    the seat was empty less than usual, of hires with a known first contact, at a day's cost. Where
    nobody was hired so, nothing was saved, whatever a hire costs.
    """
    if not history.of(HireAccepted):
        return Savings(None, [])
    ours = [one.step for one in referral_hires(history)]
    hired = [h for h in ours if start <= history.day(h.occurred_at) < end]
    if not hired:
        return Savings(0, [Fraction(0)] * len(method.split("+")))
    days = [
        (history.day(h.occurred_at) - history.day(h.first_contact_at)).days
        for h in hired
        if h.first_contact_at
    ]

    def rate(key: str) -> Value:
        return rate_on(stated, key, on)

    usual, referral = rate("cost_per_hire.baseline"), rate("cost_per_hire.referral")
    usual_days, seat = rate("vacancy.days_baseline"), rate("vacancy.daily_cost")
    flat, cheaper, shorter = rate("recruiting.flat"), None, None
    if usual is not None and referral is not None:
        cheaper = len(hired) * (usual - referral)
    if usual_days is not None and seat is not None and days:
        shorter = sum((usual_days - taken for taken in days), Fraction(0)) * seat
    lines: Mapping[str, list[Value]] = {
        "R1": [None if flat is None else len(hired) * flat],
        "R2": [cheaper],
        "R3": [shorter],
        "R2+R3": [cheaper, shorter],
    }
    return Savings(len(hired), lines[method])


def credit_of_channels(sums: Mapping[str, Sums], what: str) -> dict[str, dict[str, Fraction]]:
    """Return model → channel → credit, with every channel that any of the models knows.

    ``what`` is ``amount``, of money, or ``share``, of conversions.
    """
    channels = sorted({channel for of_model in sums.values() for channel, _ in of_model})
    return {
        model: {
            channel: sum(
                (getattr(c, what) for (x, _), c in of_model.items() if x == channel), Fraction(0)
            )
            for channel in channels
        }
        for model, of_model in sums.items()
    }


def margins_by_day(
    history: History, asked: Asked, model: str, channel: str, margin: Fraction
) -> list[tuple[date, Fraction]]:
    """Return the margin of a channel's credit by the day its deals closed; no day of 0."""
    found: dict[date, Fraction] = {}
    for journey in journeys(history, asked):
        day = journey.day
        if not journey.is_won:
            continue
        for touch, _, amount in credits(history, model, journey.path, journey.end):
            is_asked = asked.basis == "period" or asked.holds(history.day(touch.occurred_at))
            if is_asked and touch.channel == channel:
                found[day] = found.get(day, Fraction(0)) + (amount or 0)
    return [(day, amount * margin) for day, amount in sorted(found.items()) if amount]


def matured(history: History, start: date, end: date, channel: str) -> tuple[int, int]:
    """Return how many deals a period's touches through a channel led to, and how many are decided.

    A touch led to a deal of its person if it came before the close, if any, and inside the window
    before the close, or before the opening of a deal that is open.
    """
    opened = closed = 0
    created = leads(history)
    for deal in deals(history).values():
        lead = created.get(deal.lead or "")
        if lead and lead.person and _led_to(history, deal, lead.person, channel, start, end):
            opened += 1
            closed += deal.state != "open"
    return opened, closed


def _led_to(
    history: History, deal: DealChanged, person: str, channel: str, start: date, end: date
) -> bool:
    everybody = same_person(history, person)
    closed = closed_at(deal)
    last = history.day(closed or deal.opened_at)
    return any(
        touch.person in everybody
        and touch.channel == channel
        and start <= history.day(touch.occurred_at) < end
        and (closed is None or touch.occurred_at <= closed)
        and (last - history.day(touch.occurred_at)).days <= history.window_days
        for touch in history.of(TouchRecorded)
    )
