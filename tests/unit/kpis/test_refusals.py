"""What is refused says so, word by word: the words reach people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from shared.attribution import AttributionModel, Conversion, Touch, weights
from shared.attribution.bulk import Journeys, divide
from shared.attribution.counting import chain_of_many, worth_of_sets
from shared.attribution.credit import amounts
from shared.attribution.markov import chain_of
from shared.kpis.cohort import maturity
from shared.kpis.compose import (
    AnsweredByStatement,
    ForbiddenRollup,
    can_be_combined,
    combine,
    evaluate,
)
from shared.kpis.costs import CostLine, amortized
from shared.kpis.definitions import catalogue
from shared.kpis.expressions import InvalidExpression, names, parse
from shared.kpis.periods import Period
from shared.kpis.quantiles import quantile
from shared.kpis.value import (
    OverlappingValue,
    ValueClass,
    ValueKind,
    total_value,
    value_line,
)
from shared.kpis.vocabulary import Aggregation, Axis, CostCategory, Dimension, Grade
from shared.money import InvalidCurrency, Money, allocate, exponent, split_units

KPIS = catalogue().kpis
JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)
NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
PATH = [Touch(id="t", at=NOON, day=JANUARY, channel="paid")]
LEAD = Conversion(id="c", at=NOON, day=JANUARY, amount=None)
LINE = CostLine(CostCategory.PLATFORM, Decimal(1), JANUARY, FEBRUARY)
DECAY = AttributionModel.TIME_DECAY


def _journeys(names: int) -> Journeys:
    return Journeys(
        offsets=np.array([0, 1]),
        channels=np.array([0]),
        days=np.array([0]),
        names=tuple(f"c{number}" for number in range(names)),
        stages=(np.array([-1]), np.array([-1])),
    )


def _value(kind: ValueKind) -> object:
    return value_line(kind, "a", {"a": 1}, value_class=ValueClass.CASH, grade=Grade.MEASURED)


REFUSED: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Money(Decimal("NaN"), "USD"), ValueError, "an amount of money must be finite"),
    (lambda: allocate(Decimal("NaN"), [1], 2), ValueError, "an amount of money must be finite"),
    (
        lambda: Money(Decimal(1), "USD") + Money(Decimal(1), "EUR"),
        InvalidCurrency,
        "USD and EUR cannot be added",
    ),
    (lambda: exponent("usd"), InvalidCurrency, "'usd' is not a currency for deals"),
    (
        lambda: split_units(1, [0, 0]),
        ValueError,
        "weights must not be negative, and one must be positive",
    ),
    (
        lambda: maturity(closed=3, opened=2),
        ValueError,
        "3 of 2 opportunities cannot be closed",
    ),
    (
        lambda: maturity(closed=-1, opened=2),
        ValueError,
        "-1 of 2 opportunities cannot be closed",
    ),
    (
        lambda: CostLine(CostCategory.PLATFORM, Decimal(1), JANUARY, JANUARY),
        ValueError,
        "a cost ends after it starts",
    ),
    (
        lambda: amortized(LINE, months=0),
        ValueError,
        "an amortization takes at least one month",
    ),
    (
        lambda: Period(JANUARY, JANUARY),
        ValueError,
        "a period ends after it starts, not 2025-01-01 to 2025-01-01",
    ),
    (
        lambda: quantile([1], Fraction(2)),
        ValueError,
        "a quantile lies between 0 and 1, not at 2",
    ),
    (
        lambda: divide(DECAY, _journeys(1), np.array([1]), half_life_days=0),
        ValueError,
        "a half-life must be positive",
    ),
    (
        lambda: weights(DECAY, PATH, LEAD, half_life_days=0),
        ValueError,
        "a half-life must be positive",
    ),
    (
        lambda: weights(AttributionModel.FIRST, [], LEAD, half_life_days=1),
        ValueError,
        "a path without touches has no weights",
    ),
    (
        lambda: amounts(AttributionModel.FIRST, PATH, LEAD, half_life_days=1, exponent=2),
        ValueError,
        "a conversion without money has no amounts",
    ),
    (
        lambda: chain_of_many(_journeys(1), np.array([True]), order=4),
        ValueError,
        "the order of a chain lies between 1 and 3",
    ),
    (
        lambda: chain_of([], order=0),
        ValueError,
        "the order of a chain lies between 1 and 3",
    ),
    (
        lambda: worth_of_sets(_journeys(63), np.array([1])),
        ValueError,
        "at most 62 channels fit a set",
    ),
    (
        lambda: parse("a" * 10_000),
        InvalidExpression,
        "a formula has at most 500 characters",
    ),
    (lambda: parse("a +"), InvalidExpression, "'a +' is not a formula"),
    (lambda: parse("a ** b"), InvalidExpression, "'a ** b' is not allowed in a formula"),
    (lambda: parse("a[0].b"), InvalidExpression, "'a[0]' is not a name"),
    (
        lambda: total_value([_value(ValueKind.REVENUE), _value(ValueKind.MARGIN)]),  # type: ignore[list-item]
        OverlappingValue,
        "value would be counted twice (margin and revenue: margin is a part of revenue)",
    ),
    (
        lambda: combine(KPIS["shares"], [], over=Axis.TIME),
        ValueError,
        "there is nothing to combine",
    ),
    (
        lambda: combine(KPIS["shares"], [evaluate(KPIS["emv_cpc"], {"clicks": 1})], over=Axis.TIME),
        ValueError,
        "only values of shares, version 1, can be combined",
    ),
]


@pytest.mark.parametrize(("refused", "error", "words"), REFUSED)
def test_what_is_refused_says_why(
    refused: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error) as caught:
        refused()

    assert type(caught.value) is error
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("kpi", "over", "reason"),
    [
        ("headcount", Axis.TIME, "a level has a last value, not a sum"),
        ("engagement_rate", Dimension.CHANNEL, "it is not grouped by this dimension"),
        (Aggregation.DISTINCT, Axis.TIME, "who is in two parts would be counted twice"),
        (Aggregation.QUANTILE, Axis.TIME, "a quantile needs the values themselves"),
        (Aggregation.COMPOSITE, Axis.TIME, "a score is not made of the scores of its parts"),
        ("brand_post_cadence", Dimension.NETWORK, "weeks does not add up"),
    ],
)
def test_a_forbidden_rollup_says_why(
    kpi: str | Aggregation, over: Axis | Dimension, reason: str
) -> None:
    told = next(
        one
        for one in KPIS.values()
        if kpi in (one.id, one.aggregation) and not one.unavailable and not one.statement
    )

    assert not can_be_combined(told, over=over)
    with pytest.raises(ForbiddenRollup) as caught:
        combine(told, [evaluate(told, {"posts_brand": 1, "weeks": 1})], over=over)
    assert str(caught.value) == f"{told.id} cannot be combined over {over}: {reason}"
    assert (caught.value.kpi_id, caught.value.over, caught.value.reason) == (told.id, over, reason)


def test_what_has_no_number_or_a_statement_of_its_own_is_not_combined() -> None:
    told = next(one for one in KPIS.values() if one.statement)
    words = f"{told.id} is answered by the {told.statement} statement"

    with pytest.raises(AnsweredByStatement) as caught:
        evaluate(told, {})
    assert caught.value.args == (words,)
    with pytest.raises(AnsweredByStatement):
        can_be_combined(told, over=Axis.TIME)
    unavailable = [one for one in KPIS.values() if one.unavailable]
    for one in unavailable:
        with pytest.raises(ForbiddenRollup, match=r": it has no number$") as refused:
            combine(one, [], over=Axis.TIME)
        assert (refused.value.kpi_id, refused.value.over) == (one.id, Axis.TIME)


def test_a_sum_can_be_combined() -> None:
    assert can_be_combined(KPIS["shares"], over=Axis.TIME)
    assert can_be_combined(KPIS["shares"], over=Dimension.TEAM)


def test_a_formula_may_be_five_hundred_characters_long() -> None:
    assert names(parse("a" * 500)) == ("a" * 500,)
    with pytest.raises(InvalidExpression):
        parse("a" * 501)
