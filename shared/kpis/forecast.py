"""Forecasts that can be checked by hand: a line through recent weeks, and what it missed by.

A history is one number a day, the last one for the day before the forecast is made. Whole weeks are
counted back from there, so that each holds every day of the week once; a part of a week counts by
what its days usually have.

What accumulates (clicks, leads, cost) is the sum of its weeks: a least-squares line through them is
carried on, and the interval is the ordinary prediction interval of a sum of points around such a
line. It is widened for two things that its textbook form leaves out: quantities that grow spread
more, and a good week may follow good weeks. What is a level (members, followers) is the sum of its
weekly changes, drawn on by their mean. A rate is the quotient of two sums: what its numerator
deviates from the rate is a sum of its own.

Nothing here is random and nothing is fitted by trial: the same history gives the same forecast on
every machine. Intervals are meant to hold four times out of five; tests/unit/kpis/test_forecast.py
measures how often they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from shared.kpis.roots import root

__all__ = [
    "LEAST_WEEKS",
    "LEVEL",
    "MOST_WEEKS",
    "Forecast",
    "Method",
    "Span",
    "day_weights",
    "forecast_level",
    "forecast_rate",
    "forecast_sum",
]

LEVEL = Fraction(4, 5)
"""How often an interval is meant to hold."""
LEAST_WEEKS = 12
"""Of fewer weeks than this nothing is forecast."""
MOST_WEEKS = 26
"""Weeks before the last of these no longer tell what comes next."""

_WEEK = 7
# The 90th percentile of Student's t with 1, 2, … degrees of freedom: a tenth lies beyond each end.
# fmt: off
_STUDENT = tuple(Fraction(thousandths, 1000) for thousandths in (
    3078, 1886, 1638, 1533, 1476, 1440, 1415, 1397, 1383, 1372, 1363, 1356, 1350,
    1345, 1341, 1337, 1333, 1330, 1328, 1325, 1323, 1321, 1319, 1318, 1316,
))
# fmt: on
# Neighbouring weeks are taken to go together when their correlation is beyond the 90th percentile
# of that of unrelated ones, 1.28 / √n; and never by more than this.
_UNRELATED = Fraction(32, 25)
_STRONGEST = Fraction(1, 2)


class Method(StrEnum):
    """How a forecast was made."""

    WEEKLY_LINE = "weekly_line"  # sums: a least-squares line through the weeks
    WEEKLY_DRIFT = "weekly_drift"  # levels: the mean of the weekly changes
    RATE_OF_SUMS = "rate_of_sums"  # rates: numerator and denominator, each by its weekly line


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected on a day, between which ends, made from how many weeks."""

    expected: Fraction
    low: Fraction
    high: Fraction
    method: Method
    weeks: int

    def holds(self, value: Fraction) -> bool:
        """Tell whether the interval, its ends included, holds a value."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Span:
    """The days to come that are forecast: ``days`` of them, after the next ``skipped``."""

    days: int
    skipped: int = 0

    def __post_init__(self) -> None:
        if self.days < 0 or self.skipped < 0:
            raise ValueError("a span lies in the days to come")


@dataclass(frozen=True, slots=True)
class _Sum:
    expected: Fraction
    spread: Fraction  # half the width of the interval


def day_weights(history: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Return the part of a week's sum that falls on each of the next seven days, adding up to 1.

    A seventh each when nothing happened yet, or when quantities fall below zero.
    """
    recent = history[-_WEEK * _weeks_of(history) :] if _weeks_of(history) else ()
    total = sum(recent, Fraction(0))
    if total <= 0 or min(recent) < 0:
        return (Fraction(1, _WEEK),) * _WEEK
    return tuple(sum(recent[day::_WEEK], Fraction(0)) / total for day in range(_WEEK))


def forecast_sum(history: Sequence[Fraction], so_far: Fraction, span: Span) -> Forecast | None:
    """Forecast what a sum of days will have come to: ``so_far`` and the days of the span.

    None when the history has fewer than `LEAST_WEEKS` whole weeks. What never fell below zero is
    not expected to.
    """
    weeks = _weeks(history)
    if len(weeks) < LEAST_WEEKS:
        return None
    coming = _along_line(weeks, day_weights(history), span)
    least = Fraction(0) if min(weeks) >= 0 else None
    return _forecast(so_far, coming, Method.WEEKLY_LINE, len(weeks), least)


