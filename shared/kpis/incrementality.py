"""Incrementality: what the program changed, by comparing teams that have it with those not yet.

Attribution divides credit among touches; it cannot tell what would have happened anyway. Where
teams join at different times, those that wait show it. For teams that start in week g and a later
week t, the effect is the change since week g - 1 less the same change of the teams that have not
started by t (Callaway, Sant'Anna 2021, J. Econometrics 225, 200-230, "not yet treated"). The
overall effect is the mean over treated team-weeks. A regression with team and week effects compares
late teams with early ones that are treated already, and is biased where effects grow with time
(Goodman-Bacon 2021, J. Econometrics 225, 254-277).

Two checks use weeks before the start only, where there is no effect to find. The *pre-trend* is the
slope of the difference towards the start; the *placebo* pretends that teams started some weeks
earlier. Passing them supports the comparison and does not prove it (Roth 2022, AER: Insights 4,
305-322).

Teams are the unit of chance: standard errors are the jackknife over teams (CV3; MacKinnon, Nielsen,
Webb 2023, J. Econometrics 232, 272-299). Intervals use t with the degrees of freedom that such an
error has: where two of thirty teams started it is made of those two, and far less sure than thirty
teams suggest (:mod:`shared.kpis.degrees`). All of it is deterministic. Results are floats: what
they measure is uncertain by far more than their rounding.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.kpis.comparisons import Comparison, Comparisons, Start, week_of
from shared.kpis.student import t_quantile, two_sided_p

__all__ = [
    "Estimate",
    "GroupTime",
    "Incrementality",
    "Panel",
    "PreTrend",
    "Shortage",
    "TooLittleData",
    "group_time_effects",
    "incrementality",
]

LEAST_TEAMS = 6
LEAST_WEEKS_BEFORE = 4
PLACEBO_WEEKS = 4
_PRE_TREND_LEVEL = 0.05
_Statistic = Callable[[Sequence[Start], int], Comparisons]
# Sums of floats are off in their last digits. Such a part of the outcomes is no change: where all
# teams do the same, chance would be looked for in it.
_ROUNDING = 1e-12


class Shortage(StrEnum):
    """Why nothing can be estimated."""

    TEAMS = "too_few_teams"
    TREATED = "too_few_teams_that_started"
    CONTROLS = "too_few_teams_that_waited"
    WEEKS_BEFORE = "too_few_weeks_before_the_start"


class TooLittleData(ValueError):
    """The panel cannot carry an estimate; `shortage` says what is missing."""

    def __init__(self, shortage: Shortage) -> None:
        super().__init__(shortage.value)
        self.shortage = shortage


@dataclass(frozen=True, slots=True)
class Panel:
    """Outcomes of teams, week by week, and the week in which each started (None: never).

    `outcomes[team][week]`; every team has every week. A start beyond the last week is a None.
    """

    starts: tuple[Start, ...]
    outcomes: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.outcomes) or len({len(row) for row in self.outcomes}) > 1:
            raise ValueError("every team has a start and the same weeks")

    @property
    def weeks(self) -> int:
        """Return the number of weeks."""
        return len(self.outcomes[0]) if self.outcomes else 0

    @property
    def teams_by_start(self) -> Mapping[Start, Sequence[int]]:
        """Return the teams that started in the same week."""
        found: dict[Start, list[int]] = {}
        for team, start in enumerate(self.starts):
            found.setdefault(start, []).append(team)
        return found

    @property
    def rounding(self) -> float:
        """Return the difference up to which sums of the outcomes are the same."""
        return _ROUNDING * max((abs(one) for row in self.outcomes for one in row), default=0.0)

    def without(self, team: int) -> Panel:
        """Return the panel without one team."""
        return Panel(
            self.starts[:team] + self.starts[team + 1 :],
            self.outcomes[:team] + self.outcomes[team + 1 :],
        )


@dataclass(frozen=True, slots=True)
class GroupTime:
    """The effect in one week on the teams that started together."""

    start: int
    week: int
    effect: float
    treated: int
    controls: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate with its standard error over teams, its interval and its p-value against 0.

    Interval and p-value are those of Student's t with so many `degrees` of freedom.
    """

    value: float
    error: float
    degrees: int
    low: float
    high: float
    p: float


class PreTrend(StrEnum):
    """What the weeks before the start say about the comparison."""

    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Incrementality:
    """The overall effect per team and week, with its checks.

    `pre_trend` is per week; `placebo` is an effect where there can be none.
    """

    effect: Estimate
    pre_trend: Estimate
    verdict: PreTrend
    placebo: Estimate
    effects: tuple[GroupTime, ...]
    teams: int
    teams_started: int


def group_time_effects(panel: Panel) -> list[GroupTime]:
    """Return the effect of each start and week that has teams to compare with."""
    controls = _Controls(panel)
    treated = panel.teams_by_start
    found = []
    for one in _overall(panel.starts, panel.weeks).parts:
        effect, count = controls.change(treated[one.start], one)
        found.append(GroupTime(one.start, one.week, effect, len(treated[one.start]), count))
    return found


def incrementality(panel: Panel, *, level: float = 0.95) -> Incrementality:
    """Return the overall effect, the pre-trend and the placebo, with intervals at `level`.

    Raises `TooLittleData` for fewer than 6 teams, 2 of which started and 2 of which waited in some
    week after, or fewer than 4 weeks before the first start.
    """
    _refuse_shortage(panel)
    slope = _estimate(panel, _slope, level)
    return Incrementality(
        effect=_estimate(panel, _overall, level),
        pre_trend=slope,
        verdict=PreTrend.FAILED if slope.p < _PRE_TREND_LEVEL else PreTrend.PASSED,
        placebo=_estimate(panel, _placebo, level),
        effects=tuple(group_time_effects(panel)),
        teams=len(panel.starts),
        teams_started=sum(start is not None for start in panel.starts),
    )


