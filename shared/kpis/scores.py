"""Scores of a whole group: how even it is, whether it grows, how many pairs it has. Exact."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction

from shared.kpis.quantiles import MEDIAN, quantile

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
    slopes = [
        (later - earlier) / (j - i)
        for i, earlier in enumerate(exact)
        for j, later in enumerate(exact[i + 1 :], start=i + 1)
    ]
    return quantile(slopes, MEDIAN)


def cross_pairs(sizes: Collection[Number]) -> Fraction:
    """Return how many pairs of people are of two different groups of these sizes."""
    exact = [Fraction(size) for size in sizes]
    total = sum(exact, Fraction(0))
    return (total * total - sum((size * size for size in exact), Fraction(0))) / 2
