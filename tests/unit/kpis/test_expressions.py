"""The formula language: what it reads, what it refuses, and that it computes exactly."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.expressions import (
    Binary,
    Expression,
    InvalidExpression,
    Name,
    Number,
    evaluate,
    exact_text,
    names,
    parse,
    render,
    rounded,
    substitute,
)

VARIABLES = ("shares", "revenue.linear", "emv.value.click")
NO_QUOTIENT = frozenset({"zero_denominator", "negative_denominator"})

leaves: st.SearchStrategy[Expression] = st.one_of(
    st.sampled_from(VARIABLES).map(Name),
    st.integers(0, 50).map(lambda number: Number(Fraction(number), str(number))),
    st.integers(0, 500).map(
        lambda cents: Number(Fraction(cents, 100), f"{cents // 100}.{cents % 100:02}")
    ),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
    max_leaves=12,
)
values = st.fixed_dictionaries(
    {name: st.fractions(min_value=-100, max_value=100, max_denominator=50) for name in VARIABLES}
)


class NoQuotientError(ArithmeticError):
    """What is not above zero divides nothing."""


@dataclass(frozen=True)
class Exact:
    """A fraction that refuses what a formula refuses."""

    value: Fraction

    def __add__(self, other: Exact) -> Exact:
        return Exact(self.value + other.value)

    def __sub__(self, other: Exact) -> Exact:
        return Exact(self.value - other.value)

    def __mul__(self, other: Exact) -> Exact:
        return Exact(self.value * other.value)

    def __truediv__(self, other: Exact) -> Exact:
        if other.value <= 0:
            raise NoQuotientError
        return Exact(self.value / other.value)


def _python_value(expression: Expression, known: dict[str, Fraction]) -> Fraction | None:
    """Let Python compute the rendered text, on fractions."""
    python = render(expression)
    for index, name in enumerate(VARIABLES):
        python = python.replace(name, f"v{index}")
    for number in sorted(set(python.replace("(", " ").replace(")", " ").split())):
        if number[0].isdigit():
            python = f" {python} "
            for before in (" ", "("):
                for after in (" ", ")"):
                    python = python.replace(
                        f"{before}{number}{after}", f"{before}F('{number}'){after}"
                    )
    scope = {f"v{index}": Exact(known[name]) for index, name in enumerate(VARIABLES)}
    try:
        found = eval(python.strip(), {"F": lambda text: Exact(Fraction(text)), **scope})
    except NoQuotientError:
        return None
    assert isinstance(found, Exact)
    return found.value


@given(expression=expressions, known=values)
def test_a_formula_computes_what_python_computes(
    expression: Expression, known: dict[str, Fraction]
) -> None:
    result = evaluate(expression, known)

    assert result.value == _python_value(expression, known)
    assert (result.null_reason in NO_QUOTIENT) == (result.value is None)


@given(expression=expressions)
def test_what_is_written_reads_back_as_the_same_formula(expression: Expression) -> None:
    text = render(expression)

    if len(text) <= 500:
        again = parse(text)
        assert render(again) == text
        assert names(again) == names(expression)


@given(expression=expressions, known=values, gone=st.sampled_from(VARIABLES))
def test_a_missing_input_is_never_a_zero(
    expression: Expression, known: dict[str, Fraction], gone: str
) -> None:
    result = evaluate(expression, {**known, gone: None})

    if gone not in names(expression):
        assert result == evaluate(expression, known)
    else:
        assert result.value is None
        assert result.null_reason in {f"missing:{gone}", *NO_QUOTIENT}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a ** 2",
        "a // 2",
        "a % 2",
        "-a",
        "f(a)",
        "a[0]",
        "'a'",
        "True",
        "1e3",
        "0x10",
        "1_000",
        "1j",
        "a if b else c",
        "a < b",
        "a and b",
        "lambda: 1",
        "(a).__class__()",
        "1 .real",
        "a" * 501,
        "a\x00b",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        parse(text)


def test_a_decimal_literal_is_what_it_says() -> None:
    assert evaluate(parse("0.1 * 3"), {}).value == Fraction(3, 10)


def test_a_division_at_the_end_shows_what_was_divided() -> None:
    result = evaluate(
        parse("a / (b + c)"), {"a": Fraction(30), "b": Fraction(60), "c": Fraction(40)}
    )

    assert result.value == Fraction(3, 10)
    assert result.numerator == 30
    assert result.denominator == 100


def test_a_zero_denominator_is_null_and_keeps_both_numbers() -> None:
    result = evaluate(parse("a / b"), {"a": Fraction(3), "b": Fraction(0)})

    assert (result.value, result.null_reason) == (None, "zero_denominator")
    assert result.numerator == 3
    assert result.denominator == 0


@pytest.mark.parametrize("above", [Fraction(3), Fraction(-3), Fraction(0)])
def test_a_negative_denominator_is_null_and_keeps_both_numbers(above: Fraction) -> None:
    result = evaluate(parse("a / b"), {"a": above, "b": Fraction(-100)})

    assert (result.value, result.null_reason) == (None, "negative_denominator")
    assert result.numerator == above
    assert result.denominator == -100


def test_a_division_inside_a_formula_is_by_more_than_nothing_too() -> None:
    result = evaluate(parse("(a / b - 1) * 100"), {"a": Fraction(3), "b": Fraction(-1)})

    assert (result.value, result.null_reason) == (None, "negative_denominator")


def test_the_first_missing_name_in_reading_order_is_named() -> None:
    assert evaluate(parse("a / (b * c)"), {"a": Fraction(1)}).null_reason == "missing:b"


def test_the_arithmetic_of_a_case_is_text() -> None:
    formula = parse("(a - b) / c")
    known = {"a": Fraction(1, 2), "b": Fraction(-3), "c": None}

    assert render(formula, known) == "(0.5 - (-3)) / [c]"


@pytest.mark.parametrize(
    ("formula", "written"),
    [
        ("a + (b + c)", "a + b + c"),
        ("a + (b - c)", "a + b - c"),
        ("a - (b + c)", "a - (b + c)"),
        ("a * (b * c)", "a * (b * c)"),
    ],
)
def test_a_sum_that_is_added_needs_no_parentheses(formula: str, written: str) -> None:
    assert render(parse(formula)) == written


def test_a_definition_replaces_its_name_and_keeps_the_grouping() -> None:
    rate = substitute(parse("engagements / views"), {"engagements": parse("likes + comments")})

    assert render(rate) == "(likes + comments) / views"


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (Fraction(1, 3), 2, "0.33"),
        (Fraction(1, 200), 2, "0.01"),
        (Fraction(-1, 200), 2, "-0.01"),
        (Fraction(5, 2), 0, "3"),
        (Fraction(7), 2, "7.00"),
    ],
)
def test_halves_are_rounded_away_from_zero(value: Fraction, digits: int, expected: str) -> None:
    assert str(rounded(value, digits)) == expected


def test_a_number_is_written_without_needless_zeros() -> None:
    assert [exact_text(Fraction(number)) for number in ("30", "1/8", "1/3", "1200")] == [
        "30",
        "0.125",
        "0.333333333333",
        "1200",
    ]
