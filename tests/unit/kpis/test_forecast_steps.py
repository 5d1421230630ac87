"""The arithmetic of a forecast, as it is shown, comes to the forecast."""

import math
import re
from fractions import Fraction

import pytest

from shared.kpis.forecast import (
    Forecast,
    Method,
    Span,
    forecast_level,
    forecast_rate,
    forecast_sum,
)
from shared.kpis.forecast_steps import (
    SOURCES,
    TRENDS,
    Step,
    equals,
    number,
    steps_of_forecast,
    steps_of_trend,
)

ZERO = Fraction(0)
WEEKS = (7, 12, 9, 11, 16, 14, 21, 18, 16, 25, 22, 27, 31)


def days(*weeks: int) -> list[Fraction]:
    """Return daily values of weeks: two thirds on their first day, the rest on their third."""
    parts = {0: Fraction(2, 3), 2: Fraction(1, 3)}
    return [week * parts.get(day, ZERO) for week in weeks for day in range(7)]


def known(forecast: Forecast | None) -> Forecast:
    assert forecast is not None
    return forecast


def recomputed(step: Step) -> float:
    """Return what a reader with a calculator gets of the left side of a step."""
    text = re.split(" [=≈] ", step.arithmetic)[0]
    text = re.sub(r"√([0-9.]+)", r"math.sqrt(\1)", text)
    text = text.replace("×", "*").replace("²", "**2")
    assert re.fullmatch(r"[-+*/(). ,0-9a-z]+", text), text
    return float(eval(text, {"math": math, "max": max, "min": min}))


