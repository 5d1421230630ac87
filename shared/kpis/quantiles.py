"""Quantiles, exact: of the values themselves, never of the quantiles of parts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

__all__ = ["MEDIAN", "P90", "quantile"]

MEDIAN = Fraction(1, 2)
P90 = Fraction(9, 10)


def quantile(values: Iterable[Decimal | Fraction | int], at: Fraction) -> Fraction | None:
    """Return the quantile `at` (0 to 1), linearly interpolated; None of no values.

    The position is `at * (n - 1)` among n ordered values, as in SQL's `percentile_cont`, which
    computes in floating point. Raises `ValueError` for `at` outside 0 to 1.
    """
    if not 0 <= at <= 1:
        raise ValueError(f"a quantile lies between 0 and 1, not at {at}")
    ordered = sorted(values)
    if not ordered:
        return None
    position = at * (len(ordered) - 1)
    below = position.numerator // position.denominator
    above = min(below + 1, len(ordered) - 1)
    low, high = Fraction(ordered[below]), Fraction(ordered[above])
    return low + (high - low) * (position - below)
