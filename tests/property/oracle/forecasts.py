"""What comes of a figure by a day to come, as the guide to goals says, in raw normal equations.

Days are given up to today, oldest first. Sums: y = a + b i through the whole weeks i = 0, 1, …
before today, 12 to 26 of them; what falls on the days to come is the integral of that line. Levels:
the mean weekly change. Rates: the line of the numerator over the line of the denominator. The
interval holds four times out of five, by Student's t.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

from tests.property.oracle.student import quantile

__all__ = ["Coming", "Projected", "of_level", "of_rate", "of_sum", "weekdays"]

FEWEST, MOST = 12, 26


class Projected(NamedTuple):
    """The middle, exactly, half the interval's width, and what both stay between."""

    middle: Fraction
    half: float
    least: Fraction | None
    method: str
    weeks: int
    most: Fraction | None = None

    @property
    def expected(self) -> Fraction:
        """Return the middle, unless it is impossible."""
        return self._possible(self.middle)

    @property
    def ends(self) -> tuple[Fraction, Fraction]:
        """Return both ends, neither of them impossible."""
        half = Fraction(self.half)
        return self._possible(self.middle - half), self._possible(self.middle + half)

    def _possible(self, value: Fraction) -> Fraction:
        if self.least is not None and value < self.least:
            return self.least
        return self.most if self.most is not None and value > self.most else value


class Coming(NamedTuple):
    """Days to come, after some that do not count."""

    days: int
    skipped: int


class _Line(NamedTuple):
    expected: Fraction
    variance: Fraction


def weekdays(days: Sequence[Fraction]) -> list[Fraction]:
    """Return what part of a week falls on today, tomorrow, and so on for seven days."""
    recent = days[len(days) - 7 * _count(days) :]
    total = sum(recent, Fraction(0))
    if total <= 0 or min(recent) < 0:
        return [Fraction(1, 7)] * 7
    return [sum(recent[n::7], Fraction(0)) / total for n in range(7)]


def of_sum(days: Sequence[Fraction], so_far: Fraction, coming: Coming) -> Projected | None:
    """Project a sum: what there is and what the line says of the days to come."""
    weeks = _weeks(days)
    if len(weeks) < FEWEST:
        return None
    line = _ahead(weeks, weekdays(days), coming)
    half = quantile(0.9, len(weeks) - 2) * sqrt(line.variance)
    least = max(so_far, Fraction(0)) if min(weeks) >= 0 else None
    return Projected(so_far + line.expected, half, least, "weekly_line", len(weeks))


def of_rate(
    above: Sequence[Fraction],
    below: Sequence[Fraction],
    so_far: tuple[Fraction, Fraction],
    coming: Coming,
    whole: Fraction | None,
) -> Projected | None:
    """Project a quotient; its interval is that of what the numerator is off from it.

    ``whole`` is what a part of a whole cannot exceed.
    """
    tops, bottoms = _weeks(above), _weeks(below)
    if len(bottoms) < FEWEST:
        return None
    usual = weekdays(below)
    divisor = so_far[1] + max(_ahead(bottoms, usual, coming).expected, Fraction(0))
    if divisor <= 0:
        return None
    rate = (so_far[0] + _ahead(tops, usual, coming).expected) / divisor
    off = [top - rate * bottom for top, bottom in zip(tops, bottoms, strict=True)]
    # They are told about the denominator, and spread as it grows.
    spread = sqrt(_ahead(off, usual, coming, grown=_growth(bottoms, coming)).variance)
    half = quantile(0.9, len(off) - 2) * spread / float(divisor)
    least = Fraction(0) if min(tops) >= 0 else None
    if whole is not None and (so_far[0] > whole * so_far[1] or _exceed(tops, bottoms, whole)):
        whole = None
    return Projected(rate, half, least, "rate_of_sums", len(off), whole)


def _exceed(tops: Sequence[Fraction], bottoms: Sequence[Fraction], whole: Fraction) -> bool:
    return any(top > whole * bottom for top, bottom in zip(tops, bottoms, strict=True))


def of_level(readings: Sequence[Fraction], days: int, whole: Fraction | None) -> Projected | None:
    """Project a level that was read once a week, the last time today."""
    recent = readings[-(MOST + 1) :]
    moves = [later - earlier for earlier, later in pairwise(recent)]
    count = len(moves)
    if count < FEWEST:
        return None
    mean, weeks = sum(moves, Fraction(0)) / count, Fraction(days, 7)
    off = [move - mean for move in moves]
    # A sum of so many moves to come, and the error of the mean as often as there are any.
    variance = _squares(off) / (count - 1) * _persistence(off, 1) * (weeks + weeks**2 / count)
    # Covariances of neighbors: among those to come, among those of the mean, and where they meet.
    ahead = max(weeks - 1, Fraction(0)) - weeks / count + (weeks / count) ** 2 * (count - 1)
    variance += 2 * _undone(off) * ahead * _squares(off) / (count - 1)
    half = quantile(0.9, count - 1) * sqrt(variance)
    least = Fraction(0) if min(recent) >= 0 else None
    most = None if whole is None or max(recent) > whole else whole
    return Projected(recent[-1] + weeks * mean, half, least, "weekly_drift", count, most)


