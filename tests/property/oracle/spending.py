"""Costs of a period by category: as booked, in cash alone, or with one-off costs amortized."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from shared.facts import CostBooked
from tests.property.oracle.ledger import History

__all__ = ["Charged", "charged", "cost_of", "half_away_from_zero", "months_after", "spread"]

WORKING_TIME = frozenset({"employee_time", "manager_time"})


class Charged(NamedTuple):
    """A cost, the day up to which it is charged, and the part of it that a period bears."""

    cost: CostBooked
    until: date
    part: Fraction


def charged(
    history: History, start: date, end: date, *, basis: str, months: int | None
) -> list[Charged]:
    """Return the program's costs that a period bears any part of, by first day and identity.

    What the brand's own social media cost is no part of it. In ``months`` a one-off cost is spread
    straight from its first day, whatever it was booked for. The basis ``cash`` leaves working time
    out.
    """
    found = []
    for cost in history.of(CostBooked):
        if cost.channel == "brand" or (basis == "cash" and cost.category in WORKING_TIME):
            continue
        until = cost.ends_on
        if months is not None and cost.is_one_off:
            until = months_after(cost.starts_on, months)
        days = spread(history, Fraction(cost.amount), cost.starts_on, until)
        part = sum((amount for day, amount in days if start <= day < end), Fraction(0))
        if part:
            found.append(Charged(cost, until, part))
    return sorted(found, key=lambda c: (c.cost.starts_on, c.cost.source, c.cost.external_id))


def cost_of(
    history: History, start: date, end: date, *, basis: str, months: int | None
) -> dict[str, Fraction] | None:
    """Return category → cost of the program, 0 left out; None if none was ever booked."""
    if all(cost.channel == "brand" for cost in history.of(CostBooked)):
        return None
    found: dict[str, Fraction] = defaultdict(Fraction)
    for cost, _, part in charged(history, start, end, basis=basis, months=months):
        found[cost.category] += part
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
