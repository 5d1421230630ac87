"""The difference of two proportions, and how sure it is.

Newcombe's hybrid score interval, his method 10, without a correction for continuity: each
proportion has its Wilson interval, and the distances of their ends from the proportions add up in
squares. Unlike the usual interval of Wald it never leaves [-1, 1], has a width where a proportion
is 0 or 1, and holds about as often as it says in small groups too.

Newcombe (1998), Interval estimation for the difference between independent proportions, Statist.
Med. 17, 873-890; Wilson (1927), J. Am. Statist. Assoc. 22, 209-212.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from shared.kpis.roots import root

__all__ = ["LEAST", "LEVEL", "Interval", "Sample", "newcombe"]

LEVEL = Fraction(95, 100)
"""How often an interval is meant to hold."""
LEAST = 5
"""Newcombe tried his method on groups of 5 and more: of fewer it says nothing."""

# The 97.5th percentile of the normal distribution: 2.5 % lie beyond each end.
_Z = Fraction(1959963984540054, 10**15)


@dataclass(frozen=True, slots=True)
class Sample:
    """`hits` of `size` cases; the proportion is that of the hits. Raises `ValueError` if not so."""

    hits: int
    size: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.size:
            raise ValueError(f"{self.hits} of {self.size} is no proportion")


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value lies, as often as `LEVEL` says."""

    low: Fraction
    high: Fraction


def newcombe(one: Sample, other: Sample) -> Interval | None:
    """Return the interval of the proportion of `one` less that of `other`; None of too few."""
    if min(one.size, other.size) < LEAST:
        return None
    first, second = Fraction(one.hits, one.size), Fraction(other.hits, other.size)
    wilson, opposite = _wilson(one), _wilson(other)
    difference = first - second
    return Interval(
        difference - root((first - wilson.low) ** 2 + (opposite.high - second) ** 2),
        difference + root((wilson.high - first) ** 2 + (second - opposite.low) ** 2),
    )


def _wilson(sample: Sample) -> Interval:
    share, size = Fraction(sample.hits, sample.size), sample.size
    center = share + _Z**2 / (2 * size)
    margin = _Z * root(share * (1 - share) / size + _Z**2 / (4 * size**2))
    whole = 1 + _Z**2 / size
    # The ends of 0 and 1 are 0 and 1; a root cut off after some digits must not pass them.
    low = Fraction(0) if sample.hits == 0 else (center - margin) / whole
    high = Fraction(1) if sample.hits == sample.size else (center + margin) / whole
    return Interval(low, high)
