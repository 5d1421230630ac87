"""The catalogue holds together, and a broken one is refused by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shared.kpis.assumptions import ASSUMPTIONS, InvalidAssumption, check
from shared.kpis.definitions import InvalidCatalogue, catalogue, load
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.vocabulary import (
    Aggregation,
    AttributionModel,
    CostCategory,
    Dimension,
    SsiPillar,
    Unit,
    Worth,
)

NAMED = """
headcount invited_employees enrolled_employees invite_acceptance_rate enrollment_rate
active_advocates sharers_any active_participation_rate active_of_enrolled_rate staff_per_active
left_program returned_program linkedin_penetration shares original_posts original_content_ratio
brand_post_cadence shares_per_advocate_week followers connections_total impressions_advocacy
impressions_brand
amplification_factor reactions comments reshares engagements engagement_rate
engagement_rate_with_clicks ctr clicks advocacy_sessions advocacy_traffic_share
click_to_session_loss visitor_to_lead_rate emv_cpc emv_cpm emv_mixed emv_interaction leads
leads_advocacy opportunities deals_won revenue_won win_rate lead_conversion_rate time_to_close
time_to_close_p90 avg_deal_size gross_margin_attributed program_cost cost_per_lead
cost_per_opportunity cost_per_win cost_per_reached referrals referral_hires referral_savings ssi
roi_program data_freshness attribution_coverage
"""
ENTRY = """
[rounding]
percent = 2
posts = 0
[[kpi]]
id = "{id}"
name = "Some rate"
description = "Some rate of something."
category = "AD"
worth = "success"
unit = "{unit}"
aggregation = "{aggregation}"
formula = "{formula}"
dimensions = {dimensions}
null_rule = "{null_rule}"
direction = "up"
"""
RATIO = {
    "id": "some_rate",
    "unit": "percent",
    "aggregation": "ratio",
    "formula": "sharers / headcount",
    "dimensions": '["team"]',
    "null_rule": "missing_input_or_zero_denominator",
}


def test_every_metric_of_the_product_is_defined() -> None:
    expected = set(NAMED.split())
    expected |= {f"attributed_revenue_{model}" for model in AttributionModel}
    expected |= {f"attributed_wins_{model}" for model in AttributionModel}
    expected |= {f"ssi_pillar_{pillar}" for pillar in SsiPillar}

    assert expected <= set(catalogue().kpis)


def test_every_measure_serves_a_kpi_or_a_statement() -> None:
    used = {m.id for kpi_id in catalogue().kpis for m in catalogue().measures_of(kpi_id)}
    of_statements = {f"cost.{category}" for category in CostCategory}
    of_statements |= {
        f"{what}_advocacy.{m}" for m in AttributionModel for what in ("revenue", "wins")
    }
    behind_sets = {"invites", "joins"}
    shown_beside = {
        "reactions_brand",
        "comments_brand",
        "reshares_brand",
        "network_clicks_brand",
        "network_clicks_advocacy",
        "network_clicks_boosted",
        "engaged_sessions",
        "key_events",
    }

    of_parts = {measure.parts for measure in MEASURES.values()} - {None}

    assert set(MEASURES) - used == (of_statements | of_parts) - used | behind_sets | shown_beside


def test_a_view_is_a_stored_measure_under_a_filter() -> None:
    views = [measure for measure in MEASURES.values() if measure.kept is Kept.VIEW]

    assert views
    for view in views:
        assert MEASURES[view.stored_as].kept is Kept.STORED
        assert view.channel in {"employee_advocacy", "brand"}
        assert Dimension.CHANNEL not in view.dimensions


def test_a_level_that_is_read_off_is_nothing_before_its_first_reading_and_a_count_is_none() -> None:
    levels = [m for m in MEASURES.values() if m.aggregation is Aggregation.GAUGE]

    assert {level.id for level in levels if not level.has_zero} == {
        *("followers", "followers_at_start", "followers_gained", "competitor_followers"),
        *("connections", "market", "ties", "search.hours", "search.people"),
    }
    assert {level.id for level in levels if level.has_zero} == {
        *("headcount", "headcount_at_start", "linkedin_accounts", "knowledge_base", "pipeline"),
        *(f"pipeline.{model}" for model in AttributionModel),
    }


def test_a_formula_is_expanded_to_measures_and_assumptions() -> None:
    used = [measure.id for measure in catalogue().measures_of("emv_mixed")]

    assert used == [
        "impressions_advocacy",
        "reactions_advocacy",
        "comments_advocacy",
        "reshares_advocacy",
        "clicks",
    ]
    assert catalogue().assumptions_of("emv_mixed") == ("emv.cpm", "emv.cpc", "emv.k")


def test_vanity_and_success_are_told_apart() -> None:
    kpis = catalogue().kpis

    assert kpis["impressions_advocacy"].worth is Worth.VANITY
    assert kpis["enrollment_rate"].worth is Worth.SUCCESS


def test_a_benchmark_names_its_source_and_grade() -> None:
    (benchmark,) = catalogue().kpis["enrollment_rate"].benchmarks

    assert (benchmark.value, benchmark.grade) == ("30", "claimed")
    assert benchmark.source


def test_a_benchmark_of_money_names_its_currency_and_no_other_does() -> None:
    benchmark = 'value = "5", source = "somebody", grade = "claimed", note = "an example"'
    entry = ENTRY.format(**RATIO)
    amount, percent = (f'{benchmark}, unit = "{unit}"' for unit in ("money", "percent"))

    load(f'{entry}benchmarks = [{{ {amount}, currency = "USD" }}, {{ {percent} }}]\n')
    for wrong in (amount, f'{percent}, currency = "USD"'):
        with pytest.raises(InvalidCatalogue, match="names its currency"):
            load(f"{entry}benchmarks = [{{ {wrong} }}]\n")


def test_an_amount_that_is_not_stated_says_in_which_money_it_was_published() -> None:
    given = [a for a in ASSUMPTIONS.values() if a.unit is Unit.MONEY and a.default is not None]

    assert len(given) > 5
    assert [a.key for a in given if "US dollars" not in a.source] == []


def test_a_sound_definition_is_read() -> None:
    kpi = load(ENTRY.format(**RATIO)).kpis["some_rate"]

    assert (kpi.aggregation, kpi.rounding, kpi.version) == (Aggregation.RATIO, 2, 1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"formula": "sharers / nobody"}, "neither measure nor KPI"),
        ({"formula": "sharers / some_rate"}, "is a circle"),
        ({"formula": "sharers ** 2"}, "not allowed"),
        ({"dimensions": '["employee"]'}, "does not carry employee"),
        ({"dimensions": '["planet"]'}, "planet"),
        ({"null_rule": "missing_input"}, "null rule"),
        ({"aggregation": "additive"}, "ends in a division"),
        ({"formula": "sharers / headcount * 100"}, "ends in a division"),
        ({"id": "headcount"}, "name of something else"),
        ({"id": "Some-Rate"}, "Some-Rate"),
        ({"unit": "bananas"}, "some_rate"),
        (
            {
                "formula": "shares",
                "unit": "posts",
                "aggregation": "distinct",
                "null_rule": "missing_input",
            },
            "differs from its measure",
        ),
    ],
)
def test_a_definition_that_cannot_be_right_is_refused(
    change: dict[str, str], complaint: str
) -> None:
    with pytest.raises(InvalidCatalogue, match=complaint):
        load(ENTRY.format(**(RATIO | change)))


def test_what_is_a_part_of_something_is_a_percentage() -> None:
    (part,) = load(ENTRY.format(**RATIO) + "is_part = true\n").kpis.values()
    count = {"formula": "shares", "unit": "posts", "aggregation": "additive"}
    entry = ENTRY.format(**(RATIO | count | {"null_rule": "missing_input"}))

    assert part.is_part
    with pytest.raises(InvalidCatalogue, match="no percentage"):
        load(entry + "is_part = true\n")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidCatalogue, match="colour"):
        load(ENTRY.format(**RATIO) + 'colour = "red"\n')


def test_a_twin_is_refused() -> None:
    entry = ENTRY.format(**RATIO)
    twin = entry[entry.index("[[kpi]]") :]

    with pytest.raises(InvalidCatalogue, match="defined twice"):
        load(entry + twin)


def test_what_only_the_company_knows_has_no_default() -> None:
    assert ASSUMPTIONS["gross_margin"].default is None
    assert ASSUMPTIONS["cost_per_hire.referral"].default is None


def test_an_assumption_outside_its_bounds_is_refused() -> None:
    with pytest.raises(InvalidAssumption, match="gross_margin"):
        check("gross_margin", ASSUMPTIONS["emv.cpc"].default or ASSUMPTIONS["emv.cpc"].least)
    with pytest.raises(InvalidAssumption, match="unknown"):
        check("gross_marign", ASSUMPTIONS["emv.k"].least)


@pytest.mark.parametrize("key", ["gross_margin", "active.weeks", "esn.cost"])
@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity", "-1E+40"])
def test_what_is_no_number_of_any_assumption_is_refused(key: str, value: str) -> None:
    with pytest.raises(InvalidAssumption, match=key):
        check(key, Decimal(value))


@pytest.mark.parametrize("value", ["0", "1.5", "53", "1E+40"])
def test_a_count_is_a_whole_number_in_its_bounds(value: str) -> None:
    with pytest.raises(InvalidAssumption, match=r"active\.weeks"):
        check("active.weeks", Decimal(value))
