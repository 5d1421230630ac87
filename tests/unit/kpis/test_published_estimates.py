"""Estimates against figures that others have published, for the same data.

- Remissions of leukemia under 6-mercaptopurine: Freireich et al. (1963), Blood 21, 699-716. The
  product-limit estimate and Greenwood's standard errors are those of the textbooks (Kalbfleisch,
  Prentice, The Statistical Analysis of Failure Time Data, ch. 1; Kleinbaum, Klein, Survival
  Analysis, ch. 2), to the digits printed there.
- Three causes that compete: statsmodels, ``test_survfunc.py::test_incidence``, whose estimates are
  those of R's ``cmprsk::cuminc`` and whose standard errors those of Stata's ``stcompet``.
- Minimum wages and teen employment: Callaway, Sant'Anna (2021), as printed by R's ``did`` for its
  data set ``mpdta``, without covariates, against counties never treated, universal base period.
"""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.kpis.cohort_forecast import History, OpenLead, Win, forecast
from shared.kpis.incrementality import Panel, group_time_effects, incrementality
from shared.kpis.student import t_quantile
from shared.kpis.survival import Outcome, incidence

WON, LOST, OPEN = Outcome.WON, Outcome.LOST, Outcome.OPEN

_RELAPSED = (6, 6, 6, 7, 10, 13, 16, 22, 23)
_CENSORED = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
REMISSIONS = Counter([(week, WON) for week in _RELAPSED] + [(week, OPEN) for week in _CENSORED])
# week: (still in remission, Greenwood's standard error)
PRODUCT_LIMIT = {
    6: (0.857, 0.0764),
    7: (0.807, 0.0869),
    10: (0.753, 0.0963),
    13: (0.690, 0.1068),
    16: (0.627, 0.1141),
    22: (0.538, 0.1282),
    23: (0.448, 0.1346),
}
WORTH_ONE = Win(share=Decimal(1), value=Decimal(1))


def test_remissions_follow_the_product_limit() -> None:
    # Weeks 6 and 10 have both relapses and censored ones: these were at risk on that day.
    curve = incidence(REMISSIONS, Fraction(1))

    assert curve.days == tuple(PRODUCT_LIMIT)
    assert {week: round(float(curve.open_after(week)), 3) for week in PRODUCT_LIMIT} == {
        week: published for week, (published, _) in PRODUCT_LIMIT.items()
    }
    assert all(curve.won_by(week) + curve.open_after(week) == 1 for week in range(40))


@pytest.mark.parametrize("week", [10, 16, 23])
def test_the_interval_is_as_wide_as_greenwood_says(week: int) -> None:
    # Four times as many of each leave the estimate, and halve its error. Of so many new leads, each
    # worth 1, luck is little beside what the curve may be wrong by.
    history = History({spell: 4 * n for spell, n in REMISSIONS.items()}, [WORTH_ONE] * 36)
    leads = [OpenLead(0, Decimal(1), last_age_days=week)] * 400
    still, error = PRODUCT_LIMIT[week]

    found = forecast(history, leads, realized=Decimal(0), cost=None, digits=2, replicates=1_000)

    assert found is not None
    assert float(found.expected_final) == pytest.approx(400 * (1 - still), abs=0.3)
    spread = math.sqrt((error / 2) ** 2 + still * (1 - still) / len(leads))
    assert found.interval.low is not None
    assert found.interval.high is not None
    width = float(found.interval.high - found.interval.low) / len(leads)
    assert width == pytest.approx(2 * t_quantile(0.9, 35) * spread, rel=0.1)


_DAYS = (1, 1, 2, 4, 4, 4, 6, 6, 7, 8, 9, 9, 9, 1, 2, 2, 4, 4)
_CAUSES = (1, 1, 1, 2, 2, 2, 3, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("cause", "published"),
    [
        (1, {1: 0.11111111, 2: 0.17037037, 9: 0.17037037}),
        (2, {2: 0, 4: 0.20740741, 9: 0.20740741}),
        (3, {4: 0, 6: 0.17777778, 7: 0.26666667, 9: 0.26666667}),
    ],
)
def test_causes_that_compete(cause: int, published: dict[int, float]) -> None:
    ends = {0: OPEN, cause: WON}
    told = [(day, ends.get(why, LOST)) for day, why in zip(_DAYS, _CAUSES, strict=True)]
    curve = incidence(Counter(told), Fraction(1))

    for day, expected in published.items():
        assert float(curve.won_by(day)) == pytest.approx(expected, abs=5e-9)


# Means of the logarithm of teen employment, 2003 to 2007, of the counties whose state raised its
# minimum wage first in the year (0: never), computed from the data set; and how many these are.
TEENS = {
    0: (309, (5.6546300225, 5.5919999981, 5.6048084338, 5.6388962821, 5.6611325404)),
    2004: (20, (6.1796968336, 6.1065635630, 6.0594520867, 6.0267043543, 6.0853879884)),
    2006: (40, (6.5739936282, 6.5178837163, 6.5279413332, 6.5574345745, 6.5430409682)),
    2007: (131, (5.8429064964, 5.8107831276, 5.8208656703, 5.8238663992, 5.8200482468)),
}


def _teens(*first_years: int) -> Panel:
    """Return a team for each county of these years; a county has the mean of its kind."""
    kinds = [(year, *TEENS[year]) for year in first_years]
    starts = [year - 2003 if year else None for year, count, _ in kinds for _ in range(count)]
    return Panel(tuple(starts), tuple(row for _, count, row in kinds for _ in range(count)))


@pytest.mark.parametrize(
    ("first", "published"),
    [
        (2004, {2004: -0.0105, 2005: -0.0704, 2006: -0.1373, 2007: -0.1008}),
        (2006, {2006: -0.0046, 2007: -0.0412}),
        (2007, {2007: -0.0261}),
    ],
)
def test_effects_of_minimum_wages(first: int, published: dict[int, float]) -> None:
    effects = group_time_effects(_teens(0, first))

    assert {2003 + one.week: round(one.effect, 4) for one in effects} == published


def test_counties_not_yet_treated_are_compared_with() -> None:
    effects = {(one.start, one.week): one for one in group_time_effects(_teens(*TEENS))}

    # Wooldridge's extended regression, which compares with the same, prints the first two so.
    assert round(effects[1, 1].effect, 4) == -0.0194
    assert round(effects[1, 2].effect, 4) == -0.0783
    assert [effects[1, week].controls for week in (1, 2, 3, 4)] == [480, 480, 440, 309]
    # Once everybody else is treated, only those who never are remain.
    assert round(effects[1, 4].effect, 4) == -0.1008
    assert round(effects[3, 4].effect, 4) == -0.0412


def test_the_trend_before_minimum_wages() -> None:
    # The differences before 2007 to its last year are published as 0.0033, 0.0338 and 0.0311.
    slope = (-3 * 0.0033 - 2 * 0.0338 - 1 * 0.0311) / (9 + 4 + 1)

    found = incrementality(_teens(0, 2007))

    assert found.pre_trend.value == pytest.approx(slope, abs=5e-5)
    # A start pretended in 2005: what 2005 and 2006 are beyond 2004.
    assert found.placebo.value == pytest.approx((0.0311 - 0.0338 - 0.0338) / 2, abs=1e-4)
