"""Cohorts over time: the cost of a period against the value of its touches as it comes in.

A young program with a long sales cycle shows -100 % by construction; a curve by age, the share of
business already decided and the day of payback say what a single figure cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import itemgetter

from shared.kpis.expressions import rounded

__all__ = [
    "CohortPoint",
    "Maturity",
    "Payback",
    "cohort_curve",
    "maturity",
    "payback",
    "roi_at_ages",
]


@dataclass(frozen=True, slots=True)
class CohortPoint:
    """The state of a cohort on a day: all value up to it, and its ROI (None if it cost nothing)."""

    day: date
    age_days: int
    cumulative: Decimal
    roi_percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Payback:
    """The first day on which value has reached cost, and its age in days from the start."""

    day: date
    age_days: int


@dataclass(frozen=True, slots=True)
class Maturity:
    """How much of a cohort's business is decided; percent is None when there is none yet."""

    closed: int
    opened: int

    @property
    def percent(self) -> Decimal | None:
        """Return the closed part in percent, two fraction digits."""
        return rounded(Fraction(self.closed, self.opened) * 100, 2) if self.opened else None


def cohort_curve(
    values: Iterable[tuple[date, Decimal]], *, cost: Decimal, starts_on: date
) -> list[CohortPoint]:
    """Return one point for each day with value, in order; values of one day are added first.

    `values` are dated amounts in any order (margin on the day a deal closed), negative for a loss
    or a restatement.
    """
    points: list[CohortPoint] = []
    cumulative = Decimal(0)
    for day, amounts in groupby(sorted(values), key=itemgetter(0)):
        cumulative = sum((amount for _, amount in amounts), cumulative)
        points.append(_point(day, cumulative, cost, starts_on))
    return points


def payback(
    values: Iterable[tuple[date, Decimal]], *, cost: Decimal, starts_on: date
) -> Payback | None:
    """Return when value first covered cost, None while it has not; no cost is covered at once."""
    if cost <= 0:
        return Payback(starts_on, 0)
    for point in cohort_curve(values, cost=cost, starts_on=starts_on):
        if point.cumulative >= cost:
            return Payback(point.day, point.age_days)
    return None


def maturity(*, closed: int, opened: int) -> Maturity:
    """Return how much of a cohort is decided. Raises `ValueError` if more closed than opened."""
    if not 0 <= closed <= opened:
        raise ValueError(f"{closed} of {opened} opportunities cannot be closed")
    return Maturity(closed, opened)


def roi_at_ages(
    values: Iterable[tuple[date, Decimal]],
    *,
    cost: Decimal,
    starts_on: date,
    days: Iterable[date],
) -> list[CohortPoint]:
    """Return the state of a cohort on each of `days`, in order, that day's value included.

    Before the first value comes in the ROI is -100 %: all is spent and nothing has come back.
    """
    curve = cohort_curve(values, cost=cost, starts_on=starts_on)
    points: list[CohortPoint] = []
    place, cumulative = 0, Decimal(0)
    for day in sorted(days):
        while place < len(curve) and curve[place].day <= day:
            cumulative = curve[place].cumulative
            place += 1
        points.append(_point(day, cumulative, cost, starts_on))
    return points


def _point(day: date, cumulative: Decimal, cost: Decimal, starts_on: date) -> CohortPoint:
    percent = None
    if cost > 0:
        percent = rounded(Fraction(cumulative - cost) / Fraction(cost) * 100, 2)
    return CohortPoint(day, (day - starts_on).days, cumulative, percent)
