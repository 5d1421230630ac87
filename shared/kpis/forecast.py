"""Forecasts that can be checked by hand: a line through recent weeks, and what it missed by.

A history is one number a day, the last one for the day before the forecast is made. Whole weeks are
counted back from there, so that each holds every day of the week once; a part of a week counts by
what its days usually have.

What accumulates (clicks, leads, cost) is the sum of its weeks: a least-squares line through them is
carried on, and the interval is the ordinary prediction interval of a sum of points around such a
line (Draper & Smith, Applied Regression Analysis, ch. 3). It is widened for two things that
its textbook form leaves out: quantities that grow spread more (their variance grows with their
mean: McCullagh & Nelder, Generalized Linear Models, 2nd ed., ch. 6), and a good week may follow
good weeks (Bayley & Hammersley 1946, Suppl. J. R. Stat. Soc. 8, 184-197; residuals tell how much
once what fitting took from their correlation is given back: Marriott & Pope 1954, Biometrika 41,
390-402, for a mean; a line has one parameter more). What is a level (members, followers) is the sum
of its weekly changes, drawn on by their mean: the random walk with drift of Hyndman &
Athanasopoulos, Forecasting, 3rd ed., 5.2 and 5.5; where changes take each other back, as those of
people who posted in a week do, their sum goes less far (moving average of order 1: Box & Jenkins,
Time Series Analysis, ch. 3). A rate is the quotient of two sums: what its
numerator deviates from the rate is a sum of its own (Cochran, Sampling Techniques, 3rd ed., ch. 6).
:mod:`shared.kpis.forecast_steps` writes the arithmetic of one case out.

Nothing here is random and nothing is fitted by trial: the same history gives the same forecast on
every machine. Intervals are meant to hold four times out of five; tests/unit/kpis/test_forecast.py
measures how often they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
    "Trend",
    "Working",
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
# Neighboring weeks are taken to go together when their correlation is beyond 1.28 / √n, the 90th
# percentile of that of many unrelated ones; and never by more than this.
_UNRELATED = Fraction(32, 25)
_STRONGEST = Fraction(2, 3)
# Changes are taken to be taken back by the next ones when their correlation is below the 5th
# percentile, -1.64 / √n: what narrows asks for more than what widens. What swings about a mean has
# changes with -1/2, and none have less that are not themselves periodic.
_HARDLY_CHANCE = Fraction(41, 25)
_SWINGING = Fraction(-1, 2)


class Method(StrEnum):
    """How a forecast was made."""

    WEEKLY_LINE = "weekly_line"  # sums: a least-squares line through the weeks
    WEEKLY_DRIFT = "weekly_drift"  # levels: the mean of the weekly changes
    RATE_OF_SUMS = "rate_of_sums"  # rates: numerator and denominator, each by its weekly line


@dataclass(frozen=True, slots=True)
class Trend:
    """A series of weeks carried on: what is expected of weeks to come, and how far that may miss.

    Around its ``mean`` the series goes up by ``slope`` a week; ``length`` weeks are to come, their
    middle ``center`` weeks after that of the series. A drift is the mean of changes: it has no
    slope, and comes the same at any distance. ``noise`` is the variance of the weeks around this,
    ``together`` and ``growth`` are what it is widened by. ``taken_back`` is the correlation of
    neighboring changes that take each other back, 0 if they do not, and of lines.
    """

    values: tuple[Fraction, ...]
    mean: Fraction
    slope: Fraction
    length: Fraction
    center: Fraction
    degrees: int
    noise: Fraction
    together: Fraction
    growth: Fraction
    taken_back: Fraction = Fraction(0)

    @property
    def scale(self) -> Fraction:
        """Return Σ(week - middle)² of weeks 0 … n-1."""
        count = len(self.values)
        return Fraction(count * (count**2 - 1), 12)

    @property
    def expected(self) -> Fraction:
        """Return the sum of the weeks to come."""
        return self.length * (self.mean + self.slope * self.center)

    @property
    def variance(self) -> Fraction:
        """Return the variance of that sum: of the weeks to come, of the mean, of the slope."""
        length = self.length
        of_mean = length**2 / len(self.values)
        of_slope = (length * self.center) ** 2 / self.scale
        apart = self.together * (length * self.growth + of_mean + of_slope)
        return self.noise * (apart + 2 * self.taken_back * self.neighbors)

    @property
    def neighbors(self) -> Fraction:
        """Return how often neighbors count in the variance of a sum of changes less their mean.

        Those to come, those that the mean is made of, and the last one known beside the first.
        """
        length, count = self.length, len(self.values)
        of_mean = length**2 * (count - 1) / Fraction(count) ** 2
        return max(length - 1, Fraction(0)) + of_mean - length / count

    @property
    def student(self) -> Fraction:
        """Return the 90th percentile of Student's t that belongs to the noise."""
        return _STUDENT[self.degrees - 1]

    @property
    def spread(self) -> Fraction:
        """Return half the width of the interval of that sum."""
        return self.student * root(self.variance)


