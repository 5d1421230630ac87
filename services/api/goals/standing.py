"""How a goal stands: its KPI read as it is known, its pace, and the forecast for its due day.

Days before ``until`` are known; the goal's own days among them make the actual value. Everything is
read in the caller's transaction, so the parts belong together, whatever is folded meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from itertools import dropwhile, takewhile
from typing import Final

from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis
from services.api.goals.repository import GoalVersion
from shared.kpis.compose import KpiValue
from shared.kpis.definitions import Kpi
from shared.kpis.forecast import (
    MOST_WEEKS,
    Forecast,
    Span,
    day_weights,
    forecast_level,
    forecast_rate,
    forecast_sum,
)
from shared.kpis.goals import Pacing, Reading, expected_by, reading_of
from shared.kpis.periods import Interval, Period, buckets
from shared.kpis.vocabulary import Unit

__all__ = ["Standing", "standing_of"]

_WEEK: Final = timedelta(days=7)
_DAY: Final = timedelta(days=1)
_HISTORY: Final = MOST_WEEKS * _WEEK
# A rate before the goal began is that of the four weeks before it.
_BEFORE: Final = 4 * _WEEK


@dataclass(frozen=True, slots=True)
class Standing:
    """How a goal stands after the days before ``until``; None where there is no value.

    ``null_reason`` says why ``actual`` has none: ``not_started``, or the reason of the KPI.
    """

    until: date
    reading: Reading
    actual: Fraction | None
    baseline: Fraction | None
    expected_by_now: Fraction | None
    pacing: Pacing
    forecast: Forecast | None
    null_reason: str | None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one KPI of one slice."""

    access: Access
    kpi: Kpi
    asked: Slice

    async def over(self, parts: Iterable[Period]) -> list[KpiValue]:
        """Return the KPI over each of some periods that follow each other."""
        found = await evaluate_kpis(self.access, [self.kpi], tuple(parts), self.asked)
        return [valued.value for valued in found[self.kpi.id]]

    async def one(self, period: Period) -> KpiValue:
        """Return the KPI over one period."""
        (value,) = await self.over([period])
        return value


async def standing_of(access: Access, kpi: Kpi, goal: GoalVersion, *, until: date) -> Standing:
    """Read how a goal stands.

    Raises:
        Invalid: the KPI cannot be sliced so.
    """
    asked = Slice(None, {name: frozenset(values) for name, values in goal.filters.items()})
    reader = _Reader(access, kpi, asked)
    # Once the due day is over, later days no longer count for the goal.
    until = min(until, goal.period.end)
    if reading_of(kpi) is Reading.LEVEL:
        return await _level(reader, goal, until)
    return await _flow(reader, goal, until)


async def _level(reader: _Reader, goal: GoalVersion, until: date) -> Standing:
    period = goal.period
    weeks = [
        Period(until - _WEEK * back, until - _WEEK * (back - 1))
        for back in range(MOST_WEEKS + 1, 0, -1)
    ]
    values = await reader.over(weeks)
    now = values[-1]
    baseline = await reader.one(Period(period.start - _WEEK, period.start))
    readings = _since_first(_last_known([value.exact for value in values]))
    is_over = until >= period.end
    forecast = None if is_over else forecast_level(readings, (period.end - until).days)
    return _standing(
        goal,
        until,
        reading=Reading.LEVEL,
        actual=now,
        baseline=baseline.exact,
        forecast=forecast,
        weights=None,
    )


async def _flow(reader: _Reader, goal: GoalVersion, until: date) -> Standing:
    period, reading = goal.period, reading_of(reader.kpi)
    days = await reader.over(buckets(Period(until - _HISTORY, until), Interval.DAY))
    actual = await reader.one(Period(period.start, until)) if until > period.start else None
    span = Span(
        days=(period.end - max(until, period.start)).days,
        skipped=max((period.start - until).days, 0),
    )
    is_over = until >= period.end
    if reading is Reading.RATE:
        baseline = (await reader.one(Period(period.start - _BEFORE, period.start))).exact
        forecast = None if is_over else _rate(reader.kpi, days, actual, span)
        return _standing(
            goal,
            until,
            reading=reading,
            actual=actual,
            baseline=baseline,
            forecast=forecast,
            weights=None,
        )
    history = _since_first(_last_known([day.exact for day in days]))
    so_far = actual.exact if actual is not None and actual.exact is not None else Fraction(0)
    return _standing(
        goal,
        until,
        reading=reading,
        actual=actual,
        baseline=Fraction(0),
        forecast=None if is_over else forecast_sum(history, so_far, span),
        weights=day_weights(history),
    )


def _rate(
    kpi: Kpi, days: Sequence[KpiValue], actual: KpiValue | None, span: Span
) -> Forecast | None:
    below = _since_first(_last_known([day.denominator for day in days]))
    above = [day.numerator or Fraction(0) for day in days][len(days) - len(below) :]
    so_far = (Fraction(0), Fraction(0))
    if actual is not None:
        so_far = (actual.numerator or Fraction(0), actual.denominator or Fraction(0))
    scale = 100 if kpi.unit is Unit.PERCENT else 1
    return forecast_rate(
        [scale * value for value in above], below, (scale * so_far[0], so_far[1]), span
    )


def _last_known(values: Sequence[Fraction | None]) -> list[Fraction]:
    """Leave out what lies before the last gap: what is unknown, or may not be shown, is not 0."""
    known = list(takewhile(lambda value: value is not None, reversed(values)))
    return [value for value in reversed(known) if value is not None]


def _since_first(days: Sequence[Fraction]) -> list[Fraction]:
    """Leave out the days before anything happened: there was nothing to measure yet."""
    return list(dropwhile(lambda value: value == 0, days))


def _standing(
    goal: GoalVersion,
    until: date,
    *,
    reading: Reading,
    actual: KpiValue | None,
    baseline: Fraction | None,
    forecast: Forecast | None,
    weights: tuple[Fraction, ...] | None,
) -> Standing:
    value = None if actual is None else actual.exact
    expected = None
    if baseline is not None and until > goal.baseline_on:
        expected = expected_by(
            until,
            goal.period,
            baseline=baseline,
            target=Fraction(goal.target),
            weights=weights,
        )
    return Standing(
        until=until,
        reading=reading,
        actual=value,
        baseline=baseline,
        expected_by_now=expected,
        pacing=Pacing.STRAIGHT_LINE if weights is None else Pacing.WEEKDAYS,
        forecast=forecast,
        null_reason="not_started" if actual is None else actual.null_reason,
    )
