"""Incrementality, computed again as its definitions read, one comparison at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from statistics import fmean

import pytest

from shared.kpis.incrementality import (
    LEAST_WEEKS_BEFORE,
    Estimate,
    Panel,
    PreTrend,
    Shortage,
    TooLittleData,
    incrementality,
)
from shared.kpis.student import t_quantile, two_sided_p

WEEKS = 16


def _panel(seed: int, trend: float = 0.0) -> Panel:
    """Return teams that differ much, so that no two comparisons come to the same."""
    chance = random.Random(seed)
    starts = (4, 4, 6, 9, 9, 13, None, None)
    return Panel(
        starts,
        tuple(
            tuple(
                chance.gauss(10 * team, 3) + (0 if start is None else trend * week)
                for week in range(WEEKS)
            )
            for team, start in enumerate(starts)
        ),
    )


def _difference(panel: Panel, start: int, week: int, base: int, waiting: int) -> float | None:
    """Return the change from ``base`` to ``week`` of those of a start, less that of who waits."""
    treated = [o for s, o in zip(panel.starts, panel.outcomes, strict=True) if s == start]
    waited = [
        o for s, o in zip(panel.starts, panel.outcomes, strict=True) if s is None or s > waiting
    ]
    if not waited:
        return None
    return fmean(o[week] - o[base] for o in treated) - fmean(o[week] - o[base] for o in waited)


def _starts(panel: Panel) -> list[int]:
    """Return the start of each team that has started: as often as there are teams."""
    return [start for start in panel.starts if start is not None]


def _overall(panel: Panel) -> float:
    found = [
        _difference(panel, start, week, start - 1, week)
        for start in _starts(panel)
        for week in range(start, panel.weeks)
    ]
    return fmean(effect for effect in found if effect is not None)


def _slope(panel: Panel) -> float:
    pairs = [
        (week - (start - 1), _difference(panel, start, week, start - 1, start))
        for start in _starts(panel)
        for week in range(start - 1)
    ]
    known = [(back, change) for back, change in pairs if change is not None]
    return sum(back * change for back, change in known) / sum(back**2 for back, _ in known)


def _placebo(panel: Panel) -> float:
    found = [
        _difference(panel, start, week, start - early - 1, start)
        for start in _starts(panel)
        for early in [min(4, start // 2)]
        for week in range(start - early, start)
    ]
    return fmean(effect for effect in found if effect is not None)


def _estimate(panel: Panel, statistic: Callable[[Panel], float], level: float) -> Estimate:
    value, teams = statistic(panel), len(panel.starts)
    without = [
        statistic(
            Panel(
                tuple(s for number, s in enumerate(panel.starts) if number != left_out),
                tuple(o for number, o in enumerate(panel.outcomes) if number != left_out),
            )
        )
        for left_out in range(teams)
    ]
    error = math.sqrt((teams - 1) / teams * sum((part - value) ** 2 for part in without))
    degrees = _degrees(panel, statistic)
    margin = t_quantile(0.5 + level / 2, degrees) * error
    p = two_sided_p(value / error, degrees)
    return Estimate(value, error, degrees, value - margin, value + margin, p)


def _degrees(panel: Panel, statistic: Callable[[Panel], float]) -> int:
    """Return Satterthwaite's degrees: of every pair of teams left out, what they have in common."""
    teams = len(panel.starts)
    whole = _coefficients(panel, statistic)
    moved = []
    for left_out in range(teams):
        others = [team for team in range(teams) if team != left_out]
        part = Panel(tuple(panel.starts[n] for n in others), ((0.0,) * WEEKS,) * len(others))
        without = dict(zip(others, _coefficients(part, statistic), strict=True))
        moved.append(
            [
                new - old
                for team in range(teams)
                for new, old in zip(without.get(team, [0.0] * WEEKS), whole[team], strict=True)
            ]
        )
    common = [[sum(a * b for a, b in zip(x, y, strict=True)) for x in moved] for y in moved]
    trace = sum(common[n][n] for n in range(teams))
    found = trace**2 / sum(one**2 for row in common for one in row)
    return min(teams - 1, math.floor(found + 1e-6))


def _coefficients(panel: Panel, statistic: Callable[[Panel], float]) -> list[list[float]]:
    """Return how much each outcome counts: what the statistic is where it alone is 1."""
    teams = range(len(panel.starts))
    return [
        [
            statistic(
                Panel(
                    panel.starts,
                    tuple(
                        tuple(float((team, week) == (n, at)) for at in range(WEEKS)) for n in teams
                    ),
                )
            )
            for week in range(WEEKS)
        ]
        for team in teams
    ]


def _figures(estimate: Estimate) -> list[float]:
    return [
        estimate.value,
        estimate.error,
        estimate.degrees,
        estimate.low,
        estimate.high,
        estimate.p,
    ]


@pytest.mark.parametrize(("seed", "level"), [(1, 0.95), (2, 0.8), (3, 0.95)])
def test_every_figure_is_its_definition(seed: int, level: float) -> None:
    panel = _panel(seed, trend=seed - 2)

    found = incrementality(panel, level=level)

    for got, statistic in (
        (found.effect, _overall),
        (found.pre_trend, _slope),
        (found.placebo, _placebo),
    ):
        want = _estimate(panel, statistic, level)
        assert _figures(got) == pytest.approx(_figures(want), rel=1e-9), statistic
    assert (found.teams, found.teams_started) == (8, 6)
    assert found.verdict is (PreTrend.FAILED if found.pre_trend.p < 0.05 else PreTrend.PASSED)


def test_a_week_in_which_nobody_waits_is_left_out() -> None:
    panel = _panel(4)
    started = Panel((*panel.starts[:6], 14, 15), panel.outcomes)

    found = incrementality(started)

    assert found.effect.value == pytest.approx(_overall(started))
    assert max(one.week for one in found.effects) == 14
    assert {one.controls for one in found.effects if one.week == 14} == {1}


def test_six_teams_of_which_two_started_after_four_weeks_are_enough() -> None:
    panel = _panel(5)
    least = Panel((LEAST_WEEKS_BEFORE, 6, None, None, None, None), panel.outcomes[:6])

    assert incrementality(least).teams_started == 2
    with pytest.raises(TooLittleData, match="too_few_teams") as refused:
        incrementality(Panel(least.starts[:5], panel.outcomes[:5]))
    assert refused.value.shortage is Shortage.TEAMS


def test_a_certain_difference_is_no_chance() -> None:
    outcomes = ((*[0.0] * 5, *[2.0] * 5),) * 3 + ((0.0,) * 10,) * 3

    found = incrementality(Panel((5, 5, 5, None, None, None), outcomes))

    assert (found.effect.value, found.effect.error, found.effect.p) == (2, 0, 0)
    assert (found.effect.low, found.effect.high) == (2, 2)
