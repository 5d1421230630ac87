"""Rows of surveys, figures, quotas, trainings and leavers become facts, or say what is wrong."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from services.collector.imports.cells import RowError
from services.collector.imports.mapping import KINDS, ImportKind
from shared.facts import (
    EmploymentEnded,
    Fact,
    FigureRecorded,
    QuotaSet,
    SurveyRecorded,
    TrainingCompleted,
)

WARSAW = ZoneInfo("Europe/Warsaw")


def row(kind: ImportKind, **cells: str | None) -> Fact:
    columns: dict[str, str | None] = dict.fromkeys(KINDS[kind].layout.columns)
    return KINDS[kind].fact_of(columns | cells, WARSAW)


def test_a_survey_is_a_sum_of_answers() -> None:
    fact = row(
        "surveys",
        topic="enps",
        held_on="2025-02-12",
        respondents="42",
        positive="20",
        negative="5",
        team="IT",
    )

    assert isinstance(fact, SurveyRecorded)
    assert (fact.respondents, fact.positive, fact.negative, fact.team) == (42, 20, 5, "IT")
    assert fact.external_id == "enps@2025-02-12@IT@"
    assert fact.occurred_at == datetime(2025, 2, 11, 23, tzinfo=UTC)


def test_surveys_of_two_roles_are_two() -> None:
    def told(role: str) -> Fact:
        asked = {"topic": "competence", "held_on": "2025-02-12", "respondents": "10"}
        return row("surveys", **asked, score_sum="700", role=role)

    leaders, experts = told("leader"), told("expert")
    assert isinstance(leaders, SurveyRecorded)
    assert leaders.role == "leader"
    assert leaders.external_id == "competence@2025-02-12@@@@leader"
    assert leaders.identity != experts.identity


def test_a_corrected_survey_restates_the_same_fact() -> None:
    def told(positive: str) -> Fact:
        return row(
            "surveys", topic="enps", held_on="2025-02-12", respondents="42", positive=positive
        )

    assert told("20").identity == told("21").identity


@pytest.mark.parametrize(
    ("cells", "column", "rule"),
    [
        ({"respondents": "4"}, "respondents", "greater_than_equal"),
        ({"respondents": "4.5"}, "respondents", "count"),
        ({"respondents": ""}, "respondents", "count"),
        ({"topic": "lunch"}, "topic", "literal_error"),
        ({"positive": "43"}, "", "value_error"),
    ],
)
def test_a_survey_that_cannot_be_is_refused(cells: dict[str, str], column: str, rule: str) -> None:
    whole = {"topic": "enps", "held_on": "2025-02-12", "respondents": "42", "positive": "20"}

    with pytest.raises(RowError) as refused:
        row("surveys", **whole | cells)
    assert [problem[:2] for problem in refused.value.problems] == [(column, rule)]


def test_figures_quotas_trainings_and_leavers() -> None:
    figure = row(
        "figures", figure="market_sales", day="2025-03-31", value="250000.00", currency="USD"
    )
    output = row("figures", figure="output", day="2025-03-31", value="80", hours="160")
    recruiting = {"figure": "recruiting_cost", "day": "2025-03-31", "currency": "USD"}
    of_all, of_one = (
        row("figures", **recruiting, value="10.00", job=job) for job in (None, "job-1")
    )
    quota = row(
        "quotas",
        employee="E1",
        set_on="2024-12-20",
        amount="90000.00",
        currency="USD",
        starts_on="2025-01-01",
        ends_on="2025-04-01",
    )
    training = row(
        "trainings",
        employee="E1",
        course="start",
        completed_on="2025-02-04",
        hours="2.5",
        is_onboarding="true",
    )
    leaver = row(
        "leavers", employee="E2", last_day="2025-02-14", reason="adaptation", in_probation="true"
    )

    assert isinstance(figure, FigureRecorded)
    assert (figure.day, figure.value) == (date(2025, 3, 31), Decimal("250000.00"))
    assert isinstance(output, FigureRecorded)
    assert (output.value, output.hours) == (Decimal(80), Decimal(160))
    # What was spent on an opening is told beside the rest of the same day.
    assert isinstance(of_all, FigureRecorded)
    assert isinstance(of_one, FigureRecorded)
    assert (of_all.job, of_all.external_id) == (None, "recruiting_cost@2025-03-31@")
    assert (of_one.job, of_one.external_id) == ("job-1", "recruiting_cost@2025-03-31@@job-1")
    # A department may be called as an opening is, and is another figure's.
    named = row("figures", **recruiting, value="10.00", department="job-1")
    assert isinstance(named, FigureRecorded)
    assert (named.job, named.department) == (None, "job-1")
    assert named.external_id == "recruiting_cost@2025-03-31@@@job-1"
    assert isinstance(quota, QuotaSet)
    assert (quota.starts_on, quota.amount) == (date(2025, 1, 1), Decimal("90000.00"))
    assert isinstance(training, TrainingCompleted)
    assert training.is_onboarding
    assert training.hours == Decimal("2.5")
    assert isinstance(leaver, EmploymentEnded)
    assert leaver.in_probation
    assert leaver.tenure_days is None
