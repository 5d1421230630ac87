"""Scores of a whole group, by hand and as their definitions read."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.scores import cross_pairs, evenness, theil_sen_slope

_COUNTS = st.lists(st.integers(0, 50), max_size=8)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # All the same, however many.
        ([3, 3, 3], Fraction(1)),
        ([7], Fraction(1)),
        # One has all of it: (2 · 3 - 4) · 12 / (3 · 12) less than 1.
        ([12, 0, 0], Fraction(1, 3)),
        # -3 · 1 - 1 · 2 + 1 · 3 + 3 · 4 = 10, of 4 · 10.
        ([4, 2, 1, 3], Fraction(3, 4)),
        ([Decimal("0.1"), Decimal("0.3")], Fraction(3, 4)),
    ],
)
def test_evenness_is_what_the_gini_coefficient_leaves(
    values: list[int], expected: Fraction
) -> None:
    assert evenness(values) == expected


@given(_COUNTS, st.integers(0, 9))
def test_zeros_count_as_if_they_were_written_out(values: list[int], zeros: int) -> None:
    assert evenness(values, zeros=zeros) == evenness([*values, *([0] * zeros)])


def test_of_nothing_there_is_no_evenness() -> None:
    assert evenness([]) is None
    assert evenness([0, 0]) is None


@given(_COUNTS)
def test_the_gini_coefficient_is_half_the_relative_mean_difference(values: list[int]) -> None:
    total, count = sum(values), len(values)
    apart = sum(abs(one - other) for one in values for other in values)

    expected = 1 - Fraction(apart, 2 * count * total) if total else None

    assert evenness(values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 4], Fraction(3, 2)),
        # 1, 1/2, 4/3, 0, 3/2 and 3: the median of six lies between 1 and 4/3.
        ([0, 1, 1, 4], Fraction(7, 6)),
        # One outlier changes nothing: six of ten slopes are 1.
        ([0, 1, 2, 30, 4], Fraction(1)),
        ([5, 3, 1], Fraction(-2)),
        ([Decimal("0.1"), Decimal("0.2"), Decimal("0.3")], Fraction(1, 10)),
    ],
)
def test_a_trend_is_the_median_of_all_slopes(
    values: Sequence[Decimal | int], expected: Fraction
) -> None:
    assert theil_sen_slope(values) == expected


def test_two_values_make_no_trend() -> None:
    assert theil_sen_slope([]) is None
    assert theil_sen_slope([1, 2]) is None


# Of the large ones, slopes differ that are the same when rounded.
@given(st.lists(st.integers(-50, 50) | st.integers(10**18, 10**18 + 50), min_size=3, max_size=8))
def test_a_trend_is_its_definition(values: list[int]) -> None:
    slopes = [
        Fraction(values[j] - values[i], j - i) for i, j in combinations(range(len(values)), 2)
    ]

    assert theil_sen_slope(values) == median(slopes)


@pytest.mark.parametrize(
    ("sizes", "pairs"), [([], 0), ([5], 0), ([2, 3], 6), ([1, 2, 3], 2 + 3 + 6), ([1, 1, 0], 1)]
)
def test_pairs_across_groups_are_of_two_of_them(sizes: list[int], pairs: int) -> None:
    assert cross_pairs(sizes) == pairs


@given(_COUNTS)
def test_pairs_across_groups_can_be_counted(sizes: list[int]) -> None:
    assert cross_pairs(sizes) == sum(one * other for one, other in combinations(sizes, 2))