@dataclass(frozen=True, slots=True)
class Working:
    """What a forecast was computed from.

    ``start`` is what there is already: what has come so far, or the last reading; of a rate its
    numerator and its denominator so far. ``trends`` are those of the sum, of the level's changes,
    or of the rate's numerator, denominator and deviations. ``least`` is what no end lies below,
    ``most`` what none lies above.
    """

    start: tuple[Fraction, ...]
    trends: tuple[Trend, ...]
    least: Fraction | None
    most: Fraction | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected on a day, between which ends, made from how many weeks."""

    expected: Fraction
    low: Fraction
    high: Fraction
    method: Method
    weeks: int
    working: Working = field(compare=False, repr=False)

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
    trend = _along_line(weeks, day_weights(history), span)
    # What has already come stays; only what is to come cannot be less than nothing.
    least = max(so_far, Fraction(0)) if min(weeks) >= 0 else None
    working = Working((so_far,), (trend,), least, None)
    return _forecast(so_far + trend.expected, trend.spread, Method.WEEKLY_LINE, working)


def forecast_rate(
    numerators: Sequence[Fraction],
    denominators: Sequence[Fraction],
    so_far: tuple[Fraction, Fraction],
    span: Span,
    whole_of: Fraction | None = None,
) -> Forecast | None:
    """Forecast a quotient of two sums; ``so_far`` are the two as they stand, not divided.

    None when there are too few weeks, or nothing to divide by. With the expected rate r, the
    interval is that of the sum of ``numerator - r * denominator``, over the expected denominator:
    the two go up and down together, which intervals of their own would not know. What is a part of
    a whole (100 of a percentage) and never was more is not expected to be.
    """
    above, below = _weeks(numerators), _weeks(denominators)
    count = min(len(above), len(below))
    if count < LEAST_WEEKS:
        return None
    above, below = above[-count:], below[-count:]
    weights = day_weights(denominators)
    top, bottom = (_along_line(weeks, weights, span) for weeks in (above, below))
    whole = so_far[1] + max(bottom.expected, Fraction(0))
    if whole <= 0:
        return None
    rate = (so_far[0] + top.expected) / whole
    deviations = [a - rate * b for a, b in zip(above, below, strict=True)]
    # These are no counts: they spread as what they are deviations of a part of.
    off = replace(_along_line(deviations, weights, span), growth=bottom.growth)
    least = Fraction(0) if min(above) >= 0 else None
    pairs = [*zip(above, below, strict=True), so_far]
    is_part = whole_of is not None and all(a <= whole_of * b for a, b in pairs)
    working = Working(so_far, (top, bottom, off), least, whole_of if is_part else None)
    return _forecast(rate, off.spread / whole, Method.RATE_OF_SUMS, working)


def forecast_level(
    readings: Sequence[Fraction], days: int, whole_of: Fraction | None = None
) -> Forecast | None:
    """Forecast a level ``days`` after its last reading; ``readings`` are a week apart.

    None when there are too few. What never fell below zero is not expected to, nor what is a part
    of a whole and never was more to become more.
    """
    recent = readings[-(MOST_WEEKS + 1) :]
    changes = [after - before for before, after in pairwise(recent)]
    if len(changes) < LEAST_WEEKS:
        return None
    count = len(changes)
    mean = sum(changes, Fraction(0)) / count
    off = [change - mean for change in changes]
    related = _correlation(off, fitted=1)
    trend = Trend(
        values=tuple(changes),
        mean=mean,
        slope=Fraction(0),
        length=Fraction(days, _WEEK),
        center=Fraction(0),
        degrees=count - 1,
        noise=_squares(off) / (count - 1),
        together=_togetherness(related, count),
        growth=Fraction(1),
        taken_back=_taken_back(related, count),
    )
    least = Fraction(0) if min(recent) >= 0 else None
    most = whole_of if whole_of is not None and max(recent) <= whole_of else None
    working = Working((recent[-1],), (trend,), least, most)
    return _forecast(recent[-1] + trend.expected, trend.spread, Method.WEEKLY_DRIFT, working)


def _forecast(expected: Fraction, spread: Fraction, method: Method, working: Working) -> Forecast:
    ends = (expected, expected - spread, expected + spread)
    if (least := working.least) is not None:
        ends = (max(ends[0], least), max(ends[1], least), max(ends[2], least))
    if (most := working.most) is not None:
        ends = (min(ends[0], most), min(ends[1], most), min(ends[2], most))
    return Forecast(*ends, method, len(working.trends[0].values), working)


def _along_line(weeks: Sequence[Fraction], weights: Sequence[Fraction], span: Span) -> Trend:
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
    ahead = Fraction(span.skipped, _WEEK) + Fraction(span.days, 2 * _WEEK)
    center = count - Fraction(1, 2) + ahead - middle
    # Counts of twice the size vary about twice as much: never less than they did.
    growth = max((mean + slope * center) / mean, Fraction(1)) if mean > 0 else Fraction(1)
    return Trend(
        values=tuple(weeks),
        mean=mean,
        slope=slope,
        length=_length(weights, span),
        center=center,
        degrees=count - 2,
        noise=_squares(off) / (count - 2),
        together=_togetherness(_correlation(off, fitted=2), count),
        growth=growth,
    )


def _length(weights: Sequence[Fraction], span: Span) -> Fraction:
    """Return how many weeks a span is, its odd days by what they usually have."""
    whole, odd = divmod(span.days, _WEEK)
    first = span.skipped + whole * _WEEK
    return whole + sum((weights[(first + i) % _WEEK] for i in range(odd)), Fraction(0))


def _correlation(off: Sequence[Fraction], *, fitted: int) -> Fraction:
    """Return the correlation of neighboring weeks.

    `off` is what is left of the weeks after so many parameters: 1 for a mean, 2 for a line.
    """
    total = _squares(off)
    if total == 0:
        return Fraction(0)
    # What is fitted follows good weeks, too, and leaves less of them: of weeks with the correlation
    # ρ, residuals have ρ - (fitted + (fitted + 3) ρ) / n on average.
    left = sum((a * b for a, b in pairwise(off)), Fraction(0)) / total
    return (left * len(off) + fitted) / (len(off) - fitted - 3)


def _togetherness(related: Fraction, count: int) -> Fraction:
    """Return by how much neighboring weeks that go together widen the variance of their sum."""
    if related <= 0 or related**2 * count <= _UNRELATED**2:
        return Fraction(1)
    related = min(related, _STRONGEST)
    return (1 + related) / (1 - related)


def _taken_back(related: Fraction, count: int) -> Fraction:
    """Return the correlation of neighboring changes, if they take each other back beyond chance."""
    if related >= 0 or related**2 * count <= _HARDLY_CHANCE**2:
        return Fraction(0)
    return max(related, _SWINGING)


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
