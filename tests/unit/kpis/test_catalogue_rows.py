"""Every figure the field speaks of has a definition, and says what can be done with it."""

from __future__ import annotations

from datetime import date

import pytest

from shared.facts import FACT_KINDS
from shared.kpis.compose import additive_over, evaluate
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.periods import Period
from shared.kpis.sources import facts_of
from shared.kpis.vocabulary import Aggregation, Axis, Dimension, Unavailable
from shared.rollups.query import ForbiddenSlice, MeasureQuery, slicing
from shared.rollups.readers import READERS

# One word per row of the field's catalogue; a word that ends in _ stands for one per model, pillar,
# facet, generation or week.
ADOPTION = """
headcount invited_employees enrolled_employees invite_acceptance_rate invite_activation_rate
enrollment_rate active_advocates sharers_any engaged_users active_participation_rate
active_of_enrolled_rate staff_per_active left_program returned_program program_churn_rate
cohort_retention_ time_to_first_share shares_per_advocate_week participation_evenness
linkedin_penetration connected_accounts_rate leadership_participation_rate training_coverage
social_competency_score advocacy_hours mood_barometer
"""
CONTENT = """
shares original_posts original_content_ratio story_contributions story_approval_rate
content_published content_use_rate brand_post_cadence auto_share_ratio top_sharers
top_engagement_earners points rewards_cost
"""
AWARENESS = """
followers connections_total audience_growth_rate impressions_advocacy impressions_brand
reach_unique potential_reach audience_match_rate_ market_audience_size amplification_factor
organic_reach_rate reactions comments reshares mentions engagements engagement_rate
engagement_organic engagement_paid hashtag_engagement ctr clicks advocacy_sessions
brand_account_sessions advocacy_traffic_share click_to_session_loss emv_cpc emv_cpm emv_mixed
emv_interaction cost_per_reached mention_volume share_of_voice sentiment_index
competitor_benchmark customer_satisfaction
"""
SELLING = """
leads_advocacy sourced_leads influenced_leads visitor_to_lead_rate lead_conversion_rate
lead_conversion_lift opportunities pipeline_value win_rate time_to_close time_to_close_delta
clients_won ssi ssi_pillar_ ssi_delta quota_attainment attributed_revenue_
gross_margin_attributed avg_deal_size program_cost cost_per_lead cost_per_opportunity
cost_per_win roi_program roi_cohort payback_date social_spend_cover social_profit orders_units
inquiries new_market_wins market_share customer_loyalty goal_progress goal_forecast
"""
PEOPLE = """
referrals referral_hires referral_savings job_portal_traffic job_click_to_apply time_to_hire
cost_per_hire esn_registered esn_registration_rate esn_active_users esn_posts esn_comments
esn_events esn_polls esn_trend internal_email_delta cross_unit_ties info_search_time_saved
approval_cycle_time onboarding_time suggestions_submitted turnover_rate adaptation_quits
engaged_ratio engagement_index enps stress_index knowledge_base_items kb_reuse
off_channel_incidents personal_brand_index generation_mix_ offline_advocacy brand_trust
employer_brand_awareness brand_perception recognised_experts contest_participation
productivity_index cohesion_index morale_index retention_intent training_time
service_cost_delta listening_coverage reply_time_listening data_freshness attribution_coverage
restated_amount
"""
ROWS = " ".join((ADOPTION, CONTENT, AWARENESS, SELLING, PEOPLE)).split()
KPIS = list(catalogue().kpis.values())
JANUARY = Period(date(2025, 1, 1), date(2025, 2, 1))


@pytest.mark.parametrize("row", ROWS)
def test_every_row_has_a_definition(row: str) -> None:
    defined = [
        kpi_id
        for kpi_id in catalogue().kpis
        if kpi_id == row or (row.endswith("_") and kpi_id.startswith(row))
    ]

    assert defined
    assert len(defined) > 1 or not row.endswith("_")


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_a_definition_says_which_facts_it_needs(kpi: Kpi) -> None:
    needed = {kind for m in catalogue().measures_of(kpi.id) for kind in facts_of(m)}

    assert needed <= FACT_KINDS.keys()
    assert needed or kpi.formula is None


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_every_dimension_of_a_definition_can_be_asked_for(kpi: Kpi) -> None:
    for dimension in kpi.dimensions:
        for measure in catalogue().measures_of(kpi.id):
            assert slicing(measure.id, MeasureQuery((JANUARY,), dimension)).group_by == dimension


