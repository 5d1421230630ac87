"""Goals: how far, how fast, and whether they can be reached."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from shared.kpis.compose import AnsweredByStatement
from shared.kpis.definitions import catalogue
from shared.kpis.forecast import Forecast, Method, Working
from shared.kpis.goals import (
    Attainable,
    Reading,
    Target,
    Verdict,
    attainable,
    expected_by,
    goal_period,
    progress,
    reading_of,
    verdict,
)
from shared.kpis.vocabulary import Direction

FORECAST = Forecast(
    Fraction(100),
    Fraction(90),
    Fraction(110),
    Method.WEEKLY_LINE,
    26,
    Working(start=(), trends=(), least=None, most=None),
)
MONDAY = date(2025, 6, 2)


def up(value: int) -> Target:
    return Target(Fraction(value), Direction.UP)


def down(value: int) -> Target:
    return Target(Fraction(value), Direction.DOWN)


@pytest.mark.parametrize(
    ("kpi", "reading"),
    [
        ("clicks", Reading.SUM),
        ("program_cost", Reading.SUM),
        ("emv_mixed", Reading.SUM),
        ("attributed_revenue_linear", Reading.SUM),
        ("engagement_rate", Reading.RATE),
        ("cost_per_lead", Reading.RATE),
        ("headcount", Reading.LEVEL),
        ("enrolled_employees", Reading.LEVEL),
        ("enrollment_rate", Reading.LEVEL),
        ("sharers_any", Reading.LEVEL),
        ("shares_per_advocate_week", Reading.LEVEL),
    ],
)
def test_how_a_kpi_is_read_follows_from_its_class(kpi: str, reading: Reading) -> None:
    assert reading_of(catalogue().kpis[kpi]) is reading


def test_a_statement_is_no_goal() -> None:
    with pytest.raises(AnsweredByStatement):
        reading_of(catalogue().kpis["roi_program"])


def test_the_due_day_is_the_last_that_counts() -> None:
    period = goal_period(MONDAY, MONDAY + timedelta(days=6))

    assert (period.start, period.days) == (MONDAY, 7)


def test_progress_is_the_part_of_the_way() -> None:
    assert progress(Fraction(25), Fraction(20), Fraction(30)) == 50
    assert progress(Fraction(18), Fraction(20), Fraction(10)) == 20
    assert progress(Fraction(15), Fraction(20), Fraction(30)) == -50
    assert progress(Fraction(5), Fraction(0), Fraction(4)) == 125
    assert progress(Fraction(20), Fraction(20), Fraction(20)) is None


def test_a_target_is_at_least_or_at_most() -> None:
    assert [up(10).is_reached_by(Fraction(v)) for v in (9, 10, 11)] == [False, True, True]
    assert [down(10).is_reached_by(Fraction(v)) for v in (9, 10, 11)] == [True, True, False]
    with pytest.raises(ValueError, match="which way"):
        Target(Fraction(1), Direction.NEUTRAL)


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, 20), (3, 20 + Fraction(3 * 40, 28)), (7, 30), (14, 40), (28, 60), (35, 60)],
)
def test_the_pace_is_a_straight_line(days: int, expected: int | Fraction) -> None:
    period = goal_period(MONDAY, MONDAY + timedelta(days=27))

    found = expected_by(
        MONDAY + timedelta(days=days), period, baseline=Fraction(20), target=Fraction(60)
    )

    assert found == expected


def test_before_the_goal_begins_nothing_is_expected_of_it() -> None:
    period = goal_period(MONDAY, MONDAY + timedelta(days=27))

    found = expected_by(
        MONDAY - timedelta(days=3), period, baseline=Fraction(20), target=Fraction(60)
    )

    assert found == 20


def test_days_count_by_what_they_usually_bring() -> None:
    # Of the seven days from Thursday on: Thursday and Friday bring a half each.
    thursday = MONDAY + timedelta(days=3)
    weights = (Fraction(1, 2), Fraction(1, 2), *[Fraction(0)] * 5)
    period = goal_period(MONDAY, MONDAY + timedelta(days=11))

    def pace(until: date, origin: tuple[Fraction, ...]) -> Fraction:
        return expected_by(until, period, baseline=Fraction(0), target=Fraction(40), weights=origin)

    # Two Thursdays and two Fridays: 10 each.
    assert pace(thursday, weights) == 0
    friday = (weights[1], *weights[2:], weights[0])
    assert pace(thursday + timedelta(days=1), friday) == 10
    saturday = (*weights[2:], *weights[:2])
    assert pace(thursday + timedelta(days=2), saturday) == 20


def test_a_part_of_the_way_in_whole_weeks_is_exact() -> None:
    period = goal_period(MONDAY, MONDAY + timedelta(days=20))

    def pace(weights: tuple[Fraction, ...] | None) -> Fraction:
        return expected_by(
            MONDAY + timedelta(days=7),
            period,
            baseline=Fraction(0),
            target=Fraction(1),
            weights=weights,
        )

    # One week of three: no binary fraction.
    assert pace(None) == Fraction(1, 3)
    assert pace((Fraction(1), *[Fraction(0)] * 6)) == Fraction(1, 3)


def test_days_that_never_bring_anything_are_not_expected_to() -> None:
    weekend = goal_period(MONDAY + timedelta(days=5), MONDAY + timedelta(days=6))
    weights = (*[Fraction(1, 5)] * 5, Fraction(0), Fraction(0))

    found = expected_by(
        MONDAY + timedelta(days=7),
        weekend,
        baseline=Fraction(0),
        target=Fraction(40),
        weights=weights,
    )

    assert found == 0


@pytest.mark.parametrize(
    ("target", "expected"),
    [(89, "no"), (90, "yes"), (100, "yes"), (110, "yes"), (111, "no")],
)
def test_attainable_is_inside_the_interval(target: int, expected: str) -> None:
    assert attainable(up(target), FORECAST) == expected
    assert attainable(down(target), FORECAST) == expected


def test_without_a_forecast_nobody_knows() -> None:
    assert attainable(up(100), None) is Attainable.UNKNOWN
    assert verdict(up(100), actual=Fraction(90), forecast=None, is_over=False) is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (up(100), Verdict.ON_TRACK),
        (up(101), Verdict.AT_RISK),
        (up(110), Verdict.AT_RISK),
        (up(111), Verdict.OFF_TRACK),
        (down(100), Verdict.ON_TRACK),
        (down(99), Verdict.AT_RISK),
        (down(90), Verdict.AT_RISK),
        (down(89), Verdict.OFF_TRACK),
    ],
)
def test_a_verdict_compares_the_target_with_the_forecast(target: Target, expected: Verdict) -> None:
    assert verdict(target, actual=Fraction(5), forecast=FORECAST, is_over=False) is expected


def test_once_the_due_day_is_over_only_what_came_counts() -> None:
    def said(actual: int | None) -> Verdict:
        value = None if actual is None else Fraction(actual)
        return verdict(up(100), actual=value, forecast=FORECAST, is_over=True)

    assert [said(100), said(99), said(None)] == [
        Verdict.REACHED,
        Verdict.MISSED,
        Verdict.UNKNOWN,
    ]
