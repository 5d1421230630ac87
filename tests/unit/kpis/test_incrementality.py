"""Difference-in-differences of staggered starts: by hand, and against simulated truth."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from shared.kpis.incrementality import (
    Incrementality,
    Panel,
    PreTrend,
    Shortage,
    TooLittleData,
    group_time_effects,
    incrementality,
)
from shared.kpis.student import t_quantile, two_sided_p


def test_an_effect_by_hand() -> None:
    # Everybody gains 1 in week 1 and 2 in week 2; team 0 starts in week 1 and gains 5 and 7 more.
    panel = Panel((1, 2, None), ((10, 16, 20), (0, 1, 3), (4, 5, 7)))

    effects = {(one.start, one.week): one for one in group_time_effects(panel)}

    assert {key: one.effect for key, one in effects.items()} == {(1, 1): 5, (1, 2): 7, (2, 2): 0}
    # In week 2 the second team has started: it is no longer compared with.
    assert (effects[1, 1].controls, effects[1, 2].controls) == (2, 1)


def test_without_teams_that_wait_there_is_no_effect() -> None:
    assert group_time_effects(Panel((1, 1), ((0, 1, 2), (0, 1, 2)))) == []
    assert group_time_effects(Panel((), ())) == []


@pytest.mark.parametrize(
    ("starts", "shortage"),
    [
        ((5, 6, None, None, None), Shortage.TEAMS),
        ((5, None, None, None, None, None), Shortage.TREATED),
        ((3, 6, 7, None, None, None), Shortage.WEEKS_BEFORE),
        ((5, 5, 5, 5, 5, None), Shortage.CONTROLS),
        ((5, 5, 5, 5, 5, 5), Shortage.CONTROLS),
    ],
)
def test_too_little_data_is_refused(starts: tuple[int | None, ...], shortage: Shortage) -> None:
    panel = Panel(starts, tuple((0.0,) * 10 for _ in starts))

    with pytest.raises(TooLittleData) as refused:
        incrementality(panel)
    assert refused.value.shortage is shortage


def test_teams_without_any_spread_have_no_effect_and_no_doubt() -> None:
    found = incrementality(Panel((5, 6, 7, None, None, None), ((1.0,) * 10,) * 6))

    assert (found.effect.value, found.effect.error, found.effect.p) == (0, 0, 1)
    assert found.verdict is PreTrend.PASSED


def test_teams_that_all_do_the_same_differ_by_nothing_but_rounding() -> None:
    alike = tuple(week**2 % 11 / 7 for week in range(11))
    found = incrementality(Panel((5, 6, 8, None, None, None, None, 6), (alike,) * 8))

    for one in (found.effect, found.pre_trend, found.placebo):
        assert (one.value, one.error, one.p) == (0, 0, 1)


def test_effects_that_add_up_to_nothing_leave_no_rounding_behind() -> None:
    # Of two teams one gains a tenth and two tenths, and the other loses as much in one week.
    starts = (5, 5, None, None, None, None)
    still, gaining = (1.0,) * 8, (1.0,) * 5 + (1.1, 1.2, 1.0)
    losing = (1.0,) * 5 + (1.0, 1.0, 0.7)

    found = incrementality(Panel((*starts, None), (gaining, losing, *(still,) * 5)))

    assert found.effect.value == 0
    assert found.effect.p == 1
    assert found.effect.error > 0


def test_panel_needs_all_weeks_of_all_teams() -> None:
    with pytest.raises(ValueError, match="same weeks"):
        Panel((1, 2), ((1, 2), (1,)))


@pytest.mark.parametrize(
    ("probability", "degrees", "quantile"),
    # R 4.3: qt(p, df)
    [
        (0.975, 1, 12.706204736432095),
        (0.975, 5, 2.570581835636314),
        (0.9, 11, 1.3634303180205413),
        (0.995, 100, 2.625890521),
        (0.5, 3, 0.0),
    ],
)
def test_quantiles_of_t(probability: float, degrees: int, quantile: float) -> None:
    assert t_quantile(probability, degrees) == pytest.approx(quantile, rel=1e-9, abs=1e-9)


def test_p_values_of_t() -> None:
    assert two_sided_p(2.570581835636314, 5) == pytest.approx(0.05, rel=1e-9)
    assert two_sided_p(0.0, 5) == 1
    assert two_sided_p(-math.inf, 5) == 0
    with pytest.raises(ValueError, match="no quantile"):
        t_quantile(0.4, 5)


# Simulated truth: teams with levels and noise of their own (autocorrelated), weeks with shocks
# that all teams share, starts at different times, effects that grow.

WEEKS = 40
WORLDS = 120
LIFT, GROWTH = 2.0, 0.1


def _world(seed: int, *, lift: float = 0.0, growth: float = 0.0, trend: float = 0.0) -> Panel:
    chance = random.Random(seed)
    shocks = [chance.gauss(0, 1) for _ in range(WEEKS)]
    starts = [*(chance.randrange(10, 30) for _ in range(9)), None, None, None]
    rows = []
    for start in starts:
        level, noise, row = chance.gauss(0, 3), chance.gauss(0, 1), []
        for week in range(WEEKS):
            noise = 0.4 * noise + chance.gauss(0, 1)
            outcome = level + shocks[week] + noise
            if start is not None:
                outcome += trend * week
                outcome += lift + growth * (week - start) if week >= start else 0
            row.append(outcome)
        rows.append(tuple(row))
    return Panel(tuple(starts), tuple(rows))


def _truth(found: Incrementality, growth: float = GROWTH) -> float:
    weight = sum(one.treated for one in found.effects)
    gained = sum(one.treated * (LIFT + growth * (one.week - one.start)) for one in found.effects)
    return gained / weight


def _most(rate: float) -> float:
    """Return the highest share of the worlds that a true rate gives, but for 1 in 1,000 times."""
    return rate + 3.1 * math.sqrt(rate * (1 - rate) / WORLDS)


def test_without_a_lift_it_stays_quiet() -> None:
    found = [incrementality(_world(seed)) for seed in range(WORLDS)]

    assert sum(one.effect.p < 0.05 for one in found) / WORLDS <= _most(0.05)
    assert sum(one.placebo.p < 0.05 for one in found) / WORLDS <= _most(0.05)
    assert sum(one.verdict is PreTrend.FAILED for one in found) / WORLDS <= _most(0.05)


@pytest.mark.parametrize(("started", "waited"), [(2, 30), (10, 2)])
def test_with_few_on_a_side_it_stays_quiet(started: int, waited: int) -> None:
    """Of many teams nearly all are on one side: the others make the error, and they are few."""
    found = []
    for seed in range(WORLDS):
        chance = random.Random(50_000 + seed)
        rows = tuple(tuple(chance.gauss(0, 1) for _ in range(12)) for _ in range(started + waited))
        found.append(incrementality(Panel((6,) * started + (None,) * waited, rows)))

    for statistic in ("effect", "pre_trend", "placebo"):
        alarms = sum(getattr(one, statistic).p < 0.05 for one in found)
        assert alarms / WORLDS <= _most(0.05), statistic


@pytest.mark.parametrize(
    ("started", "waited", "degrees"),
    # Of two means, with a = 1/(m - 1) and b = 1/(n - 1): (a + b)² / (a³ + b³), as Welch has it.
    [(2, 4, 1), (2, 30, 1), (3, 3, 4), (3, 9, 3), (9, 3, 3), (5, 30, 5), (6, 6, 10), (12, 12, 22)],
)
def test_degrees_of_freedom_are_those_of_the_smaller_side(
    started: int, waited: int, degrees: int
) -> None:
    chance = random.Random(3)
    rows = tuple(tuple(chance.gauss(0, 1) for _ in range(9)) for _ in range(started + waited))

    found = incrementality(Panel((5,) * started + (None,) * waited, rows))

    for one in (found.effect, found.pre_trend, found.placebo):
        assert one.degrees == degrees
        assert one.high - one.value == pytest.approx(t_quantile(0.975, degrees) * one.error)
        assert one.p == two_sided_p(one.value / one.error, degrees)


def test_a_known_lift_is_covered_and_found() -> None:
    found = [
        incrementality(_world(10_000 + seed, lift=LIFT, growth=GROWTH)) for seed in range(WORLDS)
    ]

    covered = sum(one.effect.low <= _truth(one) <= one.effect.high for one in found)
    bias = sum(one.effect.value - _truth(one) for one in found) / WORLDS
    assert 1 - covered / WORLDS <= _most(0.05)
    assert abs(bias) < 0.15
    assert sum(one.effect.p < 0.05 for one in found) / WORLDS > 0.9


def test_growing_effects_bias_the_regression_with_two_fixed_effects_but_not_this() -> None:
    panels = [_world(20_000 + seed, lift=LIFT, growth=GROWTH * 3) for seed in range(40)]

    naive = ours = 0.0
    for panel in panels:
        found = incrementality(panel)
        truth = _truth(found, growth=GROWTH * 3)
        naive += _two_way_fixed_effects(panel) - truth
        ours += found.effect.value - truth
    assert abs(ours / len(panels)) < 0.25
    assert naive / len(panels) < -0.75


def _two_way_fixed_effects(panel: Panel) -> float:
    """Return the coefficient of being treated beside team and week effects, by residuals."""
    treated = [
        [float(start is not None and week >= start) for week in range(panel.weeks)]
        for start in panel.starts
    ]
    residual = _doubly_centered(treated)
    pairs = [
        (left, right)
        for row, outcomes in zip(residual, panel.outcomes, strict=True)
        for left, right in zip(row, outcomes, strict=True)
    ]
    return sum(left * right for left, right in pairs) / sum(left * left for left, _ in pairs)


def _doubly_centered(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    weeks = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    mean = sum(weeks) / len(weeks)
    return [
        [value - sum(row) / len(row) - week + mean for value, week in zip(row, weeks, strict=True)]
        for row in rows
    ]


def test_teams_that_were_on_their_way_already_fail_the_pre_trend() -> None:
    found = [incrementality(_world(30_000 + seed, trend=0.3)) for seed in range(30)]

    assert sum(one.verdict is PreTrend.FAILED for one in found) / len(found) > 0.8