def test_every_description_is_understood_without_another_one() -> None:
    """A definition is asked for alone, and an input stands before what it is divided by."""
    described = {kpi.id: kpi.description for kpi in KPIS}
    described |= {f"measure {m.id}": m.description for m in MEASURES.values()}
    leaning = ("the same", "of these", "likewise", "as above")

    assert [
        name for name, text in described.items() if text.lower().startswith(leaning) or not text
    ] == []


def test_who_a_leader_is_says_every_kpi_about_them() -> None:
    about = [kpi for kpi in KPIS if any(m.id == "leaders" for m in catalogue().measures_of(kpi.id))]

    assert len(about) == 2
    assert [kpi.id for kpi in about if "`leader`" not in kpi.description] == []
    role = FACT_KINDS["employee.recorded"].model_fields["role"].description
    assert role is not None
    assert "`leader`" in role


def test_what_is_no_sum_of_cells_has_a_reader() -> None:
    summed = {m.id for m in MEASURES.values() if m.adds_up_over(Axis.TIME)}
    counted = {m.stored_as for m in MEASURES.values() if m.kept is Kept.COUNTED}

    assert (
        READERS.keys() == {m.stored_as for m in MEASURES.values() if m.id not in summed} | counted
    )


def test_what_answers_for_parts_is_counted_and_alike() -> None:
    whole = {m.id: (m, MEASURES[m.parts]) for m in MEASURES.values() if m.parts is not None}

    of_mentions = ("own", "competitor", "positive", "neutral", "negative")
    assert whole.keys() == {"opportunities", "deals_won", "deals_lost", "revenue_won"} | {
        f"mentions_{name}" for name in of_mentions
    }
    for measure, part in whole.values():
        assert part.kept is Kept.COUNTED
        assert (part.unit, part.aggregation) == (measure.unit, measure.aggregation)
        assert part.dimensions == measure.dimensions
        assert measure.cells_by < measure.dimensions


def test_a_part_is_read_from_what_answers_for_it() -> None:
    query = MeasureQuery((JANUARY,), filters={"team": frozenset({"Sales"})})
    part, whole = slicing("deals_won", query), slicing("deals_won", MeasureQuery((JANUARY,)))

    assert (part.measure.id, part.measure.stored_as) == ("deals_won", "wins_owned")
    assert whole.measure is MEASURES["deals_won"]


def test_cells_answer_for_the_parts_that_they_say() -> None:
    of_network, of_market = {"network": frozenset({"x"})}, {"market": frozenset({"de"})}
    for filters, stored in (
        (of_network, "mentions_own"),
        (of_market, "mentions_own_listed"),
        (of_network | of_market, "mentions_own_listed"),
    ):
        plan = slicing("mentions_own", MeasureQuery((JANUARY,), filters=filters))
        assert (plan.measure.id, plan.measure.stored_as) == ("mentions_own", stored)


def test_every_measure_but_the_calendar_is_made_of_facts() -> None:
    told = {m.id for m in MEASURES.values() if not facts_of(m)}

    assert told == {m.id for m in MEASURES.values() if m.kept is Kept.CALENDAR}


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_what_has_no_number_is_null_with_its_reason(kpi: Kpi) -> None:
    if kpi.statement is not None:
        pytest.skip("a statement answers it")
    value = evaluate(kpi, {})

    if kpi.formula is None:
        assert kpi.unavailable is not None
        assert value.null_reason == kpi.unavailable
        assert value.arithmetic == f"nothing = null ({kpi.unavailable})"
    else:
        assert value.null_reason is not None
        assert value.null_reason.startswith("missing:")
    assert value.value is None


def test_the_reasons_for_no_number_are_all_in_use() -> None:
    assert {kpi.unavailable for kpi in KPIS} == {None, *Unavailable}


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.id)
def test_classes_that_forbid_a_roll_up_forbid_it_everywhere(kpi: Kpi) -> None:
    axes = additive_over(kpi)

    if kpi.aggregation in {Aggregation.DISTINCT, Aggregation.QUANTILE, Aggregation.COMPOSITE}:
        assert axes == ()
    if kpi.aggregation is Aggregation.GAUGE:
        assert Axis.TIME not in axes
    assert Dimension.HASHTAG not in axes
    assert set(axes) <= {Axis.TIME, *kpi.dimensions}


@pytest.mark.parametrize("dimension", ["content", "moon"])
def test_what_a_measure_does_not_carry_is_refused_whether_there_is_such_a_dimension(
    dimension: str,
) -> None:
    for query in (
        MeasureQuery((JANUARY,), dimension),
        MeasureQuery((JANUARY,), filters={dimension: frozenset({"a"})}),
    ):
        with pytest.raises(ForbiddenSlice) as refused:
            slicing("headcount", query)
        assert refused.value.code == "dimension_not_carried"
