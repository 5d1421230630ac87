"""Student's t distribution with whole degrees of freedom, by its finite sums.

Abramowitz, Stegun 1964, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
"""

from math import atan, cos, inf, pi, sin, sqrt

__all__ = ["quantile", "within"]


def within(t: float, degrees: int) -> float:
    """Return the probability of a value between -t and t."""
    if t == inf:
        return 1.0
    angle = atan(t / sqrt(degrees))
    is_odd = degrees % 2
    term, total = (cos(angle), 0.0) if is_odd else (1.0, 0.0)
    for factor in range(2 if is_odd else 1, degrees, 2):
        total += term
        term *= cos(angle) ** 2 * factor / (factor + 1)
    return 2 / pi * (angle + sin(angle) * total) if is_odd else sin(angle) * total


def quantile(probability: float, degrees: int) -> float:
    """Return the value below which a probability of at least a half lies."""
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        is_below = within(middle, degrees) < 2 * probability - 1
        low, high = (middle, high) if is_below else (low, middle)
    return high
