"""ROI: the golden table, the guard against counting twice, lag, and indirect lines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.kpis.assumptions import ASSUMPTIONS
from shared.kpis.cohort import cohort_curve, maturity, payback, roi_at_ages
from shared.kpis.esn import EsnLine, esn_claims, esn_inputs, esn_lines, esn_roi
from shared.kpis.expressions import rounded
from shared.kpis.recruiting import RecruitingMethod, ReferralHires, recruiting_lines
from shared.kpis.roi import (
    RoiForm,
    break_even,
    compare_models,
    roi,
    roi_blended,
    roi_cash,
    roi_media,
    roi_on_margin,
    roi_on_revenue,
)
from shared.kpis.value import (
    OverlappingValue,
    Overlaps,
    ValueClass,
    ValueKind,
    ValueLine,
    total_value,
    value_line,
    weakest,
)
from shared.kpis.vocabulary import Grade

COST = Decimal("22500.00")
MARGIN = Decimal("0.80")
TOTAL = Decimal("60000.00")
HIRES = ReferralHires(2)
STATED = {"cost_per_hire.referral": Decimal(1500)}
TABLE = [
    # model, credited revenue, share, on revenue, on margin, margin + R2
    ("first", "33000.00", "55.00", "46.67", "17.33", "43.11"),
    ("last", "37000.00", "61.67", "64.44", "31.56", "57.33"),
    ("linear", "28500.00", "47.50", "26.67", "1.33", "27.11"),
    ("position", "31100.00", "51.83", "38.22", "10.58", "36.36"),
    ("time_decay", "34447.97", "57.41", "53.10", "22.48", "48.26"),
    ("time_decay_30", "28520.74", "47.53", "26.76", "1.41", "27.18"),
]


@pytest.mark.parametrize(("model", "revenue", "share", "on_revenue", "on_margin", "cash"), TABLE)
def test_the_table_of_golden_ratio(
    model: str, revenue: str, share: str, on_revenue: str, on_margin: str, cash: str
) -> None:
    (row,) = compare_models(
        {model: Decimal(revenue)},
        total_revenue=TOTAL,
        gross_margin=MARGIN,
        recruiting=recruiting_lines(HIRES, STATED),
        cost=COST,
    ).models

    assert row.share_percent is not None
    assert str(rounded(row.share_percent, 2)) == share
    assert str(row.on_revenue.percent) == on_revenue
    assert str(row.on_margin.percent) == on_margin
    assert str(row.cash.percent) == cash


def test_recruiting_methods_are_exclusive_and_graded() -> None:
    flat = recruiting_lines(HIRES, STATED, RecruitingMethod.FLAT)

    assert [line.amount() for line in flat] == [15000]
    assert [line.grade for line in flat] == [Grade.CLAIMED]
    assert str(roi_cash(Decimal(28500), MARGIN, flat, COST).percent) == "68.00"
    with pytest.raises(OverlappingValue, match="recruiting_cost_per_hire and recruiting_flat"):
        total_value([*flat, *recruiting_lines(HIRES, STATED)])


def test_the_default_method_is_the_cost_per_hire() -> None:
    (line,) = recruiting_lines(HIRES, STATED)

    assert line.amount() == 5800
    assert line.arithmetic == "2 * (4400 - 1500) = 5800"


def test_a_shorter_vacancy_saves_and_may_be_added_to_the_cost_per_hire() -> None:
    hires = ReferralHires(2, days_to_fill=(30, 40))
    stated = STATED | {"vacancy.daily_cost": Decimal(100)}

    lines = recruiting_lines(hires, stated, RecruitingMethod.COST_PER_HIRE_AND_VACANCY)

    assert [line.amount() for line in lines] == [5800, 1400]
    assert total_value(lines) == (Fraction(7200), None)
    assert recruiting_lines(hires, stated, RecruitingMethod.VACANCY) == lines[1:]


def test_hires_of_unknown_vacancies_saved_an_unknown_time_and_no_hires_none() -> None:
    stated = STATED | {"vacancy.daily_cost": Decimal(100)}

    (unknown,) = recruiting_lines(HIRES, stated, RecruitingMethod.VACANCY)
    (nobody,) = recruiting_lines(ReferralHires(0), stated, RecruitingMethod.VACANCY)
    (unreported,) = recruiting_lines(ReferralHires(None), stated, RecruitingMethod.VACANCY)

    assert (unknown.amount(), unknown.null_reason) == (None, "missing:vacancies")
    assert nobody.amount() == 0
    assert nobody.null_reason is None
    assert (unreported.amount(), unreported.null_reason) == (None, "missing:vacancies")


def test_nobody_hired_saved_nothing_whatever_a_hire_saves() -> None:
    lines = recruiting_lines(ReferralHires(0), {}, RecruitingMethod.COST_PER_HIRE_AND_VACANCY)

    assert [(str(line.amount()), line.null_reason) for line in lines] == [("0.00", None)] * 2
    # What nobody stated stays named.
    assert [line.arithmetic for line in lines] == [
        "0 * (4400 - [cost_per_hire.referral]) = 0",
        "(0 * 42 - 0) * [vacancy.daily_cost] = 0",
    ]


def test_an_unstated_cost_per_hire_leaves_the_cash_form_without_a_value() -> None:
    cash = roi_cash(Decimal(28500), MARGIN, recruiting_lines(HIRES, {}), COST)

    assert (cash.percent, cash.null_reason) == (None, "missing:cost_per_hire.referral")
    assert cash.arithmetic == "null (missing:cost_per_hire.referral)"


def _compare(*credited: str) -> dict[str, Decimal]:
    return {f"model{index}": Decimal(revenue) for index, revenue in enumerate(credited)}


def test_break_even_needs_28125_of_credited_revenue() -> None:
    comparison = compare_models(
        _compare("28500"), total_revenue=TOTAL, gross_margin=MARGIN, recruiting=[], cost=COST
    )

    needed = comparison.break_evens[RoiForm.MARGIN]
    assert needed is not None
    assert (needed.revenue, needed.share_percent) == (Fraction(28125), Fraction("46.875"))


def test_any_cost_above_0_has_a_break_even() -> None:
    half = Decimal("0.5")

    assert break_even(Decimal(0), half, Fraction(0), TOTAL) is None
    needed = break_even(Decimal("0.01"), half, Fraction(0), TOTAL)
    assert needed is not None
    assert needed.revenue == Fraction(1, 50)


def test_the_sign_depends_on_the_model_exactly_when_models_lie_on_both_sides() -> None:
    def depends(*credited: str) -> bool:
        return compare_models(
            _compare(*credited),
            total_revenue=TOTAL,
            gross_margin=MARGIN,
            recruiting=[],
            cost=COST,
        ).sign_depends_on_model

    assert depends("28500.00", "25000.00")
    assert depends("28125.00", "28124.99")
    assert not depends("28125.00", "37000.00")
    assert not depends("20000.00", "10000.00")


def test_the_spread_is_the_distance_between_the_extreme_models() -> None:
    comparison = compare_models(
        _compare("28500", "37000"),
        total_revenue=TOTAL,
        gross_margin=MARGIN,
        recruiting=[],
        cost=COST,
    )

    spread = comparison.spreads[RoiForm.MARGIN]
    assert spread is not None
    assert spread.points == Fraction(8500 * 80, 22500)


def test_without_a_margin_only_revenue_is_compared() -> None:
    comparison = compare_models(
        _compare("28500"), total_revenue=TOTAL, gross_margin=None, recruiting=[], cost=COST
    )

    assert comparison.spreads[RoiForm.MARGIN] is None
    assert comparison.break_evens[RoiForm.MARGIN] is None
    assert comparison.models[0].on_margin.null_reason == "missing:gross_margin"
    assert comparison.models[0].on_revenue.percent is not None


def test_of_a_model_that_says_nothing_there_is_no_part_and_of_a_revenue_of_1_there_is() -> None:
    credited = {"known": Decimal("0.5"), "unknown": None}
    comparison = compare_models(
        credited, total_revenue=Decimal(1), gross_margin=MARGIN, recruiting=[], cost=COST
    )

    assert [model.share_percent for model in comparison.models] == [50, None]


def test_a_sum_is_as_well_founded_as_its_weakest_line() -> None:
    def line(grade: Grade) -> ValueLine:
        return value_line(
            ValueKind.MARGIN, "a * 2", {"a": 1}, value_class=ValueClass.CASH, grade=grade
        )

    measured, modelled, claimed = map(line, (Grade.MEASURED, Grade.MODELLED, Grade.CLAIMED))
    assert weakest([measured, modelled]) is Grade.MODELLED
    assert weakest([modelled, claimed, measured]) is Grade.CLAIMED
    assert weakest([]) is Grade.MEASURED
    assert (measured.formula, measured.exact) == ("a * 2", Fraction(2))


def test_media_value_stands_alone() -> None:
    assert str(roi_media(Decimal(8112), COST).percent) == "-63.95"


def test_blending_media_value_into_revenue_is_refused_and_names_the_overlap() -> None:
    cash = roi_cash(Decimal(28500), MARGIN, recruiting_lines(HIRES, STATED), COST)

    with pytest.raises(
        OverlappingValue, match=r"margin and media_value: .* same clicks"
    ) as refused:
        roi_blended(cash, Decimal(8112))
    assert [pair[:2] for pair in refused.value.pairs] == [(ValueKind.MARGIN, ValueKind.MEDIA)]

    blended = roi_blended(cash, Decimal(8112), Overlaps.ACCEPTED)

    assert blended.value == 22800 + 5800 + 8112
    assert blended.counted_twice == refused.value.pairs
    assert cash.counted_twice == ()


def test_an_roi_shows_its_arithmetic() -> None:
    assert roi_on_margin(Decimal(28500), MARGIN, COST).arithmetic == (
        "(22800 - 22500) / 22500 ≈ 1.33 %"
    )


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        (Decimal(0), "zero_denominator"),
        (Decimal(-5), "negative_denominator"),
        (None, "missing:cost"),
    ],
)
def test_without_a_cost_there_is_no_return(cost: Decimal | None, reason: str) -> None:
    result = roi_on_revenue(Decimal(1), cost)

    assert (result.percent, result.null_reason) == (None, reason)


def test_a_period_without_a_close_shows_minus_a_hundred_percent() -> None:
    assert str(roi(RoiForm.CASH, [], COST).percent) == "-100.00"
    assert str(maturity(closed=0, opened=12).percent) == "0.00"


COHORT = [
    (date(2025, 4, 20), Decimal("4800.00")),
    (date(2025, 4, 2), Decimal("4000.00")),
    (date(2025, 4, 5), Decimal("3600.00")),
    (date(2025, 4, 10), Decimal("6400.00")),
    (date(2025, 4, 15), Decimal("4000.00")),
    (date(2025, 4, 3), Decimal("0.00")),
]
START = date(2025, 1, 1)


def test_the_cohort_pays_back_on_the_twentieth_of_april() -> None:
    curve = cohort_curve(COHORT, cost=COST, starts_on=START)
    reached = payback(COHORT, cost=COST, starts_on=START)

    assert [point.day.day for point in curve] == [2, 3, 5, 10, 15, 20]
    assert [point.cumulative for point in curve] == [4000, 4000, 7600, 14000, 18000, 22800]
    assert str(curve[-1].roi_percent) == "1.33"
    assert reached is not None
    assert (reached.day, reached.age_days) == (date(2025, 4, 20), 109)


def test_until_value_covers_cost_there_is_no_payback() -> None:
    assert payback(COHORT, cost=Decimal("22800.01"), starts_on=START) is None
    assert payback([], cost=COST, starts_on=START) is None


@pytest.mark.parametrize("cost", [Decimal(0), Decimal(-5)])
def test_a_program_that_cost_nothing_pays_back_at_once(cost: Decimal) -> None:
    reached = payback([], cost=cost, starts_on=START)

    assert reached is not None
    assert (reached.day, reached.age_days) == (START, 0)
    assert cohort_curve(COHORT, cost=cost, starts_on=START)[0].roi_percent is None
    (aged,) = roi_at_ages(COHORT, cost=cost, starts_on=START, days=[date(2025, 5, 1)])
    assert aged.roi_percent is None


def test_any_cost_above_0_has_a_return_at_each_age() -> None:
    curve = cohort_curve([(START, Decimal(5))], cost=Decimal("0.5"), starts_on=START)

    assert [point.roi_percent for point in curve] == [900]


def test_value_of_one_day_is_one_point() -> None:
    day = date(2025, 4, 2)

    curve = cohort_curve([(day, Decimal(5)), (day, Decimal(-2))], cost=COST, starts_on=START)

    assert [point.cumulative for point in curve] == [3]
    assert [point.age_days for point in curve] == [91]


def test_maturity_is_the_decided_part() -> None:
    assert str(maturity(closed=10, opened=12).percent) == "83.33"
    assert maturity(closed=0, opened=0).percent is None
    with pytest.raises(ValueError, match="cannot be closed"):
        maturity(closed=2, opened=1)


ESN = {
    "esn.adaptation_quits": Decimal(4),
    "esn.people": Decimal(100),
    "esn.minutes_saved_per_day": Decimal(10),
    "esn.hourly_rate": Decimal(30),
    "esn.cost": Decimal(3600),
}


def test_the_internal_network_of_golden_ratio_returns_545_percent() -> None:
    result = esn_roi(ESN)

    lines = [(line.amount(), line.value_class) for line in esn_lines(ESN)]
    assert lines == [
        (Decimal(1232), ValueClass.AVOIDED_COST),
        (Decimal(22000), ValueClass.MODELLED),
    ]
    assert str(result.percent) == "545.33"
    assert result.grade is Grade.MODELLED


def test_the_internal_network_asks_for_assumptions_of_its_own() -> None:
    asked = set(esn_inputs())

    assert ESN.keys() < asked < ASSUMPTIONS.keys()
    assert {key.partition(".")[0] for key in asked} == {"esn"}


def test_an_unstated_input_of_the_internal_network_is_null() -> None:
    result = esn_roi({key: value for key, value in ESN.items() if key != "esn.people"})

    assert result.null_reason == "missing:esn.people"


def test_leavers_that_were_measured_replace_the_published_part() -> None:
    stated = ESN | {"esn.leavers_avoided": Decimal(2)}
    counted, priced = "esn.leavers_avoided", "esn.replacement_cost"

    def grade_of(measured: set[str]) -> Grade:
        (line,) = esn_lines(stated, [EsnLine.LEAVERS_AVOIDED], measured=measured)
        assert line.amount() == 8800
        return line.grade

    assert grade_of({counted, priced}) is Grade.MEASURED
    # Measured leavers at the published price of one are a model; so are leavers somebody claims.
    assert grade_of({counted}) is Grade.MODELLED
    assert grade_of({priced}) is Grade.MODELLED
    assert esn_roi(stated, [EsnLine.LEAVERS_AVOIDED]).grade is Grade.MODELLED


def test_productivity_is_a_claim_and_no_part_of_the_statement() -> None:
    (claim,) = esn_claims(ESN)

    assert claim.amount() == 1_320_000
    assert (claim.value_class, claim.grade) == (ValueClass.CLAIMED, Grade.CLAIMED)
    assert claim.kind not in {line.kind for line in esn_lines(ESN, list(EsnLine))}
    with pytest.raises(OverlappingValue, match="productivity and time_saved"):
        total_value([claim, *esn_lines(ESN)])


def test_mail_that_saved_time_is_not_counted_beside_time_saved() -> None:
    both = ESN | {"esn.mails_avoided": Decimal(600), "esn.minutes_per_mail": Decimal(2)}

    with pytest.raises(OverlappingValue, match="mail_avoided and time_saved"):
        esn_roi(both, [EsnLine.TIME_SAVED, EsnLine.MAIL_AVOIDED])
    # (22000 + 120 - 3600) / 3600, where it is asked for.
    counted = esn_roi(both, [EsnLine.TIME_SAVED, EsnLine.MAIL_AVOIDED], Overlaps.ACCEPTED)
    assert str(counted.percent) == "514.44"
    alone = esn_lines(both | {"esn.ideas_value": Decimal(5)}, [EsnLine.MAIL_AVOIDED, EsnLine.IDEAS])
    assert [line.amount() for line in alone] == [120, 5]
