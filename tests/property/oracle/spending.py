"""Costs of a period by category: as booked, in cash alone, or with one-off costs amortized."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

from shared.facts import CostBooked
from tests.property.oracle.ledger import History

__all__ = ["cost_of", "half_away_from_zero", "months_after", "spread"]

WORKING_TIME = frozenset({"employee_time", "manager_time"})


def cost_of(
    history: History, start: date, end: date, *, basis: str, months: int | None
) -> dict[str, Fraction] | None:
    """Return category → cost of the program, 0 left out; None if none was ever booked.

    What the brand's own social media cost is no part of it. In ``months`` a one-off cost is spread
    straight from its first day, whatever it was booked for. The basis ``cash`` leaves working time
    out.
    """
    costs = [cost for cost in history.of(CostBooked) if cost.channel != "brand"]
    if not costs:
        return None
    found: dict[str, Fraction] = defaultdict(Fraction)
    for cost in costs:
        if basis == "cash" and cost.category in WORKING_TIME:
            continue
        ends_on = cost.ends_on
        if months is not None and cost.is_one_off:
            ends_on = months_after(cost.starts_on, months)
        for day, amount in spread(history, Fraction(cost.amount), cost.starts_on, ends_on):
            if start <= day < end:
                found[cost.category] += amount
    return {category: amount for category, amount in found.items() if amount}


def spread(
    history: History, amount: Fraction, starts_on: date, ends_on: date
) -> Iterator[tuple[date, Fraction]]:
    """Spread an amount evenly: a day gets what the rounded running total grew by on it."""
    unit = Fraction(10) ** history.minor_digits
    days = (ends_on - starts_on).days
    running = [half_away_from_zero(amount * i / days * unit) for i in range(days + 1)]
    for i, (before, after) in enumerate(pairwise(running)):
        yield starts_on + timedelta(days=i), Fraction(after - before) / unit


def half_away_from_zero(value: Fraction) -> int:
    """Return the nearest whole number."""
    magnitude = (abs(value) * 2 + 1) // 2
    return magnitude if value >= 0 else -magnitude


def months_after(day: date, months: int) -> date:
    """Return the same day of a later month, or its last day if it is shorter."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
