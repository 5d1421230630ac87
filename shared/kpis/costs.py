"""Costs: what the program spends, spread over the days it is spent for.

A line is spread straight over its days by rounding the running total, not the day: the days add up
to the line to the cent, and any span of days is a difference of two running totals. With `i` of `n`
days passed the running total is `round(amount * i / n)`, halves away from zero, which is what SQL
computes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.kpis.expressions import rounded
from shared.kpis.periods import Period, add_months
from shared.kpis.vocabulary import CostCategory

__all__ = [
    "WORKING_TIME",
    "CostBasis",
    "CostLine",
    "CostStatement",
    "amortized",
    "charged",
    "cost_in",
    "cost_statement",
    "daily_costs",
]

WORKING_TIME = frozenset({CostCategory.EMPLOYEE_TIME, CostCategory.MANAGER_TIME})
"""A real cost, though no invoice shows it: counted unless an answer asks for cash alone."""


class CostBasis(StrEnum):
    """What counts as cost."""

    FULL = "full"
    CASH = "cash"  # without working time

    def covers(self, category: CostCategory) -> bool:
        """Tell whether a category counts on this basis."""
        return self is CostBasis.FULL or category not in WORKING_TIME


@dataclass(frozen=True, slots=True)
class CostLine:
    """An amount spent for the days from `starts_on` up to, and without, `ends_on`.

    `is_one_off` marks what was paid once for a longer use.
    """

    category: CostCategory
    amount: Decimal
    starts_on: date
    ends_on: date
    is_one_off: bool = False

    def __post_init__(self) -> None:
        if self.ends_on <= self.starts_on:
            raise ValueError("a cost ends after it starts")

    @property
    def days(self) -> int:
        """Return the number of days the amount is spread over."""
        return (self.ends_on - self.starts_on).days


@dataclass(frozen=True, slots=True)
class CostStatement:
    """The cost of a period by category, on one basis; a category without cost is left out."""

    basis: CostBasis
    by_category: dict[CostCategory, Decimal]
    total: Decimal


def amortized(line: CostLine, *, months: int) -> CostLine:
    """Return a one-off cost spread straight over `months` months from its first day.

    Raises `ValueError` unless `months` is positive; to expense a cost, leave it as it is.
    """
    if months < 1:
        raise ValueError("an amortization takes at least one month")
    return replace(line, ends_on=add_months(line.starts_on, months))


def charged(line: CostLine, amortize_months: int | None) -> CostLine:
    """Return a line as a statement charges it: a one-off cost over the months given, if any.

    Without months every line is expensed over the days it was booked on.
    """
    if amortize_months is None or not line.is_one_off:
        return line
    return amortized(line, months=amortize_months)


def daily_costs(line: CostLine, exponent: int) -> Iterator[tuple[date, Decimal]]:
    """Yield each day's part, in minor units of `exponent` digits; they add up to the line.

    An amount finer than the currency's minor unit is rounded to it once, as a whole.
    """
    before = _running(line, 0, exponent)
    for passed in range(1, line.days + 1):
        after = _running(line, passed, exponent)
        yield line.starts_on + timedelta(days=passed - 1), after - before
        before = after


def cost_in(line: CostLine, period: Period, exponent: int) -> Decimal:
    """Return the part of a line that falls into a period: the sum of its `daily_costs` there."""
    passed_before = (period.start - line.starts_on).days
    passed_after = (period.end - line.starts_on).days
    return _running(line, passed_after, exponent) - _running(line, passed_before, exponent)


def cost_statement(
    lines: Iterable[CostLine], period: Period, *, exponent: int, basis: CostBasis = CostBasis.FULL
) -> CostStatement:
    """Add up the cost of a period on a basis."""
    by_category: dict[CostCategory, Decimal] = {}
    for line in lines:
        part = cost_in(line, period, exponent)
        if part and basis.covers(line.category):
            by_category[line.category] = by_category.get(line.category, Decimal(0)) + part
    return CostStatement(basis, by_category, sum(by_category.values(), Decimal(0)))


def _running(line: CostLine, passed: int, exponent: int) -> Decimal:
    inside = min(max(passed, 0), line.days)
    return rounded(Fraction(line.amount) * inside / line.days, exponent)