_LINE = known(forecast_sum(days(*WEEKS), Fraction(100), Span(days=45, skipped=3)))
_TOGETHER = known(forecast_sum(days(0, 0, 0, 3, 1, 2, 2, 1, 3, 0, 0, 0), ZERO, Span(days=28)))
_FALLING = known(forecast_sum(days(*(35 - week for week in WEEKS)), Fraction(5), Span(days=60)))
_GONE = known(forecast_sum(days(*[0] * 12, 1), ZERO, Span(days=7)))
_TAKEN_BACK = known(forecast_sum(days(*(9 - week for week in WEEKS)), ZERO, Span(days=10)))
_RATE = known(
    forecast_rate(
        days(*(week % 5 for week in WEEKS)), days(*WEEKS), (ZERO, Fraction(40)), Span(days=30)
    )
)
_LEVEL = known(forecast_level([Fraction(sum(WEEKS[:n])) for n in range(14)], 20))
_SWINGING = known(forecast_level([Fraction(40 + 9 * (n % 2) + n % 3) for n in range(14)], 20))
_PART = known(
    forecast_level([Fraction(72 + 2 * n + n // 2 % 2) for n in range(13)], 20, Fraction(100))
)
FORECASTS = {
    "line": _LINE,
    "weeks that go together": _TOGETHER,
    "falling": _FALLING,
    "hardly any": _GONE,
    "below zero": _TAKEN_BACK,
    "rate": _RATE,
    "level": _LEVEL,
    "level about a mean": _SWINGING,
    "part of a whole": _PART,
}
#: What is told in words, and where there is nothing to compute.
_IN_WORDS = {"length", "center", "together", "growth", "taken_back"}


@pytest.mark.parametrize("name", FORECASTS)
def test_every_step_can_be_recomputed(name: str) -> None:
    forecast = FORECASTS[name]
    steps = [*steps_of_forecast(forecast)]
    for series in TRENDS[forecast.method]:
        steps += steps_of_trend(forecast, series)

    computed = [step for step in steps if re.search(" [=≈] ", step.arithmetic)]

    assert {step.name for step in steps if step not in computed} <= _IN_WORDS
    for step in computed:
        assert recomputed(step) == pytest.approx(float(step.value), rel=1e-6, abs=1e-6), step
        shown = Fraction(re.split(" [=≈] ", step.arithmetic)[1])
        assert (" = " in step.arithmetic) == (shown == step.value)


@pytest.mark.parametrize("name", FORECASTS)
def test_the_last_steps_are_the_forecast(name: str) -> None:
    forecast = FORECASTS[name]

    made = {step.name: step.value for step in steps_of_forecast(forecast)}

    ends = {"expected": forecast.expected, "low": forecast.low, "high": forecast.high}
    assert made == ends


def test_an_end_that_is_impossible_says_what_it_was_raised_to() -> None:
    steps = {step.name: step.arithmetic for step in steps_of_forecast(_FALLING)}

    assert steps["low"].startswith("max(")
    assert steps["low"].endswith(", 5) = 5")
    assert "max" not in steps["high"]


def test_an_end_beyond_the_whole_says_what_it_was_lowered_to() -> None:
    steps = {step.name: step.arithmetic for step in steps_of_forecast(_PART)}

    assert steps["high"].startswith("min(")
    assert steps["high"].endswith(", 100) = 100")
    assert "min" not in steps["low"]


def test_an_end_that_is_possible_was_not_raised() -> None:
    nothing = known(forecast_sum(days(*[0] * 12), ZERO, Span(days=7)))
    rate = known(
        forecast_rate(
            days(*(50 + week % 5 for week in WEEKS)),
            days(*(100 + week for week in WEEKS)),
            (ZERO, Fraction(40)),
            Span(days=30),
        )
    )

    assert [step.arithmetic for step in steps_of_forecast(nothing)] == [
        "0 + 0 = 0",
        "0 - 0 = 0",
        "0 + 0 = 0",
    ]
    assert rate.low > 0
    assert not [step for step in steps_of_forecast(rate) if "max" in step.arithmetic]


def test_each_step_has_the_name_it_goes_by_in_the_next_ones() -> None:
    line = [
        *("mean", "slope", "length", "center", "expected", "noise"),
        *("together", "growth", "variance", "half_width"),
    ]

    assert [step.name for step in steps_of_trend(_LINE, "value")] == line
    assert [step.name for step in steps_of_trend(_LEVEL, "change")] == [
        *("mean", "length", "expected", "noise"),
        *("together", "taken_back", "variance", "half_width"),
    ]


@pytest.mark.parametrize("name", FORECASTS)
def test_every_step_is_the_quantity_it_names(name: str) -> None:
    forecast = FORECASTS[name]

    for series, trend in zip(TRENDS[forecast.method], forecast.working.trends, strict=True):
        for step in steps_of_trend(forecast, series):
            quantity = "spread" if step.name == "half_width" else step.name
            assert step.value == getattr(trend, quantity), (series, step.name)


def test_a_drift_comes_the_same_every_week() -> None:
    # Up by 1 and by 3 in turn: 2 a week, for two weeks.
    readings = [Fraction(10 + sum([1, 3][week % 2] for week in range(n))) for n in range(13)]

    steps = steps_of_trend(known(forecast_level(readings, 14)), "change")

    told = {step.name: step.arithmetic for step in steps}
    assert told["expected"] == "2 × 2 = 4"
    assert told["length"] == "weeks to come; odd days count by what they usually bring"


def test_the_deviations_of_a_rate_grow_as_its_denominator() -> None:
    series = {
        name: {step.name: step for step in steps_of_trend(_RATE, name)}
        for name in TRENDS[Method.RATE_OF_SUMS]
    }

    assert series["deviation"]["growth"] == series["denominator"]["growth"]
    assert series["deviation"]["growth"].value > 1
    assert series["numerator"]["growth"] != series["denominator"]["growth"]


def test_changes_that_take_each_other_back_say_so() -> None:
    (swinging,) = [s for s in steps_of_trend(_SWINGING, "change") if s.name == "taken_back"]
    (lasting,) = [s for s in steps_of_trend(_LEVEL, "change") if s.name == "taken_back"]

    assert swinging.value == Fraction(-1, 2)
    assert swinging.arithmetic.startswith("the correlation")
    assert lasting.value == 0
    assert lasting.arithmetic.startswith("0, as")


def test_weeks_that_go_together_say_how_much() -> None:
    (together,) = [s for s in steps_of_trend(_TOGETHER, "value") if s.name == "together"]
    (apart,) = [s for s in steps_of_trend(_LINE, "value") if s.name == "together"]

    # Neighbors' residuals of twelve weeks have the correlation 1/16: (1/16 + 2/12) / (7/12).
    assert together.arithmetic == "(1 + 0.392857143) / (1 - 0.392857143) ≈ 2.294117647"
    assert apart.value == 1
    assert apart.arithmetic.startswith("1, as")


def test_every_method_names_its_source() -> None:
    assert set(SOURCES) == set(TRENDS) == set(Method)
    assert all(re.search(r"\d", source) for source in SOURCES.values())


def test_numbers_are_short_and_say_when_they_are_cut() -> None:
    assert number(Fraction(1, 3)) == "0.333333333"
    assert number(Fraction(-5, 2)) == "(-2.5)"
    assert equals("1 / 3", Fraction(1, 3)) == "1 / 3 ≈ 0.333333333"
    assert equals("1 / 4", Fraction(1, 4)) == "1 / 4 = 0.25"
