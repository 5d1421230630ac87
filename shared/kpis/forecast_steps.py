"""The arithmetic of a forecast, step by step, so that it can be checked with pencil and paper.

Numbers are written with at most nine fraction digits; the values of the steps are exact. The steps
are those of :mod:`shared.kpis.forecast`: what its formula calls h is the step ``length``, c is
``center``, s² is ``noise``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from shared.kpis.expressions import exact_text
from shared.kpis.forecast import Forecast, Method, Trend

__all__ = ["SOURCES", "TRENDS", "Step", "equals", "number", "steps_of_forecast", "steps_of_trend"]

_DIGITS = 9

TRENDS: Mapping[Method, tuple[str, ...]] = MappingProxyType(
    {
        Method.WEEKLY_LINE: ("value",),
        Method.WEEKLY_DRIFT: ("change",),
        Method.RATE_OF_SUMS: ("numerator", "denominator", "deviation"),
    }
)
"""What the series of each method are, in the order of `Working.trends`."""

_LINE = "prediction interval of a sum around a line: Draper & Smith, Applied Regression Analysis"
_WIDENED = (
    "widened by n weeks that go together (Bayley & Hammersley 1946) and by growth (McCullagh & "
    "Nelder, Generalized Linear Models, ch. 6)"
)
SOURCES: Mapping[Method, str] = MappingProxyType(
    {
        Method.WEEKLY_LINE: f"{_LINE}, ch. 3; {_WIDENED}",
        Method.WEEKLY_DRIFT: "random walk with drift: Hyndman & Athanasopoulos, Forecasting, 3rd "
        "ed., 5.2 and 5.5; widened by n weeks that go together (Bayley & Hammersley 1946)",
        Method.RATE_OF_SUMS: f"ratio estimator: Cochran, Sampling Techniques, ch. 6; {_LINE}"
        f", ch. 3; {_WIDENED}",
    }
)
"""Where the formula of each method comes from."""


@dataclass(frozen=True, slots=True)
class Step:
    """A quantity of a computation: its name, its exact value, and how it came to be."""

    name: str
    value: Fraction
    arithmetic: str


def number(value: Fraction) -> str:
    """Write a number with at most nine fraction digits; in parentheses below zero."""
    text = exact_text(value, digits=_DIGITS)
    return f"({text})" if text.startswith("-") else text


def equals(text: str, value: Fraction) -> str:
    """Write a computation and what it comes to: `100 / 24 ≈ 4.166666667`."""
    shown = exact_text(value, digits=_DIGITS)
    return f"{text} {'=' if Fraction(shown) == value else '≈'} {shown}"


def steps_of_trend(forecast: Forecast, name: str) -> Iterator[Step]:
    """Yield how a series is carried on: what is expected of it, and half its interval's width.

    ``name`` is one of the method's `TRENDS`.
    """
    method, trends = forecast.method, forecast.working.trends
    trend = trends[TRENDS[method].index(name)]
    # Deviations grow as the denominator that they are told about.
    grown = trends[1] if name == "deviation" else trend
    count = len(trend.values)
    added = " + ".join(number(value) for value in trend.values)
    yield _step("mean", trend.mean, f"({added}) / {count}")
    is_line = method is not Method.WEEKLY_DRIFT
    middle = Fraction(count - 1, 2)
    if is_line:
        terms = (f"{number(i - middle)} × {number(y)}" for i, y in enumerate(trend.values))
        yield _step("slope", trend.slope, f"({' + '.join(terms)}) / {number(trend.scale)}")
    h, c, mean, slope = map(number, (trend.length, trend.center, trend.mean, trend.slope))
    yield Step("length", trend.length, "weeks to come; odd days count by what they usually bring")
    if is_line:
        yield Step(
            "center", trend.center, "weeks from the middle of these to that of the coming ones"
        )
    coming = f"{h} × ({mean} + {slope} × {c})" if is_line else f"{h} × {mean}"
    yield _step("expected", trend.expected, coming)
    off = [y - trend.mean - trend.slope * (i - middle) for i, y in enumerate(trend.values)]
    squares = " + ".join(f"{number(value)}²" for value in off)
    yield _step("noise", trend.noise, f"({squares}) / {trend.degrees}")
    yield _together(trend)
    yield _growth(grown) if is_line else _back(trend)
    yield _step("variance", trend.variance, _variance(trend, is_line=is_line))
    root = f"{number(trend.student)} × √{number(trend.variance)}"
    yield _step("half_width", trend.spread, root)


def _together(trend: Trend) -> Step:
    if trend.together == 1:
        return Step("together", trend.together, "1, as good weeks do not follow good weeks here")
    correlation = number((trend.together - 1) / (trend.together + 1))
    return _step("together", trend.together, f"(1 + {correlation}) / (1 - {correlation})")


def _back(trend: Trend) -> Step:
    words = (
        "the correlation of neighboring changes, which take each other back"
        if trend.taken_back
        else "0, as changes do not take each other back here"
    )
    return Step("taken_back", trend.taken_back, words)


def _growth(trend: Trend) -> Step:
    if trend.mean <= 0:
        return Step("growth", trend.growth, "1, as there is nothing to grow from")
    mean, slope, c = map(number, (trend.mean, trend.slope, trend.center))
    return _step("growth", trend.growth, f"max(({mean} + {slope} × {c}) / {mean}, 1)")


def _variance(trend: Trend, *, is_line: bool) -> str:
    noise, together, h = map(number, (trend.noise, trend.together, trend.length))
    count = len(trend.values)
    if not is_line:
        apart = f"{h} + {h}² / {count}"
        if not trend.taken_back:
            return f"{noise} × {together} × ({apart})"
        later = number(max(trend.length - 1, Fraction(0)))
        neighbors = f"{later} + {h}² × {count - 1} / {count}² - {h} / {count}"
        return f"{noise} × ({apart} + 2 × {number(trend.taken_back)} × ({neighbors}))"
    growth, c, scale = map(number, (trend.growth, trend.center, trend.scale))
    inner = f"{h} × {growth} + {h}² / {count} + ({h} × {c})² / {scale}"
    return f"{noise} × {together} × ({inner})"


def steps_of_forecast(forecast: Forecast) -> Iterator[Step]:
    """Yield how the trends and what there is already make the forecast and its ends."""
    working = forecast.working
    if forecast.method is Method.RATE_OF_SUMS:
        expected, spread, coming, doubt = _quotient(working.start, working.trends)
    else:
        (trend,), (start,) = working.trends, working.start
        expected, spread = start + trend.expected, trend.spread
        coming, doubt = f"{number(start)} + {number(trend.expected)}", number(spread)
    least, most = working.least, working.most
    for name, value, unbounded, computed in (
        ("expected", forecast.expected, expected, coming),
        ("low", forecast.low, expected - spread, f"{number(expected)} - {doubt}"),
        ("high", forecast.high, expected + spread, f"{number(expected)} + {doubt}"),
    ):
        text = computed
        if least is not None and unbounded < least:
            text = f"max({computed}, {number(least)})"
        elif most is not None and unbounded > most:
            text = f"min({computed}, {number(most)})"
        yield _step(name, value, text)


def _quotient(
    start: Sequence[Fraction], trends: Sequence[Trend]
) -> tuple[Fraction, Fraction, str, str]:
    top, bottom, off = trends
    coming = max(bottom.expected, Fraction(0))
    whole = start[1] + coming
    above = f"({number(start[0])} + {number(top.expected)})"
    text = f"{above} / ({number(start[1])} + {number(coming)})"
    doubt = f"{number(off.spread)} / {number(whole)}"
    return (start[0] + top.expected) / whole, off.spread / whole, text, doubt


def _step(name: str, value: Fraction, text: str) -> Step:
    return Step(name, value, equals(text, value))