def _ahead(
    weeks: Sequence[Fraction],
    usual: Sequence[Fraction],
    coming: Coming,
    *,
    grown: Fraction | None = None,
) -> _Line:
    """Return the sum over days to come, on the least-squares line, and the variance of it."""
    n = len(weeks)
    first, second, determinant, a, b = _normal(weeks)
    off = [week - a - b * i for i, week in enumerate(weeks)]

    length, center = _length(usual, coming), _center(n, coming)
    u, v = length, length * center
    of_line = (second * u * u - 2 * first * u * v + n * v * v) / determinant
    noise = _squares(off) / (n - 2) * _persistence(off, 2)
    wider = _growth(weeks, coming) if grown is None else grown
    return _Line(length * (a + b * center), noise * (length * wider + of_line))


def _normal(weeks: Sequence[Fraction]) -> tuple[Fraction, Fraction, Fraction, Fraction, Fraction]:
    """Return Σi, Σi², the determinant of the normal equations, and the line a + b i."""
    n = len(weeks)
    places = [Fraction(i) for i in range(n)]
    first, second = sum(places, Fraction(0)), _squares(places)
    determinant = n * second - first**2
    height, moment = sum(weeks, Fraction(0)), sum(map(_times, places, weeks), Fraction(0))
    a = (second * height - first * moment) / determinant
    b = (n * moment - first * height) / determinant
    return first, second, determinant, a, b


def _center(n: int, coming: Coming) -> Fraction:
    """Return where the days to come have their middle."""
    # Week i reaches from i - 1/2 to i + 1/2; the days to come start where the last one ends.
    return n - Fraction(1, 2) + Fraction(coming.skipped, 7) + Fraction(coming.days, 14)


def _growth(weeks: Sequence[Fraction], coming: Coming) -> Fraction:
    """Return how much larger a week to come is than one of these, if it is."""
    *_, a, b = _normal(weeks)
    mean = sum(weeks, Fraction(0)) / len(weeks)
    level = a + b * _center(len(weeks), coming)
    return max(level / mean, Fraction(1)) if mean > 0 else Fraction(1)


def _length(usual: Sequence[Fraction], coming: Coming) -> Fraction:
    """Return how many weeks the days to come are: whole ones first, odd days by what is usual."""
    whole = coming.days // 7
    odd = range(coming.skipped + 7 * whole, coming.skipped + coming.days)
    return whole + sum((usual[day % 7] for day in odd), Fraction(0))


def _persistence(off: Sequence[Fraction], parameters: int) -> Fraction:
    """Return what the variance of a sum grows by where a good week follows a good one.

    Fitting k parameters leaves r - (k + (k + 3) r) / n of the correlation r of neighbors. It widens
    by (1 + r) / (1 - r) if it is beyond 1.28 / √n; r is taken to be two thirds at most.
    """
    r, n = _correlation(off, parameters), len(off)
    if r <= 0 or r * r * n <= Fraction("1.28") ** 2:
        return Fraction(1)
    r = min(r, Fraction(2, 3))
    return (1 + r) / (1 - r)


def _undone(off: Sequence[Fraction]) -> Fraction:
    """Return the correlation of moves that undo each other: below -1.64 / √n, and at least -1/2."""
    r = _correlation(off, 1)
    if r >= 0 or r * r * len(off) <= Fraction("1.64") ** 2:
        return Fraction(0)
    return max(r, Fraction(-1, 2))


def _correlation(off: Sequence[Fraction], parameters: int) -> Fraction:
    total, n = _squares(off), len(off)
    if not total:
        return Fraction(0)
    found = sum((a * b for a, b in pairwise(off)), Fraction(0)) / total
    return (found + Fraction(parameters, n)) / (1 - Fraction(parameters + 3, n))


def _count(days: Sequence[Fraction]) -> int:
    return min(len(days) // 7, MOST)


def _weeks(days: Sequence[Fraction]) -> list[Fraction]:
    """Return the sums of the last whole weeks, oldest first."""
    recent = list(days[len(days) - 7 * _count(days) :])
    return [sum(recent[n : n + 7], Fraction(0)) for n in range(0, len(recent), 7)]


def _squares(values: Sequence[Fraction]) -> Fraction:
    return sum((value**2 for value in values), Fraction(0))


def _times(one: Fraction, other: Fraction) -> Fraction:
    return one * other
