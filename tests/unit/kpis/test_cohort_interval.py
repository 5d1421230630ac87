"""The interval of a cohort's final value: its parts by hand, and the whole to the cent."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.kpis import cohort_forecast
from shared.kpis.cohort_forecast import (
    LEVEL,
    ExpectedPayback,
    Forecast,
    History,
    OpenLead,
    Range,
    Win,
    forecast,
)
from shared.kpis.student import t_quantile
from shared.kpis.survival import Outcome, Tally

WON, LOST, OPEN = Outcome.WON, Outcome.LOST, Outcome.OPEN
PAST_WINS = [
    Win(Decimal("0.5"), Decimal(100)),
    Win(Decimal(1), Decimal(300)),
    Win(Decimal("0.25"), Decimal("1250.50")),
] * 15
#: Counts below 30 and above: of the one kind luck is drawn exactly, of the other approximately.
HISTORY = History(
    {(10, WON): 4, (20, WON): 35, (40, WON): 6, (15, LOST): 40, (30, LOST): 9, (12, OPEN): 5},
    PAST_WINS,
)
LEADS = [
    *(OpenLead(age, None) for age in (0, 0, 5, 11, 16, 25, 35)),
    OpenLead(3, Decimal(900), Fraction(1, 2)),
    OpenLead(12, Decimal("4000.00"), Fraction(2, 3), 30),
    OpenLead(18, None, Fraction(1, 4), 19),
    OpenLead(60, Decimal(100)),
] * 3


def _forecast(level: Fraction = LEVEL, cost: str | None = "3000.00", **drawn: int) -> Forecast:
    found = forecast(
        HISTORY,
        LEADS,
        realized=Decimal("120.00"),
        cost=None if cost is None else Decimal(cost),
        digits=2,
        level=level,
        **drawn,
    )
    assert found is not None
    return found


def test_a_history_gives_its_interval_to_the_cent() -> None:
    found = _forecast()

    assert found.interval == Range(Decimal("5445.45"), Decimal("13063.23"))
    assert found.payback == ExpectedPayback(7, 5, 15, Fraction(397, 400))
    assert _forecast(Fraction(1, 2)).interval == Range(Decimal("7321.21"), Decimal("10708.73"))
    assert _forecast(seed=7).interval == Range(Decimal("5845.20"), Decimal("12614.35"))


def test_what_seldom_comes_takes_nothing_away() -> None:
    """Most draws bring nothing more: the interval ends with what has come, before the mean."""
    realized = Decimal("455.56")

    found = forecast(
        HISTORY, [OpenLead(0, None, last_age_days=10)], realized=realized, cost=None, digits=2
    )

    assert found is not None
    assert found.expected_wins == Fraction(4, 99)
    assert found.expected_final > realized
    assert found.interval == Range(realized, realized)


def test_more_and_other_draws_give_nearly_the_same() -> None:
    found, other = _forecast().interval, _forecast(replicates=1000, seed=3).interval

    assert found.low is not None
    assert found.high is not None
    assert other.low is not None
    assert other.high is not None
    assert abs(found.low - other.low) < 300
    assert abs(found.high - other.high) < 500


def test_without_a_cost_or_with_one_that_is_covered_there_is_no_payback() -> None:
    assert _forecast(cost=None).payback is None
    assert _forecast(cost="120.00").payback is None
    assert _forecast(cost="120.01").payback is not None
    assert _forecast(cost=None).interval == _forecast().interval


def test_what_has_come_in_does_not_go_away_again() -> None:
    lead = OpenLead(0, None, Fraction(1, 100))

    found = forecast(HISTORY, [lead], realized=Decimal("50.00"), cost=None, digits=2)

    assert found is not None
    assert found.interval.low == Decimal("50.00")


def test_wins_that_cost_money_leave_an_interval_below_what_has_come_in() -> None:
    credit_notes = History(HISTORY.spells, [Win(Decimal(1), Decimal(-100))] * 15)

    found = forecast(
        credit_notes, [OpenLead(0, None)] * 9, realized=Decimal(120), cost=None, digits=2
    )

    assert found is not None
    assert found.interval.low is not None
    assert found.interval.high is not None
    assert found.interval.low < found.expected_final < found.interval.high < 120


@pytest.mark.parametrize(
    ("won", "lost", "wins", "is_enough"),
    [(5, 5, 5, True), (5, 4, 5, False), (4, 6, 5, False), (6, 4, 4, False), (10, 0, 5, True)],
)
def test_ten_outcomes_with_five_wins_are_enough(
    won: int, lost: int, wins: int, is_enough: bool
) -> None:
    history = History({(3, WON): won, (4, LOST): lost, (5, OPEN): 90}, PAST_WINS[:wins])

    assert history.is_enough is is_enough
    assert history.count(OPEN) == 90


def test_percentiles_lie_between_the_two_nearest_and_never_beyond() -> None:
    ordered = [1.0, 2.0, 4.0, 8.0, 16.0]

    assert [cohort_forecast._percentile(ordered, at) for at in (0, 0.25, 0.5, 1)] == [1, 2, 4, 16]
    assert cohort_forecast._percentile(ordered, 0.125) == 1.5
    assert cohort_forecast._percentile(ordered, 0.9) == pytest.approx(8 + 0.6 * 8)
    assert cohort_forecast._percentile([3.0], 0.9) == 3
    assert cohort_forecast._percentile([1.0, math.inf, math.inf], 0.75) == math.inf
    assert cohort_forecast._percentile([1.0, math.inf], 0.5) == math.inf
    assert cohort_forecast._percentile([1.0, 2.0, math.inf], 0.5) == 2


def test_a_cost_is_covered_on_the_day_the_sum_reaches_it() -> None:
    gains = [(3, 10.0), (5, 20.0), (9, 1.0)]

    assert cohort_forecast._covered(gains, 10.0) == 3
    assert cohort_forecast._covered(gains, 10.5) == 5
    assert cohort_forecast._covered(gains, 31.0) == 9
    assert cohort_forecast._covered(gains, 31.5) == math.inf


def test_uneven_amounts_widen_more_than_even_ones() -> None:
    even = [Win(Decimal(1), Decimal(value)) for value in (1, 3)] * 10
    equal = [Win(Decimal(1), Decimal(7))] * 20
    uneven = [Win(Decimal(1), Decimal(value)) for value in (*[1] * 19, 41)]

    # Student's t with 19 degrees over the normal quantile: 1.32773 / 1.28155.
    assert cohort_forecast._widening(even, 0.1) == pytest.approx(1.036034, abs=1e-5)
    assert cohort_forecast._widening(equal, 0.1) == pytest.approx(1.036034, abs=1e-5)
    # Mean 3, s² = 76, kurtosis (19 * 2⁴ + 38⁴) / 20 / 76² = 18.05263: excess 15.05263;
    # 2 / (2/19 + 15.05263/20) = 2.3312 degrees, t = 1.7672 or so.
    degrees = 2 / (2 / 19 + (18.0526315789 - 3) / 20)
    assert degrees == pytest.approx(2.3312, abs=1e-4)
    assert cohort_forecast._widening(uneven, 0.1) == pytest.approx(
        t_quantile(0.9, degrees) / 1.2815515655446004
    )


def test_the_ends_move_away_from_the_center() -> None:
    assert cohort_forecast._widened((8.0, 16.0), 10.0, 1.5) == (7.0, 19.0)


@pytest.mark.parametrize("mean", [0, 0.7, 5, 29, 30, 80])
def test_draws_have_the_mean_and_the_spread_of_poisson(mean: float) -> None:
    chance = random.Random(5)

    drawn = [cohort_forecast._poisson(chance, mean) for _ in range(4000)]

    average = sum(drawn) / len(drawn)
    spread = sum((one - average) ** 2 for one in drawn) / len(drawn)
    # Four standard errors of a mean of 4000, and of a variance.
    assert average == pytest.approx(mean, abs=4 * math.sqrt(mean / 4000) + 1e-9)
    assert spread == pytest.approx(mean, abs=4 * (mean + 0.3) * math.sqrt(2.5 / 4000) + 0.1)
    assert min(drawn) >= 0


class _AlwaysTheSame(random.Random):
    """Luck of which is known what it is drawn from: halves, or ten deviations above the mean."""

    def random(self) -> float:
        return 0.5

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        return mu + 10 * sigma


def test_luck_is_drawn_exactly_below_thirty_and_approximately_from_there_on() -> None:
    same = _AlwaysTheSame()

    # e^-29 lies between the 41st and the 42nd half of a half: the 42nd draw is one too many.
    assert cohort_forecast._poisson(same, 29) == 41
    assert cohort_forecast._poisson(same, 30) == round(30 + 10 * math.sqrt(30))


def test_the_expected_payback_is_the_first_day_that_covers() -> None:
    leads = [OpenLead(0, Decimal(100))] * 4

    def days(cost: str) -> int | None:
        certain = History({(4, WON): 5, (8, WON): 5}, [Win(Decimal(1), Decimal(100))] * 10)
        found = forecast(certain, leads, realized=Decimal(0), cost=Decimal(cost), digits=0)
        assert found is not None
        assert found.payback is not None
        return found.payback.days

    # Half of 400 by day 4, all by day 8.
    assert [days(cost) for cost in ("1", "200", "201", "400", "401")] == [4, 4, 8, 8, None]


@pytest.mark.parametrize(
    ("spells", "age_days", "is_short", "longest"),
    [
        # The median time of five wins is 20 days, however long losses and open leads take.
        ({(10, WON): 2, (20, WON): 1, (40, WON): 2, (90, LOST): 5, (59, OPEN): 9}, 59, True, 40),
        ({(10, WON): 2, (20, WON): 1, (40, WON): 2, (90, LOST): 5, (59, OPEN): 9}, 60, False, 40),
        ({(0, WON): 5, (3, LOST): 5}, 0, False, 0),
        ({(3, LOST): 5, (3, OPEN): 5}, 9, False, None),
        ({}, 0, False, None),
    ],
)
def test_a_history_of_three_usual_times_to_a_win_knows_of_late_ones(
    spells: Tally, age_days: int, is_short: bool, longest: int | None
) -> None:
    history = History(spells, PAST_WINS, age_days)

    assert history.is_short is is_short
    assert history.longest_win_days == longest
