"""Square roots of fractions, the same on every machine."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

__all__ = ["root"]

_DIGITS = 12


def root(value: Fraction) -> Fraction:
    """Return the square root, cut off after twelve digits. Raises `ValueError` below zero."""
    shifted = value * 100**_DIGITS
    return Fraction(isqrt(shifted.numerator // shifted.denominator), 10**_DIGITS)
