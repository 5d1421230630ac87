"""Quantiles of the sales cycle, exact and interpolated."""

from __future__ import annotations

from fractions import Fraction
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.quantiles import MEDIAN, P90, quantile

LEAD_TO_CLOSE = [75, 25, 55, 45, 85, 65]


def test_golden_ratio_closes_in_sixty_days() -> None:
    assert quantile(LEAD_TO_CLOSE, MEDIAN) == 60
    assert quantile(LEAD_TO_CLOSE, P90) == 80


@given(st.lists(st.integers(-1000, 1000), min_size=1))
def test_the_half_quantile_is_the_median(values: list[int]) -> None:
    assert quantile(values, MEDIAN) == median([Fraction(value) for value in values])
    assert quantile(values, Fraction(0)) == min(values)
    assert quantile(values, Fraction(1)) == max(values)


def test_nothing_has_no_quantile() -> None:
    assert quantile([], P90) is None


def test_a_quantile_outside_zero_to_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1], Fraction(11, 10))
