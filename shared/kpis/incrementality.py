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

Teams are the unit of chance: standard errors are the jackknife over teams (CV3), intervals use t
with teams - 1 degrees of freedom, which keeps to its level with few and unequal teams (MacKinnon,
Nielsen, Webb 2023, J. Econometrics 232, 272-299). All of it is deterministic. Results are floats:
what they measure is uncertain by far more than their rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

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

    starts: tuple[int | None, ...]
    outcomes: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.outcomes) or len({len(row) for row in self.outcomes}) > 1:
            raise ValueError("every team has a start and the same weeks")

    @property
    def weeks(self) -> int:
        """Return the number of weeks."""
        return len(self.outcomes[0]) if self.outcomes else 0

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
    """An estimate with its standard error over teams, its interval and its p-value against 0."""

    value: float
    error: float
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
    return [
        GroupTime(start, week, effect[0], len(treated), effect[1])
        for start, treated in _groups(panel)
        for week in range(start, panel.weeks)
        if (effect := controls.change(treated, start - 1, week, untreated_by=week))
    ]


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


def _groups(panel: Panel) -> Iterator[tuple[int, list[int]]]:
    """Yield the teams that started in the same week, where there is a week before it."""
    for start in sorted({start for start in panel.starts if start}):
        yield start, [team for team, other in enumerate(panel.starts) if other == start]


class _Controls:
    """Sums over teams that have not started, so that each comparison costs the same."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        late_first = sorted(
            range(len(panel.starts)), key=lambda team: -_start_of(panel.starts[team])
        )
        self._starts = [_start_of(panel.starts[team]) for team in late_first]
        sums = [[0.0] * panel.weeks]
        for team in late_first:
            pairs = zip(sums[-1], panel.outcomes[team], strict=True)
            sums.append([total + outcome for total, outcome in pairs])
        self._sums = sums
        self._least = panel.rounding

    def change(
        self, treated: Sequence[int], base: int, week: int, *, untreated_by: int
    ) -> tuple[float, int] | None:
        """Return the change of the treated since `base` less that of the teams not yet started.

        None if nobody has waited that long; the second figure is how many have.
        """
        count = sum(start > untreated_by for start in self._starts)
        if not count:
            return None
        waited = self._sums[count]
        outcomes = self._panel.outcomes
        change = sum(outcomes[team][week] - outcomes[team][base] for team in treated)
        beyond = change / len(treated) - (waited[week] - waited[base]) / count
        return beyond if abs(beyond) > self._least else 0.0, count


def _start_of(start: int | None) -> float:
    return math.inf if start is None else start


def _overall(panel: Panel) -> float | None:
    """Return the mean effect over treated team-weeks."""
    effects = group_time_effects(panel)
    weight = sum(one.treated for one in effects)
    return sum(one.treated * one.effect for one in effects) / weight if weight else None


def _slope(panel: Panel) -> float | None:
    """Return the slope, per week, of the difference before the start, through 0 at its last week.

    Least squares over all pairs of a start and a week before it, weighted by teams.
    """
    controls = _Controls(panel)
    product = square = 0.0
    for start, treated in _groups(panel):
        for week in range(start - 1):
            if found := controls.change(treated, start - 1, week, untreated_by=start):
                back = week - (start - 1)
                product += len(treated) * back * found[0]
                square += len(treated) * back * back
    return product / square if square else None


def _placebo(panel: Panel) -> float | None:
    """Return the mean effect of starts pretended to be earlier, in weeks before the true ones."""
    controls = _Controls(panel)
    total, weight = 0.0, 0
    for start, treated in _groups(panel):
        early = min(PLACEBO_WEEKS, start // 2)
        for week in range(start - early, start):
            found = controls.change(treated, start - early - 1, week, untreated_by=start)
            if found:
                total += len(treated) * found[0]
                weight += len(treated)
    return total / weight if weight else None


def _estimate(panel: Panel, statistic: Callable[[Panel], float | None], level: float) -> Estimate:
    """Return a statistic with its jackknife over teams.

    Raises `TooLittleData` if it does not stand without one of them: its error is made of that.
    """
    value = statistic(panel)
    teams = len(panel.starts)
    parts = [statistic(panel.without(team)) for team in range(teams)]
    known = [part for part in parts if part is not None]
    if value is None or len(known) < teams:
        raise TooLittleData(Shortage.CONTROLS)
    error = math.sqrt((teams - 1) / teams * sum((part - value) ** 2 for part in known))
    # Effects may add up to nothing, too, and then in every part.
    value, error = (one if abs(one) > panel.rounding else 0.0 for one in (value, error))
    margin = t_quantile((1 + level) / 2, teams - 1) * error
    # Without any spread there is no chance to reckon with, only a difference or none.
    distance = value / error if error else math.copysign(math.inf, value) if value else 0.0
    return Estimate(value, error, value - margin, value + margin, two_sided_p(distance, teams - 1))
