"""Corners of the formulas that other tests go past: what an answer says beside its number."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.kpis.cohort import CohortPoint, cohort_curve, payback, roi_at_ages
from shared.kpis.compose import ForbiddenRollup, combine, evaluate
from shared.kpis.costs import CostBasis, CostLine, cost_statement
from shared.kpis.definitions import catalogue
from shared.kpis.expressions import rounded
from shared.kpis.periods import Interval, Period, RangeTooLong, buckets
from shared.kpis.rates import rate_in_force
from shared.kpis.roi import (
    RoiForm,
    break_even,
    compare_models,
    roi_blended,
    roi_cash,
    roi_media,
    roi_on_margin,
    roi_on_revenue,
)
from shared.kpis.value import Overlaps, ValueClass, ValueKind
from shared.kpis.vocabulary import Axis, CostCategory, Dimension, Grade
from shared.money import from_units, round_money

HUNDRED, COST, MARGIN = Decimal(100), Decimal(40), Decimal("0.8")
QUARTER = Period(date(2025, 1, 1), date(2025, 4, 1))


def test_each_form_of_return_carries_its_name_and_the_class_of_its_lines() -> None:
    cash = roi_cash(HUNDRED, MARGIN, [], COST)
    blended = roi_blended(cash, HUNDRED, Overlaps.ACCEPTED)
    returns = (
        roi_on_revenue(HUNDRED, COST),
        roi_on_margin(HUNDRED, MARGIN, COST),
        cash,
        roi_media(HUNDRED, COST),
        blended,
    )

    assert [one.form for one in returns] == [
        RoiForm.REVENUE,
        RoiForm.MARGIN,
        RoiForm.CASH,
        RoiForm.MEDIA,
        RoiForm.BLENDED,
    ]
    assert [one.lines[0].value_class for one in returns[:4]] == [
        ValueClass.CASH,
        ValueClass.CASH,
        ValueClass.CASH,
        ValueClass.AVOIDED_COST,
    ]
    assert returns[0].lines[0].kind is ValueKind.REVENUE
    assert (blended.cost, blended.exact) == (COST, (80 + 100 - 40) / Fraction(40) * 100)


def test_models_are_compared_by_name_and_break_even_by_form() -> None:
    found = compare_models(
        {"first": Decimal(30), "last": Decimal(70)},
        total_revenue=HUNDRED,
        gross_margin=MARGIN,
        recruiting=[],
        cost=COST,
    )

    assert [(one.model, one.revenue, one.share_percent) for one in found.models] == [
        ("first", Decimal(30), Fraction(30)),
        ("last", Decimal(70), Fraction(70)),
    ]
    points = {form: even.revenue for form, even in found.break_evens.items() if even}
    assert points == {RoiForm.REVENUE: 40, RoiForm.MARGIN: 50, RoiForm.CASH: 50}


def test_other_value_lowers_the_break_even() -> None:
    even = break_even(COST, MARGIN, Fraction(8), HUNDRED)

    assert even is not None
    assert (even.revenue, even.share_percent) == (Fraction(40), Fraction(40))
    nothing = break_even(COST, MARGIN, Fraction(8), Decimal(0))
    assert nothing is not None
    assert nothing.share_percent is None


def test_what_is_paid_already_needs_no_revenue_to_break_even() -> None:
    for saved in (Fraction(40), Fraction(41)):
        even = break_even(COST, MARGIN, saved, HUNDRED)

        assert even is not None
        assert (even.revenue, even.share_percent) == (Fraction(0), Fraction(0))


def test_without_a_margin_only_what_is_paid_already_breaks_even() -> None:
    nothing = Decimal(0)
    even = break_even(COST, nothing, Fraction(COST), HUNDRED)

    assert even is not None
    assert even.revenue == 0
    assert break_even(COST, nothing, Fraction(COST) - 1, HUNDRED) is None
    assert break_even(COST, None, Fraction(COST), HUNDRED) is None


@pytest.mark.parametrize("cost", [Decimal(0), Decimal(-10)])
def test_where_nothing_was_spent_nothing_breaks_even(cost: Decimal) -> None:
    assert break_even(cost, MARGIN, Fraction(0), HUNDRED) is None
    assert break_even(cost, MARGIN, Fraction(8), HUNDRED) is None


def test_a_cost_is_paid_back_on_the_day_it_is_covered_exactly() -> None:
    start = date(2025, 1, 1)
    values = [(date(2025, 1, 5), Decimal("0.5")), (date(2025, 1, 9), Decimal("0.5"))]

    covered = payback(values, cost=Decimal(1), starts_on=start)

    assert covered is not None
    assert (covered.day, covered.age_days) == (date(2025, 1, 9), 8)


def test_costs_of_one_category_are_added_and_the_basis_is_told() -> None:
    lines = [
        CostLine(CostCategory.PLATFORM, amount, QUARTER.start, QUARTER.end)
        for amount in (Decimal(90), Decimal(10))
    ]

    found = cost_statement(lines, QUARTER, exponent=2, basis=CostBasis.FULL)

    assert found.basis is CostBasis.FULL
    assert found.by_category == {CostCategory.PLATFORM: Decimal(100)}
    assert cost_statement([], QUARTER, exponent=2).total == Decimal(0)
    assert isinstance(cost_statement([], QUARTER, exponent=2).total, Decimal)


def test_a_default_rate_says_that_it_is_one() -> None:
    found = rate_in_force([], "attribution.window_days", date(2025, 1, 1))

    assert found is not None
    assert (found.version, found.effective_on) == (0, date.min)
    assert found.source
    assert isinstance(found.grade, Grade)


def test_amounts_keep_every_digit() -> None:
    assert str(rounded(10**40 + Fraction(1, 8), 2)) == f"1{'0' * 40}.13"
    assert from_units(10**40 + 1, 2) == Decimal(f"1{'0' * 37}0.01")
    assert round_money(Decimal("0.125"), 2) == Decimal("0.13")
    assert str(round_money(Decimal(7), 2)) == "7.00"


@pytest.mark.parametrize(
    ("interval", "most", "one_more"),
    [
        (Interval.WEEK, date(2044, 2, 29), date(2044, 3, 1)),
        (Interval.MONTH, date(2108, 5, 1), date(2108, 5, 2)),
        (Interval.DAY, date(2027, 9, 28), date(2027, 9, 29)),
        (Interval.QUARTER, date(2275, 1, 1), date(2275, 1, 2)),
        (Interval.YEAR, date(3025, 1, 1), date(3025, 1, 2)),
    ],
)
def test_a_thousand_buckets_are_the_most(interval: Interval, most: date, one_more: date) -> None:
    start = date(2025, 1, 1)

    assert len(list(buckets(Period(start, most), interval))) == 1000
    with pytest.raises(RangeTooLong, match=f"1001 buckets by {interval}; at most 1000") as caught:
        buckets(Period(start, one_more), interval)
    assert (caught.value.interval, caught.value.count) == (interval, 1001)


def test_a_whole_shows_what_it_was_added_from() -> None:
    shares = catalogue().kpis["shares"]
    parts = [evaluate(shares, {"shares": count}) for count in (3, 4)]
    missing = evaluate(shares, {"shares": None})

    assert combine(shares, parts, over=Axis.TIME).arithmetic == "3 + 4 = 7"
    assert (
        combine(shares, [*parts, missing], over=Axis.TIME).arithmetic
        == "3 + 4 + null = null (missing:shares)"
    )


def test_a_combined_ratio_keeps_what_was_divided() -> None:
    rate = catalogue().kpis["original_content_ratio"]
    parts = [evaluate(rate, {"shares_own": a, "shares": b}) for a, b in ((1, 2), (3, 10))]

    found = combine(rate, parts, over=Axis.TIME)

    assert (found.numerator, found.denominator, found.null_reason) == (
        Fraction(4),
        Fraction(12),
        None,
    )
    missing = evaluate(rate, {"shares_own": 1, "shares": None})
    without = combine(rate, [*parts, missing], over=Axis.TIME)
    assert (without.value, without.arithmetic) == (None, "null = null (missing:shares)")


def test_combined_money_has_the_digits_of_its_currency() -> None:
    value = catalogue().kpis["emv_cpc"]
    parts = [evaluate(value, {"clicks": 1}, {"emv.cpc": Decimal("0.3334")}) for _ in range(2)]
    rate = catalogue().kpis["cost_per_lead"]
    costs = [evaluate(rate, {"cost": Decimal(1), "leads": 3}) for _ in range(2)]

    assert str(combine(value, parts, over=Axis.TIME, money_digits=3).value) == "0.667"
    assert str(combine(rate, costs, over=Axis.TIME, money_digits=3).value) == "0.333"


@pytest.mark.parametrize(
    ("kpi", "over"),
    [
        ("sharers_any", Dimension.TEAM),
        ("headcount", Axis.TIME),
        ("engagement_rate", Dimension.CHANNEL),
    ],
)
def test_what_does_not_add_up_says_which_way(kpi: str, over: Axis | Dimension) -> None:
    with pytest.raises(ForbiddenRollup) as caught:
        combine(
            catalogue().kpis[kpi],
            [evaluate(catalogue().kpis[kpi], {})],
            over=over,
        )
    assert (caught.value.kpi_id, caught.value.over) == (kpi, over)
    assert caught.value.reason in str(caught.value)


def test_a_count_for_each_week_adds_up_over_what_has_the_same_weeks() -> None:
    cadence = catalogue().kpis["brand_post_cadence"]
    parts = [evaluate(cadence, {"posts_brand": n, "weeks": Fraction(2)}) for n in (4, 6)]

    with pytest.raises(ForbiddenRollup, match="weeks does not add up"):
        combine(cadence, parts, over=Dimension.NETWORK)


def test_a_cohort_stands_on_any_day_where_its_last_value_left_it() -> None:
    start = date(2025, 1, 1)
    values = [
        (date(2025, 1, 9), Decimal(30)),
        (date(2025, 1, 5), Decimal(20)),
        (date(2025, 1, 9), Decimal(-5)),
    ]
    days = [date(2025, 1, 9), date(2025, 1, 4), date(2025, 1, 5), date(2025, 2, 1)]

    told = roi_at_ages(iter(values), cost=Decimal(40), starts_on=start, days=iter(days))

    assert told == [
        CohortPoint(date(2025, 1, 4), 3, Decimal(0), Decimal("-100.00")),
        CohortPoint(date(2025, 1, 5), 4, Decimal(20), Decimal("-50.00")),
        CohortPoint(date(2025, 1, 9), 8, Decimal(45), Decimal("12.50")),
        CohortPoint(date(2025, 2, 1), 31, Decimal(45), Decimal("12.50")),
    ]
    assert cohort_curve(values, cost=Decimal(40), starts_on=start) == told[1:3]
    free = roi_at_ages(values, cost=Decimal(0), starts_on=start, days=days[:1])
    assert free == [CohortPoint(date(2025, 1, 9), 8, Decimal(45), None)]


def test_value_covers_nothing_until_it_comes_and_no_cost_is_covered_at_once() -> None:
    start = date(2025, 1, 1)

    at_once = payback([], cost=Decimal(0), starts_on=start)

    assert at_once is not None
    assert (at_once.day, at_once.age_days) == (start, 0)
    assert payback([], cost=Decimal("0.01"), starts_on=start) is None


def test_the_turnover_of_teams_makes_that_of_all_of_them() -> None:
    rate = catalogue().kpis["turnover_rate"]
    weeks = Fraction(4)
    parts = [
        evaluate(rate, {"leavers": leavers, "person_days": days, "weeks": weeks})
        for leavers, days in ((1, 280), (3, 560))
    ]
    whole = evaluate(rate, {"leavers": 4, "person_days": 840, "weeks": weeks})

    # The weeks are the same for every team, and not for two periods.
    assert combine(rate, parts, over=Dimension.TEAM).exact == whole.exact
    with pytest.raises(ForbiddenRollup):
        combine(rate, parts, over=Axis.TIME)
