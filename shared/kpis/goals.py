"""SMART goals: what is to be reached, how far it has come, and whether it can be reached.

A goal is Specific (a KPI of the catalogue, or a slice of it), Measurable (a target in the KPI's
unit and a direction), Attainable (the target lies inside the forecast's interval), Relevant (an
owner, and the objective it serves) and Time-bound (a baseline day and a due day, both included).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from shared.kpis.compose import can_be_combined
from shared.kpis.definitions import Kpi
from shared.kpis.forecast import Forecast
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Aggregation, Axis, Direction

__all__ = [
    "Attainable",
    "Pacing",
    "Reading",
    "Target",
    "Verdict",
    "attainable",
    "expected_by",
    "goal_period",
    "pace",
    "progress",
    "reading_of",
    "verdict",
]


class Reading(StrEnum):
    """How a KPI is read for a goal."""

    SUM = "sum"  # what the goal's days have brought so far; it starts from 0
    RATE = "rate"  # numerator and denominator of the goal's days so far, divided last
    LEVEL = "level"  # the last seven days, or the level at their end


class Attainable(StrEnum):
    """Whether a target lies inside the interval of the forecast for the due day."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Pacing(StrEnum):
    """What should have been reached by now is a part of the way: of which kind."""

    WEEKDAYS = "weekdays"  # each day counts by what its weekday usually brings
    STRAIGHT_LINE = "straight_line"


class Verdict(StrEnum):
    """How a goal stands."""

    ON_TRACK = "on_track"  # the forecast reaches the target
    AT_RISK = "at_risk"  # it does not, but its interval does
    OFF_TRACK = "off_track"  # not even the interval does
    REACHED = "reached"  # the due day is over, and the target was reached
    MISSED = "missed"  # the due day is over, and it was not
    UNKNOWN = "unknown"  # too little history, or no value


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: at least this (up), or at most this (down)."""

    value: Fraction
    direction: Direction

    def __post_init__(self) -> None:
        if self.direction is Direction.NEUTRAL:
            raise ValueError("a goal says which way it goes")

    def is_reached_by(self, value: Fraction) -> bool:
        """Tell whether a value is at the target or beyond it."""
        return value >= self.value if self.direction is Direction.UP else value <= self.value


def reading_of(kpi: Kpi) -> Reading:
    """Return how a KPI is read; raises `AnsweredByStatement` for one that has no number."""
    if not can_be_combined(kpi, over=Axis.TIME):
        return Reading.LEVEL
    return Reading.RATE if kpi.aggregation is Aggregation.RATIO else Reading.SUM


def goal_period(baseline_on: date, due_on: date) -> Period:
    """Return the days of a goal; the due day is its last."""
    return Period(baseline_on, due_on + timedelta(days=1))


def progress(value: Fraction, baseline: Fraction, target: Fraction) -> Fraction | None:
    """Return how much of the way from the baseline is done, in percent; None when there is none."""
    return 100 * (value - baseline) / (target - baseline) if target != baseline else None


def expected_by(
    until: date,
    period: Period,
    *,
    baseline: Fraction,
    target: Fraction,
    weights: tuple[Fraction, ...] | None = None,
) -> Fraction:
    """Return where a goal on its way should be after the days before ``until``.

    ``weights`` are what the seven days from ``until`` on bring of a week; without them every day
    brings the same.
    """
    done, total = pace(until, period, weights)
    # Days that never bring anything are not expected to.
    part = done / total if total else Fraction(0)
    return baseline + (target - baseline) * part


def pace(
    until: date, period: Period, weights: tuple[Fraction, ...] | None = None
) -> tuple[Fraction, Fraction]:
    """Return how many usual weeks of a goal are over before ``until``, and how many it has."""
    over = min(max(until, period.start), period.end)
    return (
        _share(period.start, over, until, weights),
        _share(period.start, period.end, until, weights),
    )


def _share(start: date, end: date, origin: date, weights: tuple[Fraction, ...] | None) -> Fraction:
    """Return how much of the usual falls on the days from ``start`` to ``end``, in weeks."""
    whole, odd = divmod((end - start).days, 7)
    if weights is None:
        return whole + Fraction(odd, 7)
    # Whole weeks later, the odd days are of the same weekdays.
    first = (start - origin).days
    return whole + sum((weights[(first + day) % 7] for day in range(odd)), Fraction(0))


def attainable(target: Target, forecast: Forecast | None) -> Attainable:
    """Tell whether the target lies inside the interval; unknown without a forecast."""
    if forecast is None:
        return Attainable.UNKNOWN
    return Attainable.YES if forecast.holds(target.value) else Attainable.NO


def verdict(
    target: Target, *, actual: Fraction | None, forecast: Forecast | None, is_over: bool
) -> Verdict:
    """Return how a goal stands; ``actual`` is what counts once its due day is over."""
    if is_over:
        if actual is None:
            return Verdict.UNKNOWN
        return Verdict.REACHED if target.is_reached_by(actual) else Verdict.MISSED
    if forecast is None:
        return Verdict.UNKNOWN
    if target.is_reached_by(forecast.expected):
        return Verdict.ON_TRACK
    best = forecast.high if target.direction is Direction.UP else forecast.low
    return Verdict.AT_RISK if target.is_reached_by(best) else Verdict.OFF_TRACK
