"""How a goal stands: its KPI read as it is known, its pace, and the forecast for its due day.

Days before ``until`` are known; the goal's own days among them make the actual value. Everything is
read in the caller's transaction, so the parts belong together, whatever is folded meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import dropwhile, takewhile
from typing import Final

from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis
from services.api.goals.repository import GoalVersion
from shared.kpis.compose import KpiValue
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.expressions import Binary, names
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
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.periods import Interval, Period, buckets
from shared.kpis.vocabulary import Unit

__all__ = ["NOT_STARTED", "Read", "Standing", "standing_of"]

NOT_STARTED: Final = "not_started"

_WEEK: Final = timedelta(days=7)
_HISTORY: Final = MOST_WEEKS * _WEEK
# A rate before the goal began is that of the four weeks before it.
_BEFORE: Final = 4 * _WEEK


@dataclass(frozen=True, slots=True)
class Read:
    """A KPI as it was read over some days."""

    over: Period
    value: KpiValue


@dataclass(frozen=True, slots=True)
class Standing:
    """How a goal stands after the days before ``until``; None where there is no value.

    ``now`` is what its days brought, None before they begin; ``before`` is where it started, None
    for a sum, which starts from 0. ``weights`` are those of a sum's pace.
    """

    until: date
    reading: Reading
    now: Read | None
    before: Read | None
    expected_by_now: Fraction | None
    weights: tuple[Fraction, ...] | None
    forecast: Forecast | None

    @property
    def actual(self) -> Fraction | None:
        """Return what was reached."""
        return None if self.now is None else self.now.value.exact

    @property
    def null_reason(self) -> str | None:
        """Return why there is no actual value: ``not_started``, or the reason of the KPI."""
        return NOT_STARTED if self.now is None else self.now.value.null_reason

    @property
    def baseline(self) -> Fraction | None:
        """Return where the goal started."""
        return Fraction(0) if self.before is None else self.before.value.exact

    @property
    def pacing(self) -> Pacing:
        """Return on what kind of way the goal is expected to be."""
        return Pacing.STRAIGHT_LINE if self.weights is None else Pacing.WEEKDAYS


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

    async def one(self, period: Period) -> Read:
        """Return the KPI over one period."""
        (value,) = await self.over([period])
        return Read(period, value)


async def standing_of(access: Access, kpi: Kpi, goal: GoalVersion, *, until: date) -> Standing:
    """Read how a goal stands, as all may see it who may read goals: it is kept, and shown to them.

    Raises:
        Invalid: the KPI cannot be sliced so.
    """
    asked = Slice(None, {name: frozenset(values) for name, values in goal.filters.items()})
    reader = _Reader(_without_people(access), kpi, asked)
    # Once the due day is over, later days no longer count for the goal.
    until = min(until, goal.period.end)
    match reading_of(kpi):
        case Reading.LEVEL:
            return await _level(reader, goal, until)
        case Reading.RATE:
            return await _rate(reader, goal, until)
        case Reading.SUM:
            return await _sum(reader, goal, until)


def _without_people(access: Access) -> Access:
    scopes = access.caller.scopes - {"people:read"}
    return replace(access, caller=replace(access.caller, scopes=scopes))


async def _level(reader: _Reader, goal: GoalVersion, until: date) -> Standing:
    period = goal.period
    weeks = [
        Period(until - _WEEK * back, until - _WEEK * (back - 1))
        for back in range(MOST_WEEKS + 1, 0, -1)
    ]
    values = await reader.over(weeks)
    before = await reader.one(_days_before(goal, until, _WEEK))
    forecast = None
    if until < period.end:
        readings = _since_first(_last_known([value.exact for value in values]))
        forecast = forecast_level(readings, (period.end - until).days, _whole_of(reader.kpi))
    now = Read(weeks[-1], values[-1])
    return _standing(goal, until, Reading.LEVEL, now=now, before=before, forecast=forecast)


async def _sum(reader: _Reader, goal: GoalVersion, until: date) -> Standing:
    days = await _history(reader, until)
    now = await _so_far(reader, goal, until)
    history = _since_first(_last_known([day.exact for day in days]))
    so_far = Fraction(0) if now is None else now.value.exact
    forecast = None
    # Of what has come so far nothing may be known, though the last weeks are.
    if until < goal.period.end and so_far is not None:
        forecast = forecast_sum(history, so_far, _span(goal, until))
    weights = day_weights(history)
    return _standing(
        goal, until, Reading.SUM, now=now, before=None, forecast=forecast, weights=weights
    )


async def _rate(reader: _Reader, goal: GoalVersion, until: date) -> Standing:
    days = await _history(reader, until)
    now = await _so_far(reader, goal, until)
    before = await reader.one(_days_before(goal, until, _BEFORE))
    forecast = None
    if until < goal.period.end:
        forecast = _forecast_rate(reader.kpi, days, now, _span(goal, until))
    return _standing(goal, until, Reading.RATE, now=now, before=before, forecast=forecast)


def _forecast_rate(
    kpi: Kpi, days: Sequence[KpiValue], now: Read | None, span: Span
) -> Forecast | None:
    scale = 100 if kpi.unit is Unit.PERCENT else 1
    so_far = (Fraction(0), Fraction(0))
    if now is not None:
        if now.value.numerator is None or now.value.denominator is None:
            return None
        so_far = (scale * now.value.numerator, now.value.denominator)
    above = [scale * value for value in _last_known([day.numerator for day in days])]
    below = _last_known([day.denominator for day in days])
    count = min(len(above), len(below))
    above, below = above[len(above) - count :], below[len(below) - count :]
    # Days go on before anything happened: where they alone are divided by, they say nothing of it.
    told = _since_first(above if _is_of_calendar(kpi) else below)
    above, below = above[count - len(told) :], below[count - len(told) :]
    return forecast_rate(above, below, so_far, span, _whole_of(kpi))


def _whole_of(kpi: Kpi) -> Fraction | None:
    """Return what a part of a whole cannot be more than, in the KPI's own unit."""
    return Fraction(100) if kpi.is_part else None


def _is_of_calendar(kpi: Kpi) -> bool:
    """Tell whether a rate is one per day or week."""
    match catalogue().expanded[kpi.id]:
        case Binary(right=right):
            return all(
                name in MEASURES and MEASURES[name].kept is Kept.CALENDAR for name in names(right)
            )
    return False


async def _history(reader: _Reader, until: date) -> list[KpiValue]:
    return await reader.over(buckets(Period(until - _HISTORY, until), Interval.DAY))


async def _so_far(reader: _Reader, goal: GoalVersion, until: date) -> Read | None:
    start = goal.period.start
    return await reader.one(Period(start, until)) if until > start else None


def _days_before(goal: GoalVersion, until: date, length: timedelta) -> Period:
    """Return the days before a goal; before it begins, those that are over already."""
    began = min(goal.period.start, until)
    return Period(began - length, began)


def _span(goal: GoalVersion, until: date) -> Span:
    start, end = goal.period.start, goal.period.end
    return Span(days=(end - max(until, start)).days, skipped=max((start - until).days, 0))


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
    reading: Reading,
    *,
    now: Read | None,
    before: Read | None,
    forecast: Forecast | None,
    weights: tuple[Fraction, ...] | None = None,
) -> Standing:
    standing = Standing(until, reading, now, before, None, weights, forecast)
    if standing.baseline is None or until <= goal.baseline_on:
        return standing
    expected = expected_by(
        until,
        goal.period,
        baseline=standing.baseline,
        target=Fraction(goal.target),
        weights=weights,
    )
    return replace(standing, expected_by_now=expected)
