"""The interval of a difference of proportions, and where a KPI states one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.compose import evaluate
from shared.kpis.definitions import InvalidCatalogue, catalogue, load
from shared.kpis.intervals import StatedInterval
from shared.kpis.proportions import LEAST, Interval, Sample, newcombe

samples = st.integers(LEAST, 60).flatmap(
    lambda size: st.builds(Sample, st.integers(0, size), st.just(size))
)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [
        # Table II of Newcombe (1998), method 10.
        ((56, 70), (48, 80), "0.0524", "0.3339"),
        ((9, 10), (3, 10), "0.1705", "0.8090"),
        ((6, 7), (2, 7), "0.0582", "0.8062"),
        ((5, 56), (0, 29), "-0.0381", "0.1926"),
        ((0, 10), (0, 20), "-0.1611", "0.2775"),
        ((0, 10), (0, 10), "-0.2775", "0.2775"),
        ((10, 10), (0, 20), "0.6791", "1.0000"),
        ((10, 10), (0, 10), "0.6075", "1.0000"),
    ],
)
def test_the_published_examples(
    one: tuple[int, int], other: tuple[int, int], low: str, high: str
) -> None:
    found = newcombe(Sample(*one), Sample(*other))

    assert found is not None
    assert [f"{float(end):.4f}" for end in (found.low, found.high)] == [low, high]


def test_of_fewer_than_five_nothing_is_said() -> None:
    assert newcombe(Sample(1, 4), Sample(3, 5)) is None
    assert newcombe(Sample(1, 5), Sample(3, 4)) is None
    assert newcombe(Sample(1, 5), Sample(3, 5)) is not None


@pytest.mark.parametrize(("hits", "size"), [(-1, 5), (6, 5)])
def test_more_hits_than_cases_are_no_proportion(hits: int, size: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        Sample(hits, size)


@given(one=samples, other=samples)
def test_the_interval_holds_the_difference_and_is_its_own_mirror(
    one: Sample, other: Sample
) -> None:
    found, mirrored = newcombe(one, other), newcombe(other, one)

    assert found is not None
    difference = Fraction(one.hits, one.size) - Fraction(other.hits, other.size)
    assert -1 <= found.low <= difference <= found.high <= 1
    assert mirrored == Interval(-found.high, -found.low)


LEADS = {"leads": 150, "leads_won": 104, "leads_advocacy": 70, "leads_advocacy_won": 56}


def test_the_lift_of_leads_states_its_interval() -> None:
    value = evaluate(catalogue().kpis["lead_conversion_lift"], LEADS)

    assert value.value == Decimal("20.00")
    assert value.interval == StatedInterval("newcombe", Decimal("5.24"), Decimal("33.39"), None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"leads_advocacy": 4, "leads_advocacy_won": 1}, "too_few:leads_advocacy"),
        ({"leads": 74, "leads_won": 60}, "too_few:leads - leads_advocacy"),
        # Five are enough.
        (
            {"leads": 9, "leads_won": 5, "leads_advocacy": 5, "leads_advocacy_won": 3},
            "too_few:leads - leads_advocacy",
        ),
        ({"leads": 70, "leads_won": 56}, "zero_denominator"),
        ({"leads_won": None}, "missing:leads_won"),
    ],
)
def test_an_interval_without_ends_says_why(changes: dict[str, int | None], reason: str) -> None:
    value = evaluate(catalogue().kpis["lead_conversion_lift"], {**LEADS, **changes})

    assert value.interval == StatedInterval("newcombe", None, None, reason)


def test_a_value_without_an_interval_in_its_definition_has_none() -> None:
    assert evaluate(catalogue().kpis["lead_conversion_rate"], LEADS).interval is None


def test_an_interval_of_another_formula_is_refused() -> None:
    entry = """
        [[kpi]]
        id = "some_lift"
        name = "Some lift"
        description = "Some lift of something."
        category = "SS"
        worth = "success"
        unit = "percentage_points"
        rounding = 2
        aggregation = "composite"
        formula = "(leads_won / leads - deals_won / opportunities) * 100"
        interval = { method = "newcombe", hits = "leads_won", cases = "leads", \
other_hits = "deals_won", other_cases = "deals_lost" }
        dimensions = []
        null_rule = "missing_input_or_zero_denominator"
        direction = "up"
    """
    assert load(entry.replace("deals_lost", "opportunities")).kpis["some_lift"].interval

    with pytest.raises(InvalidCatalogue, match="another formula"):
        load(entry)
