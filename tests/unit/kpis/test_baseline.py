"""The brand account as a baseline."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from shared.kpis.baseline import Baseline, Reached, beyond_baseline


def _reached(advocacy: int, brand: int) -> Reached:
    return Reached(Decimal(advocacy), Decimal(brand))


def test_golden_ratio_starts_from_nothing() -> None:
    found = beyond_baseline(_reached(0, 0), _reached(124_800, 195_000))

    assert found == Baseline(Fraction(0), Fraction(124_800), Fraction(16, 25), None)


def test_the_baseline_grows_as_the_brand_does() -> None:
    found = beyond_baseline(_reached(100, 1000), _reached(400, 1500))

    assert found.expected == 150
    assert found.incremental == 250


def test_without_a_brand_before_there_is_no_baseline() -> None:
    found = beyond_baseline(_reached(100, 0), _reached(400, 0))

    assert found == Baseline(None, None, None, "zero_denominator")
    now = beyond_baseline(_reached(100, 0), _reached(400, 1))
    assert now == Baseline(None, None, Fraction(400), "zero_denominator")


def test_a_brand_whose_views_were_taken_back_is_no_baseline() -> None:
    assert beyond_baseline(_reached(100, -10), _reached(400, -5)) == Baseline(
        None, None, None, "negative_denominator"
    )
    assert beyond_baseline(_reached(100, 10), _reached(400, -5)).amplification is None
