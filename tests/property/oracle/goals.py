"""How a goal stands, from the guide to goals: actual value, way, pace, forecast and verdict.

Days before ``until`` are known. A *sum* is what the goal's days brought, from 0; a *rate* their
numerators over their denominators, from that of the four weeks before; a *level* that of the last
seven days, from that of the week before. Before a goal begins, "before" is before today.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from itertools import dropwhile, takewhile
from typing import NamedTuple

from tests.property.oracle.answers import Answer, Span, answers
from tests.property.oracle.contributions import Contribution
from tests.property.oracle.forecasts import Coming, Projected, of_level, of_rate, of_sum, weekdays
from tests.property.oracle.formulas import Definition, Outcome, definitions, value_of
from tests.property.oracle.ledger import History
from tests.property.oracle.measured import absent
from tests.property.oracle.whole import Whole

__all__ = ["READINGS", "Goal", "Standing", "standing"]

_WEEK = timedelta(days=7)
_HISTORY = 26
#: How each KPI that goals are drawn of is read.
READINGS = {
    "clicks": "sum",
    "impressions_advocacy": "sum",
    "shares": "sum",
    "program_cost": "sum",
    "engagement_rate": "rate",
    "ctr": "rate",
    "cost_per_reached": "rate",
    "followers": "level",
    "enrolled_employees": "level",
    "enrollment_rate": "level",
    "sharers_any": "level",
}


class Goal(NamedTuple):
    """What is to be reached, from the baseline day to the due day, both included."""

    kpi: str
    target: Fraction
    direction: str
    baseline_on: date
    due_on: date
    where: Mapping[str, str]

    @property
    def end(self) -> date:
        """Return the day after the due day."""
        return self.due_on + timedelta(days=1)

    def is_reached_by(self, value: Fraction) -> bool:
        """Tell whether a value is at the target or beyond it."""
        return value >= self.target if self.direction == "up" else value <= self.target


class Standing(NamedTuple):
    """How a goal stands; None where there is no value."""

    until: date
    actual: Outcome
    baseline: Fraction | None
    progress: Fraction | None
    of_target: Fraction | None
    expected_by_now: Fraction | None
    pacing: str
    forecast: Projected | None

    def verdict(self, goal: Goal, *, is_over: bool) -> str:
        """Return in a word how it stands."""
        if is_over:
            reached = None if self.actual.value is None else goal.is_reached_by(self.actual.value)
            return {None: "unknown", True: "reached", False: "missed"}[reached]
        if self.forecast is None:
            return "unknown"
        if goal.is_reached_by(self.forecast.expected):
            return "on_track"
        return "at_risk" if any(map(goal.is_reached_by, self.forecast.ends)) else "off_track"


@dataclass(frozen=True)
class _Figures:
    """One KPI of one part of the facts, over any days."""

    oracle: Whole
    kpi: Definition
    where: Mapping[str, str]
    spans: dict[Span, Mapping[str, Answer]] = field(default_factory=dict)

    def _is_asked(self, told: object) -> bool:
        return all(getattr(told, name) == value for name, value in self.where.items())

    @cached_property
    def _told(self) -> list[Contribution]:
        return [part for part in self.oracle.told if self._is_asked(part.where)]

    @cached_property
    def _history(self) -> History:
        history = self.oracle.history
        return replace(history, facts=[fact for fact in history.facts if self._is_asked(fact)])

    @cached_property
    def _days(self) -> Mapping[str, Mapping[date, Fraction]]:
        found: dict[str, dict[date, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        for part in self._told:
            found[part.measure][part.day] += part.quantity
        return found

    def _read(self, span: Span, measure: str) -> Fraction | None:
        if measure in self.oracle.held:
            days = self._days[measure].items()
            return sum((total for day, total in days if span.holds(day)), Fraction(0))
        if span not in self.spans:
            self.spans[span] = answers(self._history, self._told, span)
        groups = self.spans[span].get(measure)
        return None if groups is None else groups.get("", absent(measure))

    def over(self, start: date, end: date) -> Outcome:
        """Return the value over the days of [start, end), percents as percents."""
        found = value_of(self.kpi, Span(start, end), self.oracle.stated, self._read)
        is_part = self.kpi.unit == "percent" and found.value is not None
        return Outcome(found.value * 100) if is_part and found.value is not None else found

    def sides(self, start: date, end: date) -> tuple[Fraction, Fraction] | None:
        """Return what is divided by what; None if either is missing."""
        sides = (self.kpi.formula or "").split(" / ")
        kpis = [self.kpi._replace(formula=side, unit="count") for side in sides]
        above, below = (
            value_of(kpi, Span(start, end), self.oracle.stated, self._read).value for kpi in kpis
        )
        if above is None or below is None:
            return None
        return (above * 100 if self.kpi.unit == "percent" else above), below


def standing(oracle: Whole, goal: Goal, today: date) -> Standing:
    """Return how a goal stands; once its due day is over, later days do not count."""
    until = min(today, goal.end)
    figures = _Figures(oracle, definitions()[goal.kpi], goal.where)
    reading = READINGS[goal.kpi]
    of_kind = {"sum": _sum, "rate": _rate, "level": _level}[reading]
    actual, baseline, usual, forecast = of_kind(figures, goal, until)
    way = None if baseline is None else goal.target - baseline
    expected = None
    if baseline is not None and way is not None and until > goal.baseline_on:
        expected = baseline + way * _part(goal, until, usual)
    done = None
    if actual.value is not None and baseline is not None and way:
        done = (actual.value - baseline) / way * 100
    return Standing(
        until=until,
        actual=actual,
        baseline=baseline,
        progress=done,
        of_target=actual.value / goal.target * 100 if actual.value is not None else None,
        expected_by_now=expected,
        pacing="weekdays" if usual else "straight_line",
        forecast=None if until >= goal.end else forecast,
    )


_Read = tuple[Outcome, Fraction | None, Sequence[Fraction] | None, Projected | None]


def _so_far(figures: _Figures, goal: Goal, until: date) -> Outcome:
    if until <= goal.baseline_on:
        return Outcome(None, "not_started")
    return figures.over(goal.baseline_on, until)


def _coming(goal: Goal, until: date) -> Coming:
    days = (goal.end - max(until, goal.baseline_on)).days
    return Coming(days, max((goal.baseline_on - until).days, 0))


def _last_days(until: date) -> list[date]:
    return [until - timedelta(days=n) for n in range(7 * _HISTORY, 0, -1)]


def _sum(figures: _Figures, goal: Goal, until: date) -> _Read:
    actual = _so_far(figures, goal, until)
    days = _from_first_fact(
        figures.over(day, day + timedelta(days=1)).value for day in _last_days(until)
    )
    began = until > goal.baseline_on
    so_far = actual.value if began else Fraction(0)
    forecast = None if so_far is None else of_sum(days, so_far, _coming(goal, until))
    return actual, Fraction(0), weekdays(days), forecast


def _rate(figures: _Figures, goal: Goal, until: date) -> _Read:
    actual = _so_far(figures, goal, until)
    began_on = min(goal.baseline_on, until)
    baseline = figures.over(began_on - 4 * _WEEK, began_on).value
    sides = [figures.sides(day, day + timedelta(days=1)) for day in _last_days(until)]
    below = _from_first_fact(None if pair is None else pair[1] for pair in sides)
    above = [pair[0] for pair in sides[len(sides) - len(below) :] if pair is not None]
    began = until > goal.baseline_on
    nothing = (Fraction(0), Fraction(0))
    so_far = figures.sides(goal.baseline_on, until) if began else nothing
    forecast = (
        None
        if so_far is None
        else of_rate(above, below, so_far, _coming(goal, until), _whole_of(goal))
    )
    return actual, baseline, None, forecast


def _level(figures: _Figures, goal: Goal, until: date) -> _Read:
    ends = [until - _WEEK * back for back in range(_HISTORY, -1, -1)]
    weekly = [figures.over(end - _WEEK, end) for end in ends]
    began_on = min(goal.baseline_on, until)
    baseline = figures.over(began_on - _WEEK, began_on).value
    readings = _from_first_fact(one.value for one in weekly)
    return weekly[-1], baseline, None, of_level(readings, (goal.end - until).days, _whole_of(goal))


def _whole_of(goal: Goal) -> Fraction | None:
    return Fraction(100) if definitions()[goal.kpi].is_part else None


def _from_first_fact(values: Iterable[Fraction | None]) -> list[Fraction]:
    """Leave out everything up to the last gap, and the nothing before anything happened."""
    latest_first = takewhile(lambda value: value is not None, reversed(list(values)))
    known = [value for value in latest_first if value is not None]
    return list(dropwhile(lambda value: value == 0, reversed(known)))


def _part(goal: Goal, until: date, usual: Sequence[Fraction] | None) -> Fraction:
    """Return the part of the way that should be done, each day counting as it usually does."""
    days = [goal.baseline_on + timedelta(days=n) for n in range((goal.end - goal.baseline_on).days)]
    weights = {
        day: usual[(day - until).days % 7] if usual is not None else Fraction(1) for day in days
    }
    total = sum(weights.values(), Fraction(0))
    done = sum((weight for day, weight in weights.items() if day < until), Fraction(0))
    return done / total if total else Fraction(0)