def forecast_rate(
    numerators: Sequence[Fraction],
    denominators: Sequence[Fraction],
    so_far: tuple[Fraction, Fraction],
    span: Span,
) -> Forecast | None:
    """Forecast a quotient of two sums; ``so_far`` are the two as they stand, not divided.

    None when there are too few weeks, or nothing to divide by. With the expected rate r, the
    interval is that of the sum of ``numerator - r * denominator``, over the expected denominator:
    the two go up and down together, which intervals of their own would not know.
    """
    above, below = _weeks(numerators), _weeks(denominators)
    if min(len(above), len(below)) < LEAST_WEEKS:
        return None
    count = min(len(above), len(below))
    above, below = above[-count:], below[-count:]
    weights = day_weights(denominators)
    whole = so_far[1] + max(_along_line(below, weights, span).expected, Fraction(0))
    if whole <= 0:
        return None
    rate = (so_far[0] + _along_line(above, weights, span).expected) / whole
    off = [a - rate * b for a, b in zip(above, below, strict=True)]
    spread = _along_line(off, weights, span).spread / whole
    least = Fraction(0) if min(above) >= 0 else None
    return _forecast(Fraction(0), _Sum(rate, spread), Method.RATE_OF_SUMS, count, least)


def forecast_level(readings: Sequence[Fraction], days: int) -> Forecast | None:
    """Forecast a level ``days`` after its last reading; ``readings`` are a week apart.

    None when there are too few. What never fell below zero is not expected to.
    """
    recent = readings[-(MOST_WEEKS + 1) :]
    changes = [after - before for before, after in pairwise(recent)]
    if len(changes) < LEAST_WEEKS:
        return None
    count, weeks = len(changes), Fraction(days, _WEEK)
    mean = sum(changes, Fraction(0)) / count
    off = [change - mean for change in changes]
    variance = _squares(off) / (count - 1) * (weeks + weeks**2 / count) * _togetherness(off)
    coming = _Sum(weeks * mean, _STUDENT[count - 2] * root(variance))
    least = Fraction(0) if min(recent) >= 0 else None
    return _forecast(recent[-1], coming, Method.WEEKLY_DRIFT, count, least)


def _forecast(
    start: Fraction, coming: _Sum, method: Method, weeks: int, least: Fraction | None
) -> Forecast:
    middle = start + coming.expected
    ends = (middle, middle - coming.spread, middle + coming.spread)
    if least is not None:
        # What has already come stays; only what is to come cannot be less than nothing.
        least = max(least, start if method is Method.WEEKLY_LINE else least)
        ends = (max(ends[0], least), max(ends[1], least), max(ends[2], least))
    return Forecast(*ends, method, weeks)


def _along_line(weeks: Sequence[Fraction], weights: Sequence[Fraction], span: Span) -> _Sum:
    """Return the sum over a span to come, along the least-squares line through the weeks.

    With n weeks at 0 … n-1, their middle m and S = Σ(week - m)², a sum of h weeks centered c after
    m is expected to be h (mean + slope c), with the variance s² (h + h²/n + (h c)²/S): of the
    points around the line, of its height, of its slope.
    """
    count = len(weeks)
    middle = Fraction(count - 1, 2)
    scale = Fraction(count * (count**2 - 1), 12)
    mean = sum(weeks, Fraction(0)) / count
    slope = sum(((i - middle) * week for i, week in enumerate(weeks)), Fraction(0)) / scale
    off = [week - mean - slope * (i - middle) for i, week in enumerate(weeks)]
    length = _length(weights, span)
    center = (
        count - Fraction(1, 2) + Fraction(span.skipped, _WEEK) + Fraction(span.days, 2 * _WEEK)
    ) - middle
    level = mean + slope * center
    # Counts of twice the size vary about twice as much: never less than they did.
    growth = max(level / mean, Fraction(1)) if mean > 0 else Fraction(1)
    variance = _squares(off) / (count - 2) * _togetherness(off)
    variance *= length * growth + length**2 / count + (length * center) ** 2 / scale
    return _Sum(length * level, _STUDENT[count - 3] * root(variance))


def _length(weights: Sequence[Fraction], span: Span) -> Fraction:
    """Return how many weeks a span is, its odd days by what they usually have."""
    whole, odd = divmod(span.days, _WEEK)
    first = span.skipped + whole * _WEEK
    return whole + sum((weights[(first + i) % _WEEK] for i in range(odd)), Fraction(0))


def _togetherness(off: Sequence[Fraction]) -> Fraction:
    """Return by how much neighbouring weeks that go together widen the variance of their sum."""
    total = _squares(off)
    if total == 0:
        return Fraction(1)
    # The residuals of unrelated weeks have a correlation of -1/n on average.
    together = sum((a * b for a, b in pairwise(off)), Fraction(0)) / total + Fraction(1, len(off))
    if together <= 0 or together**2 * len(off) <= _UNRELATED**2:
        return Fraction(1)
    together = min(together, _STRONGEST)
    return (1 + together) / (1 - together)


def _weeks_of(history: Sequence[Fraction]) -> int:
    return min(len(history) // _WEEK, MOST_WEEKS)


def _weeks(history: Sequence[Fraction]) -> list[Fraction]:
    """Return the sums of the last whole weeks, oldest first."""
    first = len(history) - _WEEK * _weeks_of(history)
    return [
        sum(history[start : start + _WEEK], Fraction(0))
        for start in range(first, len(history), _WEEK)
    ]


def _squares(values: Sequence[Fraction]) -> Fraction:
    return sum((value * value for value in values), Fraction(0))
