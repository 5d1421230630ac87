"""The Golden Ratio company's figures, KPI by KPI, and which roll-ups mean something."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.compose import AnsweredByStatement, ForbiddenRollup, KpiValue, combine, evaluate
from shared.kpis.definitions import catalogue
from shared.kpis.vocabulary import Axis, Dimension

KPIS = catalogue().kpis
ASSUMED = {"gross_margin": Decimal("0.80"), "cost_per_hire.referral": Decimal(1500)}
GOLDEN: Mapping[str, Decimal | int] = {
    "headcount": 100,
    "linkedin_accounts": 80,
    "invited": 100,
    "enrolled": 30,
    "invited_enrolled": 30,
    "sharers": 24,
    "active_advocates": 24,
    "followers": 10_000,
    "connections": 30_000,
    "shares": 624,
    "weeks": 13,
    "impressions_advocacy": 124_800,
    "posts_brand": 39,
    "impressions_brand": 195_000,
    "reactions_advocacy": 1_872,
    "comments_advocacy": 312,
    "reshares_advocacy": 312,
    "clicks": 624,
    "sessions_advocacy": 600,
    "leads": 30,
    "leads_won": 6,
    "opportunities": 12,
    "deals_won": 6,
    "deals_lost": 4,
    "revenue_won": Decimal("60000.00"),
    "revenue_advocacy.linear": Decimal("28500.00"),
    "wins.linear": 6,
    "wins_advocacy.linear": Decimal("3.000000000001"),
    "cost": Decimal("22500.00"),
    "hires_advocacy": 2,
    "time_to_close.median": 60,
    "time_to_close.p90": 80,
}


def _value(kpi_id: str, **changed: Decimal | int | None) -> KpiValue:
    return evaluate(KPIS[kpi_id], {**GOLDEN, **changed}, ASSUMED)


@pytest.mark.parametrize(
    ("kpi_id", "shown"),
    [
        ("invite_acceptance_rate", "30.00"),
        ("enrollment_rate", "30.00"),
        ("linkedin_penetration", "80.00"),
        ("active_of_enrolled_rate", "80.00"),
        ("active_participation_rate", "24.00"),
        ("staff_per_active", "4.1667"),
        ("shares", "624"),
        ("brand_post_cadence", "3.00"),
        ("shares_per_advocate_week", "2.00"),
        ("impressions_advocacy", "124800"),
        ("amplification_factor", "0.64"),
        ("reactions", "1872"),
        ("comments", "312"),
        ("reshares", "312"),
        ("engagements", "2496"),
        ("engagement_rate", "2.00"),
        ("engagement_rate_with_clicks", "2.50"),
        ("ctr", "0.50"),
        ("click_to_session_loss", "3.846"),
        ("visitor_to_lead_rate", "5.00"),
        ("lead_conversion_rate", "20.00"),
        ("win_rate", "60.00"),
        ("avg_deal_size", "10000.00"),
        ("emv_cpc", "3120.00"),
        ("emv_cpm", "3744.00"),
        ("emv_mixed", "8112.00"),
        ("emv_interaction", "5616.00"),
        ("cost_per_lead", "750.00"),
        ("cost_per_opportunity", "1875.00"),
        ("cost_per_win", "7500.00"),
        ("gross_margin_attributed", "22800.00"),
        ("referral_savings", "5800.00"),
        ("time_to_close", "60.00"),
        ("time_to_close_p90", "80.00"),
        ("time_to_close_delta", "30.00"),
        ("attribution_coverage", "100.00"),
    ],
)
def test_golden_ratio(kpi_id: str, shown: str) -> None:
    assert str(_value(kpi_id).value) == shown


@pytest.mark.parametrize(
    ("kpi_id", "text"),
    [
        ("enrollment_rate", "30 / 100 = 30 %"),
        ("staff_per_active", "100 / 24 ≈ 4.1667"),
        ("engagement_rate", "(1872 + 312 + 312) / 124800 = 2 %"),
        ("emv_mixed", "124800 / 1000 * 30 + 5 * (0.1 * (1872 + 312 + 312) + 624) = 8112"),
    ],
)
def test_a_value_shows_its_arithmetic(kpi_id: str, text: str) -> None:
    assert _value(kpi_id).arithmetic == text


def test_a_ratio_carries_what_was_divided() -> None:
    rate = _value("enrollment_rate")

    assert rate.numerator == 30
    assert rate.denominator == 100
    assert rate.exact == 30
    assert (rate.unit, rate.version, rate.formula) == ("percent", 1, "enrolled / headcount")


def test_a_zero_denominator_is_null_with_a_reason() -> None:
    rate = _value("enrollment_rate", headcount=0, enrolled=0)

    assert (rate.value, rate.null_reason) == (None, "zero_denominator")
    assert rate.arithmetic == "0 / 0 = null (zero_denominator)"


def test_a_rate_of_views_that_were_taken_back_is_null_with_a_reason() -> None:
    rate = _ctr(3, -100)

    assert (rate.value, rate.null_reason) == (None, "negative_denominator")
    assert rate.arithmetic == "3 / (-100) = null (negative_denominator)"


@pytest.mark.parametrize(
    ("kpi_id", "measures"),
    [
        ("active_of_enrolled_rate", {"sharers": 6, "enrolled": 5}),
        ("active_participation_rate", {"sharers": 6, "headcount": 5}),
        ("enrollment_rate", {"enrolled": 6, "headcount": 5}),
        ("esn_registration_rate", {"esn_registered": 6, "headcount": 5}),
        ("program_churn_rate", {"leaves": 6, "enrolled_at_start": 5}),
    ],
)
def test_a_rate_of_other_people_than_it_divides_by_is_not_cut_off_and_says_so(
    kpi_id: str, measures: dict[str, int]
) -> None:
    assert str(evaluate(KPIS[kpi_id], measures).value) == "120.00"
    assert "it can exceed 100 %" in KPIS[kpi_id].description


def test_missing_data_are_null_with_a_reason() -> None:
    rate = _value("enrollment_rate", headcount=None)

    assert (rate.value, rate.null_reason) == (None, "missing:headcount")
    assert rate.arithmetic == "30 / [headcount] = null (missing:headcount)"


def test_an_unstated_margin_is_missing_and_a_default_rate_is_not() -> None:
    margin = evaluate(KPIS["gross_margin_attributed"], GOLDEN)
    media = evaluate(KPIS["emv_cpc"], GOLDEN)

    assert margin.null_reason == "missing:gross_margin"
    assert media.value == 3120


def test_money_is_shown_in_the_currency_s_minor_unit() -> None:
    price = evaluate(KPIS["avg_deal_size"], {"revenue_won": 100, "deals_won": 3}, money_digits=0)

    assert str(price.value) == "33"


def test_the_roi_of_the_program_is_answered_by_its_statement() -> None:
    with pytest.raises(AnsweredByStatement, match="roi"):
        evaluate(KPIS["roi_program"], GOLDEN)


def _ctr(clicks: int | None, views: int) -> KpiValue:
    return evaluate(KPIS["ctr"], {"clicks": clicks, "impressions_advocacy": views})


def test_a_ratio_of_a_whole_divides_the_sums() -> None:
    whole = combine(KPIS["ctr"], [_ctr(1, 2), _ctr(3, 10)], over=Axis.TIME)

    assert str(whole.value) == "33.33"
    assert whole.arithmetic == "4 / 12 ≈ 33.33 %"


def _at(kpi_id: str, rate: str, value: str, **measures: int) -> KpiValue:
    return evaluate(KPIS[kpi_id], measures, {rate: Decimal(value)})


def test_a_whole_shows_at_which_rate_each_part_was_priced() -> None:
    clicks = [_at("emv_cpc", "emv.cpc", "5", clicks=300), _at("emv_cpc", "emv.cpc", "7", clicks=4)]
    media = combine(KPIS["emv_cpc"], clicks, over=Axis.TIME)
    first = _at("social_spend_cover", "gross_margin", "0.8", revenue_brand=100, cost_brand=50)
    second = _at("social_spend_cover", "gross_margin", "0.5", revenue_brand=40, cost_brand=0)
    cover = combine(KPIS["social_spend_cover"], [first, second], over=Axis.TIME)

    assert media.arithmetic == "300 * 5 + 4 * 7 = 1528"
    assert cover.arithmetic == "(100 * 0.8 + 40 * 0.5) / (50 + 0) = 200 %"


def test_a_whole_of_wholes_shows_what_each_of_them_came_to() -> None:
    def quarter(margin: str, revenue: int, cost: int) -> KpiValue:
        kpi_id = "social_spend_cover"
        month = _at(kpi_id, "gross_margin", margin, revenue_brand=revenue, cost_brand=cost)
        return combine(KPIS[kpi_id], [month], over=Axis.TIME)

    quarters = [quarter("0.8", 0, 50), quarter("0.5", 40, 0), quarter("0.5", 160, 50)]
    year = combine(KPIS["social_spend_cover"], quarters, over=Axis.TIME)

    assert year.arithmetic == "(0 + 20 + 80) / (50 + 0 + 50) = 100 %"


def test_a_part_of_nothing_by_nothing_changes_no_ratio() -> None:
    whole = combine(KPIS["ctr"], [_ctr(0, 0), _ctr(3, 10)], over=Dimension.TEAM)

    assert whole.value == 30


def test_views_taken_back_in_a_part_are_taken_from_the_whole() -> None:
    whole = combine(KPIS["ctr"], [_ctr(1, -2), _ctr(3, 10)], over=Axis.TIME)
    nothing = combine(KPIS["ctr"], [_ctr(1, -20), _ctr(3, 10)], over=Axis.TIME)

    assert whole.value == 50
    assert (nothing.value, nothing.null_reason) == (None, "negative_denominator")
    assert nothing.numerator == 4
    assert nothing.denominator == -10


def test_a_part_without_a_value_leaves_the_whole_without_one() -> None:
    whole = combine(KPIS["ctr"], [_ctr(None, 2), _ctr(3, 10)], over=Axis.TIME)
    posts = combine(
        KPIS["shares"],
        [evaluate(KPIS["shares"], {"shares": 3}), evaluate(KPIS["shares"], {})],
        over=Axis.TIME,
    )

    assert (whole.value, whole.null_reason) == (None, "missing:clicks")
    assert (posts.value, posts.null_reason) == (None, "missing:shares")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20))
def test_a_rolled_up_ratio_equals_the_ratio_of_everything(parts: list[tuple[int, int]]) -> None:
    whole = combine(KPIS["ctr"], [_ctr(*part) for part in parts], over=Axis.TIME)

    direct = _ctr(sum(clicks for clicks, _ in parts), sum(views for _, views in parts))
    assert (whole.exact, whole.null_reason) == (direct.exact, direct.null_reason)


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20))
def test_media_value_adds_up_over_days(views: list[int]) -> None:
    parts = [evaluate(KPIS["emv_cpm"], {"impressions_advocacy": count}) for count in views]

    whole = combine(KPIS["emv_cpm"], parts, over=Axis.TIME)

    assert whole.exact == Fraction(sum(views), 1000) * 30


@pytest.mark.parametrize(
    ("kpi_id", "over", "reason"),
    [
        ("sharers_any", Axis.TIME, "counted twice"),
        ("sharers_any", Dimension.NETWORK, "counted twice"),
        ("enrolled_employees", Dimension.TEAM, "counted twice"),
        ("followers", Axis.TIME, "last value"),
        ("headcount", Axis.TIME, "last value"),
        ("time_to_close", Axis.TIME, "the values themselves"),
        ("ssi", Dimension.EMPLOYEE, "score"),
        ("active_participation_rate", Axis.TIME, "sharers does not add up"),
        ("enrollment_rate", Dimension.TEAM, "enrolled does not add up"),
        ("linkedin_penetration", Axis.TIME, "linkedin_accounts does not add up"),
        ("shares_per_advocate_week", Axis.TIME, "does not add up"),
        ("shares", Dimension.ACCOUNT, "not grouped"),
        ("cost_per_win", Dimension.CHANNEL, "not grouped"),
    ],
)
def test_a_roll_up_that_means_nothing_is_refused(
    kpi_id: str, over: Axis | Dimension, reason: str
) -> None:
    value = _value(kpi_id)

    with pytest.raises(ForbiddenRollup, match=reason) as refused:
        combine(KPIS[kpi_id], [value, value], over=over)
    assert (refused.value.kpi_id, refused.value.over) == (kpi_id, over)


@pytest.mark.parametrize(
    ("kpi_id", "over"),
    [
        ("followers", Dimension.NETWORK),
        ("headcount", Dimension.TEAM),
        ("linkedin_penetration", Dimension.TEAM),
        ("emv_mixed", Axis.TIME),
        ("referral_savings", Dimension.TEAM),
        ("attributed_revenue_linear", Dimension.CHANNEL),
        ("cost_per_lead", Axis.TIME),
    ],
)
def test_a_roll_up_that_means_something_is_allowed(kpi_id: str, over: Axis | Dimension) -> None:
    value = evaluate(KPIS[kpi_id], {**GOLDEN, "revenue.linear": 10}, ASSUMED)

    whole = combine(KPIS[kpi_id], [value, value], over=over)

    assert value.exact is not None
    doubled = value.exact if value.denominator else 2 * value.exact
    assert whole.exact == doubled


def test_values_of_another_kpi_or_of_nothing_are_not_combined() -> None:
    with pytest.raises(ValueError, match="only values of ctr"):
        combine(KPIS["ctr"], [_value("shares")], over=Axis.TIME)
    with pytest.raises(ValueError, match="nothing to combine"):
        combine(KPIS["ctr"], [], over=Axis.TIME)
