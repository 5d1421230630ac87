"""Money: minor units, exact division, and refusal of what is not a currency."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import (
    InvalidCurrency,
    Money,
    allocate,
    convert,
    exponent,
    round_money,
    split_units,
)

amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=2)
weight_lists = st.lists(
    st.one_of(st.integers(0, 10**6), st.fractions(min_value=0, max_value=100)),
    min_size=1,
    max_size=20,
).filter(any)


@pytest.mark.parametrize(
    ("currency", "digits"), [("USD", 2), ("PLN", 2), ("JPY", 0), ("KWD", 3), ("UYW", 4)]
)
def test_minor_units_follow_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("code", ["usd", "US", "EURO", "", "U5D", "XXX", "XTS", "XAU", "CLF"])
def test_what_no_deal_is_closed_in_is_refused(code: str) -> None:
    with pytest.raises(InvalidCurrency):
        exponent(code)


@pytest.mark.parametrize(
    ("amount", "rate", "digits", "worth"),
    [
        ("10.01", "0.25", 2, "2.50"),
        ("10.01", "0.25", 0, "3"),
        ("10.01", "0.25", None, "2.5025"),
        ("10.00", "2.50", None, "25"),
        ("-1", "4.3217", 2, "-4.32"),
        # Of more digits than a context has by default.
        ("99999999999999999999.99", "1.0000000001", None, "100000000009999999999.989999999999"),
    ],
)
def test_an_amount_is_worth_its_product_with_the_rate(
    amount: str, rate: str, digits: int | None, worth: str
) -> None:
    assert str(convert(Decimal(amount), Decimal(rate), digits)) == worth


@given(amount=amounts, weights=weight_lists, digits=st.integers(0, 4))
def test_parts_add_up_and_are_fair(
    amount: Decimal, weights: list[int | Fraction], digits: int
) -> None:
    parts = allocate(amount, weights, digits)

    needed = next(finer for finer in range(3) if amount == round(amount, finer))
    unit = Fraction(1, 10 ** max(digits, needed))
    total = sum(Fraction(weight) for weight in weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(part) - Fraction(amount) * Fraction(weight) / total) < unit


@given(units=st.integers(0, 10**12), weights=st.lists(st.integers(0, 1000), min_size=1).filter(any))
def test_a_heavier_weight_never_gets_less(units: int, weights: list[int]) -> None:
    parts = split_units(units, weights)

    ranked = sorted(zip(weights, parts, strict=True))
    for (lighter, less), (heavier, more) in pairwise(ranked):
        assert less <= more or lighter == heavier


@given(amount=amounts, weights=weight_lists)
def test_a_negative_amount_is_divided_as_its_mirror_image(
    amount: Decimal, weights: list[int | Fraction]
) -> None:
    assert allocate(-amount, weights, 2) == [-part for part in allocate(amount, weights, 2)]


def test_equal_remainders_are_served_in_order() -> None:
    assert allocate(Decimal("0.05"), [1, 1, 1], 2) == [
        Decimal("0.02"),
        Decimal("0.02"),
        Decimal("0.01"),
    ]


def test_an_amount_finer_than_a_cent_is_not_lost() -> None:
    parts = allocate(Decimal("0.015"), [1, 1], 2)

    assert parts == [Decimal("0.008"), Decimal("0.007")]


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_nothing_to_divide_by_is_an_error(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        allocate(Decimal(1), weights, 2)


@pytest.mark.parametrize("amount", ["NaN", "Infinity"])
def test_an_amount_must_be_finite(amount: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        allocate(Decimal(amount), [1], 2)
    with pytest.raises(ValueError, match="finite"):
        Money(Decimal(amount), "USD")


def test_halves_round_away_from_zero() -> None:
    assert round_money(Decimal("2.345"), 2) == Decimal("2.35")
    assert round_money(Decimal("-2.345"), 2) == Decimal("-2.35")
    assert Money(Decimal("2.5"), "JPY").rounded() == Money(Decimal(3), "JPY")


def test_only_money_of_one_currency_is_added() -> None:
    ten, four = Money(Decimal(10), "USD"), Money(Decimal(4), "USD")

    assert ten - four == Money(Decimal(6), "USD")
    with pytest.raises(InvalidCurrency):
        ten + Money(Decimal(1), "EUR")
