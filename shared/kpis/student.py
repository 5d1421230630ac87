"""Student's t distribution, in plain floating point.

Its relative error is below 1e-10 up to 10⁵ degrees of freedom; what is lost grows with them.
"""

from __future__ import annotations

import math

__all__ = ["t_quantile", "two_sided_p"]

_TINY = 1e-300
_PRECISE = 1e-15


def two_sided_p(t: float, degrees: float) -> float:
    """Return the probability of a value at least as far from 0 as `t`."""
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t))


def t_quantile(probability: float, degrees: float) -> float:
    """Return the value below which `probability` of the distribution lies, by halving.

    Raises `ValueError` unless 0.5 <= probability < 1: what lies below is its mirror image.
    """
    if not 0.5 <= probability < 1 or degrees < 1:
        raise ValueError(f"no quantile of {probability} with {degrees} degrees of freedom")
    outside = 2 * (1 - probability)
    low, high = 0.0, 1.0
    while two_sided_p(high, degrees) > outside:
        high *= 2
    while high - low > _PRECISE * max(1.0, high):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if two_sided_p(middle, degrees) > outside:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function by its continued fraction (Lentz).

    Numerical Recipes, 3rd ed., 6.4.
    """
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, 300):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + factor * d)
            c = _away_from_zero(1 + factor / c)
            fraction *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return front * fraction / a


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
