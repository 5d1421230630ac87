"""Scores of a whole group: how even it is, whether it grows, how many pairs it has. Exact."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm

__all__ = ["cross_pairs", "evenness", "theil_sen_slope"]

Number = Decimal | Fraction | int


def evenness(values: Collection[Number], *, zeros: int = 0) -> Fraction | None:
    """Return 1 less the Gini coefficient of values that are 0 or more; None if all are 0.

    With the values in ascending order, G = Σ (2 i − n − 1) x_i / (n Σ x_i), i counted from 1. There
    are so many ``zeros`` besides, which need not be written out.
    """
    ordered = sorted(Fraction(value) for value in values)
    total, count = sum(ordered, Fraction(0)), zeros + len(ordered)
    if not total:
        return None
    ranked = sum(
        ((2 * i - count - 1) * value for i, value in enumerate(ordered, start=zeros + 1)),
        Fraction(0),
    )
    return 1 - ranked / (count * total)


def theil_sen_slope(values: Sequence[Number]) -> Fraction | None:
    """Return the median slope over all pairs of equally spaced values; None of fewer than three.

    Two points always make a line; from three on the median begins to disregard an outlier.
    """
    exact = [Fraction(value) for value in values]
    if len(exact) < 3:
        return None
    scale = lcm(*(value.denominator for value in exact))
    rises = _rises([int(value * scale) for value in exact])
    # Rounded, slopes keep their order, and sort ten times as fast. Those about the middle, which
    # rounding may have made equal, are told apart exactly.
    rounded = sorted(rise / run for rise, run in rises)
    low, high = (len(rounded) - 1) // 2, len(rounded) // 2
    before = bisect_left(rounded, rounded[low])
    about = Counter(pair for pair in rises if rounded[low] <= pair[0] / pair[1] <= rounded[high])
    slopes = sorted((Fraction(*pair), count) for pair, count in about.items())
    middle = [slope for slope, count in slopes for _ in range(count)]
    return (middle[low - before] + middle[high - before]) / (2 * scale)


def _rises(values: Sequence[int]) -> list[tuple[int, int]]:
    return [
        (later - earlier, j - i)
        for i, earlier in enumerate(values)
        for j, later in enumerate(values[i + 1 :], start=i + 1)
    ]


def cross_pairs(sizes: Collection[Number]) -> Fraction:
    """Return how many pairs of people are of two different groups of these sizes."""
    exact = [Fraction(size) for size in sizes]
    total = sum(exact, Fraction(0))
    return (total * total - sum((size * size for size in exact), Fraction(0))) / 2
