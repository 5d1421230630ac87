"""Explain how a goal stands: what was read over which days, the arithmetic, and the forecast's."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final
from urllib.parse import urlencode

from services.api.answers import trust_of
from services.api.dependencies import Access
from services.api.freshness import Freshness, answer_day, freshness_of
from services.api.goals import explain_schemas as shapes
from services.api.goals.repository import GoalVersion
from services.api.goals.schemas import StatedGoal
from services.api.goals.standing import Read, Standing, standing_of
from services.api.model import exact
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.expressions import exact_text, rounded
from shared.kpis.forecast import LEVEL, Forecast, Trend
from shared.kpis.forecast_steps import (
    SOURCES,
    TRENDS,
    Step,
    equals,
    number,
    steps_of_forecast,
    steps_of_trend,
)
from shared.kpis.goals import pace, progress
from shared.kpis.vocabulary import Unit

__all__ = ["explain"]

_WEEK: Final = timedelta(days=7)


async def explain(access: Access, goal: GoalVersion) -> shapes.GoalExplanation:
    """Return how a goal's standing is computed, as of the time the transaction reads."""
    org, kpi = access.org, catalogue().kpis[goal.kpi]
    freshness = await freshness_of(access.connection, org.id)
    standing = await standing_of(access, kpi, goal, until=answer_day(org, freshness))
    trust = trust_of(freshness, org.zone)
    forecast = standing.forecast
    return shapes.GoalExplanation(
        **trust.model_dump(),
        goal=StatedGoal.model_validate(goal),
        formula=kpi.formula or "",
        kpi_version=kpi.version,
        currency=org.currency if kpi.unit is Unit.MONEY else None,
        until=standing.until,
        actual=_read(kpi, goal, standing.now, freshness),
        baseline=_read(kpi, goal, standing.before, freshness),
        steps=[_step(step) for step in _steps(goal, standing)],
        forecast=None if forecast is None else _forecast(forecast, standing.until),
    )


def _read(
    kpi: Kpi, goal: GoalVersion, read: Read | None, freshness: Freshness
) -> shapes.ReadOver | None:
    if read is None:
        return None
    # A published period answers as published, and a goal by what is known.
    known = {"as_of": freshness.known.day} if freshness.known else {"live": "true"}
    asked = {"from": read.over.start, "to": read.over.end, **goal.filters, **known}
    return shapes.ReadOver(
        from_=read.over.start,
        to=read.over.end,
        value=exact(read.value.exact),
        null_reason=read.value.null_reason,
        arithmetic=read.value.arithmetic,
        facts=f"/v1/kpis/{kpi.id}/explain?{urlencode(asked, doseq=True)}",
    )


def _steps(goal: GoalVersion, standing: Standing) -> Iterator[Step]:
    """Yield what is computed of the target, as far as there is something to compute it from."""
    target, actual, baseline = goal.aim.value, standing.actual, standing.baseline
    way = None if baseline is None else f"({number(target)} - {number(baseline)})"
    if actual is not None and baseline is not None:
        done = progress(actual, baseline, target)
        if done is not None:
            text = f"100 × ({number(actual)} - {number(baseline)}) / {way}"
            yield Step("progress", done, equals(text, done))
    if actual is not None and target:
        part = 100 * actual / target
        text = f"100 × {number(actual)} / {number(target)}"
        yield Step("of_target", part, equals(text, part))
    if standing.expected_by_now is not None and baseline is not None:
        over, whole = map(number, pace(standing.until, goal.period, standing.weights))
        text = f"{number(baseline)} + {way} × {over} / {whole} weeks"
        expected = standing.expected_by_now
        yield Step("expected_by_now", expected, equals(text, expected))


def _forecast(forecast: Forecast, until: date) -> shapes.ExplainedForecast:
    trends = dict(zip(TRENDS[forecast.method], forecast.working.trends, strict=True))
    return shapes.ExplainedForecast(
        method=forecast.method,
        source=SOURCES[forecast.method],
        level=rounded(LEVEL, 1),
        series=[
            shapes.ForecastSeries(
                of=name,
                weeks=_weeks(trend, until),
                steps=[_step(step) for step in steps_of_trend(forecast, name)],
            )
            for name, trend in trends.items()
        ],
        steps=[_step(step) for step in steps_of_forecast(forecast)],
    )


def _weeks(trend: Trend, until: date) -> list[shapes.Week]:
    first = until - len(trend.values) * _WEEK
    return [
        shapes.Week(from_=first + n * _WEEK, to=first + (n + 1) * _WEEK, value=_exact(value))
        for n, value in enumerate(trend.values)
    ]


def _step(step: Step) -> shapes.Step:
    return shapes.Step(name=step.name, value=_exact(step.value), arithmetic=step.arithmetic)


def _exact(value: Fraction) -> Decimal:
    return Decimal(exact_text(value))
