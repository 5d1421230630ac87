"""The brand account as a baseline: what advocates reached beyond what would have come anyway.

The brand's own posts ride the same seasons, news and changes of a network's ranking as those of
employees. So what employees would have reached without the program is what they reached before it,
grown as the brand has grown since. Periods may differ in length: it cancels out of the comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from shared.kpis.expressions import no_quotient

__all__ = ["Baseline", "Reached", "beyond_baseline"]


@dataclass(frozen=True, slots=True)
class Reached:
    """What advocates and the brand reached in the same days."""

    advocacy: Decimal
    brand: Decimal


@dataclass(frozen=True, slots=True)
class Baseline:
    """What was expected without the program, what came beyond it, and how that compares.

    `amplification` is the advocates' reach for each unit of the brand's, in the same days.
    """

    expected: Fraction | None
    incremental: Fraction | None
    amplification: Fraction | None
    null_reason: str | None


def beyond_baseline(before: Reached, now: Reached) -> Baseline:
    """Return advocates' reach beyond the baseline; null if the brand reached nobody before.

    Where advocates reached nobody before, nothing is expected whatever the brand did. A network
    that took back more than it counted reached nobody.
    """
    amplification = Fraction(now.advocacy) / Fraction(now.brand) if now.brand > 0 else None
    reason = no_quotient(before.brand) if before.advocacy else None
    if reason:
        return Baseline(None, None, amplification, reason)
    expected = Fraction(0)
    if before.advocacy:
        expected = Fraction(before.advocacy) * Fraction(now.brand) / Fraction(before.brand)
    return Baseline(expected, Fraction(now.advocacy) - expected, amplification, None)