def _refuse_shortage(panel: Panel) -> None:
    started = [start for start in panel.starts if start is not None]
    if len(panel.starts) < LEAST_TEAMS:
        raise TooLittleData(Shortage.TEAMS)
    if len(started) < 2:
        raise TooLittleData(Shortage.TREATED)
    if min(started) < LEAST_WEEKS_BEFORE:
        raise TooLittleData(Shortage.WEEKS_BEFORE)


class _Controls:
    """Sums over teams that have not started, so that each comparison costs the same."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._starts = sorted(map(week_of, panel.starts))
        late_first = sorted(range(len(panel.starts)), key=lambda team: -week_of(panel.starts[team]))
        sums = [[0.0] * panel.weeks]
        for team in late_first:
            pairs = zip(sums[-1], panel.outcomes[team], strict=True)
            sums.append([total + outcome for total, outcome in pairs])
        self._sums = sums
        self._least = panel.rounding

    def change(self, treated: Sequence[int], one: Comparison) -> tuple[float, int]:
        """Return the change of the treated less that of the teams that wait, and how many do."""
        count = len(self._starts) - bisect_right(self._starts, one.waiting)
        waited = self._sums[count]
        outcomes = self._panel.outcomes
        change = sum(outcomes[team][one.week] - outcomes[team][one.base] for team in treated)
        beyond = change / len(treated) - (waited[one.week] - waited[one.base]) / count
        return beyond if abs(beyond) > self._least else 0.0, count


def _groups(starts: Sequence[Start]) -> Iterator[tuple[int, int]]:
    """Yield the starts before which there is a week, and how many teams each has."""
    yield from sorted((start, count) for start, count in Counter(starts).items() if start)


def _last_wait(starts: Sequence[Start]) -> float:
    """Return the week before which every week has a team that has not started by its end."""
    return max(map(week_of, starts), default=0)


def _overall(starts: Sequence[Start], weeks: int) -> Comparisons:
    """Return what makes the mean effect over treated team-weeks."""
    until = int(min(_last_wait(starts), weeks))
    return _mean(
        [
            Comparison(start, start - 1, week, week, count)
            for start, count in _groups(starts)
            for week in range(start, until)
        ]
    )


def _slope(starts: Sequence[Start], weeks: int) -> Comparisons:
    """Return what makes the slope, per week, of the difference before the start.

    Least squares through 0 at its last week, over all pairs of a start and a week before it,
    weighted by teams.
    """
    del weeks
    until = _last_wait(starts)
    parts = [
        Comparison(start, start - 1, week, start, count * (week - start + 1))
        for start, count in _groups(starts)
        if start < until
        for week in range(start - 1)
    ]
    return Comparisons(parts, sum(one.weight * (one.week - one.base) for one in parts))


def _placebo(starts: Sequence[Start], weeks: int) -> Comparisons:
    """Return what makes the mean effect of starts pretended to be earlier, before the true ones."""
    del weeks
    until = _last_wait(starts)
    return _mean(
        [
            Comparison(start, start - early - 1, week, start, count)
            for start, count in _groups(starts)
            if start < until
            for early in [min(PLACEBO_WEEKS, start // 2)]
            for week in range(start - early, start)
        ]
    )


def _mean(parts: Sequence[Comparison]) -> Comparisons:
    return Comparisons(parts, sum(one.weight for one in parts))


def _value(panel: Panel, made_of: Comparisons) -> float:
    controls, treated = _Controls(panel), panel.teams_by_start
    total = sum(one.weight * controls.change(treated[one.start], one)[0] for one in made_of.parts)
    return total / made_of.whole


def _estimate(panel: Panel, statistic: _Statistic, level: float) -> Estimate:
    """Return a statistic with its jackknife over teams.

    Raises `TooLittleData` if it does not stand without one of them: its error is made of that.
    """
    teams = len(panel.starts)
    whole = statistic(panel.starts, panel.weeks)
    # Without any of the teams that start together it is made of the same.
    without = {
        start: statistic(panel.without(some[0]).starts, panel.weeks)
        for start, some in panel.teams_by_start.items()
    }
    if not all(one.parts for one in (whole, *without.values())):
        raise TooLittleData(Shortage.CONTROLS)
    value = _value(panel, whole)
    parts = [_value(panel.without(team), without[panel.starts[team]]) for team in range(teams)]
    error = math.sqrt((teams - 1) / teams * sum((part - value) ** 2 for part in parts))
    # Effects may add up to nothing, too, and then in every part.
    value, error = (one if abs(one) > panel.rounding else 0.0 for one in (value, error))
    # Loaded when teams are compared: it brings threads, and a process of the product is a fork.
    from shared.kpis.degrees import degrees_of_freedom

    degrees = degrees_of_freedom(panel.starts, panel.weeks, whole, without)
    margin = t_quantile((1 + level) / 2, degrees) * error
    # Without any spread there is no chance to reckon with, only a difference or none.
    distance = value / error if error else math.copysign(math.inf, value) if value else 0.0
    p = two_sided_p(distance, degrees)
    return Estimate(value, error, degrees, value - margin, value + margin, p)
