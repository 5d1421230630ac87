"""Time to close: the textbook estimate, and a back-test of the forecast on simulated cohorts."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kpis.cohort_forecast import Forecast, History, OpenLead, Range, Win, forecast
from shared.kpis.survival import Incidence, Outcome, Tally, incidence

WON, LOST, OPEN = Outcome.WON, Outcome.LOST, Outcome.OPEN


def _curve(*told: tuple[int, Outcome]) -> Incidence[Fraction]:
    return incidence(Counter(told), Fraction(1))


def test_incidence_by_hand() -> None:
    # At risk: 5 on day 1, 4 on day 2, 2 on day 4 (one was censored on day 3).
    curve = _curve((1, WON), (2, LOST), (3, OPEN), (4, WON), (5, OPEN))

    assert curve.days == (1, 2, 4)
    assert curve.won == (Fraction(1, 5), Fraction(1, 5), Fraction(1, 5) + Fraction(3, 5) / 2)
    assert curve.open == (Fraction(4, 5), Fraction(3, 5), Fraction(3, 10))
    assert curve.won_by(0) == 0
    assert curve.open_after(0) == 1
    assert curve.chance(2) == Fraction(1, 2)
    assert curve.chance(2, by=3) == 0
    assert curve.chance(4, by=1) == 0
    assert curve.chance(0) == Fraction(1, 2)
    assert curve.chance(5) == 0


def test_a_loss_is_not_a_censored_win() -> None:
    # Kaplan-Meier that censors losses would say 1 - 1/2 * 0 = 1; half of the leads are lost.
    curve = _curve((1, LOST), (2, WON))

    assert curve.won_by(2) == Fraction(1, 2)


@pytest.mark.parametrize(
    ("told", "won", "still_open"),
    [
        # Whoever is last seen on a day was at risk on it, whatever else ended that day.
        ([(5, WON), (5, LOST), (5, OPEN)], Fraction(1, 3), Fraction(1, 3)),
        ([(5, OPEN), (5, OPEN), (6, WON)], Fraction(1), Fraction(0)),
        ([(5, WON)] * 3 + [(9, LOST)] * 2, Fraction(3, 5), Fraction(0)),
        ([(0, WON), (0, OPEN)], Fraction(1, 2), Fraction(1, 2)),
        ([(7, WON)], Fraction(1), Fraction(0)),
        ([(7, LOST)], Fraction(0), Fraction(0)),
        ([(7, OPEN)], Fraction(0), Fraction(1)),
        ([(1, OPEN), (7, OPEN), (7, OPEN)], Fraction(0), Fraction(1)),
    ],
)
def test_ties_and_single_leads(
    told: list[tuple[int, Outcome]], won: Fraction, still_open: Fraction
) -> None:
    curve = _curve(*told)

    assert (curve.won_by(100), curve.open_after(100)) == (won, still_open)
    assert curve.chance(0) == (won if told != [(0, WON), (0, OPEN)] else 0)


def test_nobody_and_nothing_decided() -> None:
    assert _curve().chance(0) == 0
    assert _curve((3, OPEN)).chance(0) == 0


decided = st.lists(st.tuples(st.integers(0, 30), st.sampled_from([WON, LOST])), min_size=1)


@given(told=decided)
def test_without_open_leads_it_is_the_plain_share(told: list[tuple[int, Outcome]]) -> None:
    curve = _curve(*told)

    for day in (0, 10, 30):
        by_then = [outcome for days, outcome in told if days <= day]
        assert curve.won_by(day) == Fraction(by_then.count(WON), len(told))
        assert curve.open_after(day) == 1 - Fraction(len(by_then), len(told))


@given(told=st.lists(st.tuples(st.integers(0, 30), st.sampled_from([WON, LOST, OPEN]))))
def test_probabilities_stay_probabilities(told: list[tuple[int, Outcome]]) -> None:
    curve = _curve(*told)

    for age in range(0, 32, 3):
        assert 0 <= curve.chance(age) <= 1
        assert curve.won_by(age) + curve.open_after(age) <= 1


HISTORY = History(
    {(20, WON): 10, (40, WON): 10, (30, LOST): 20},
    [Win(Decimal("0.5"), Decimal(100)), Win(Decimal(1), Decimal(300))] * 10,
)


def _forecast(*leads: OpenLead, cost: str = "10000", realized: str = "50") -> Forecast:
    found = forecast(
        HISTORY, leads, realized=Decimal(realized), cost=Decimal(cost), digits=2, replicates=200
    )
    assert found is not None
    return found


def test_the_expected_value_is_exact() -> None:
    # Age 0: 20 of 40 are won. Age 25: of 30 still open, 10 are won.
    told = OpenLead(25, Decimal(800), Fraction(1, 2))

    found = _forecast(OpenLead(0, None), told)

    assert found.expected_wins == Fraction(1, 2) + Fraction(1, 3) / 2
    assert found.expected_final == 50 + Fraction(1, 2) * 200 + Fraction(1, 3) / 2 * 800 * 3 / 4


def test_a_win_after_the_window_of_the_touches_brings_nothing() -> None:
    # By day 30 only the first quarter is won.
    found = _forecast(*[OpenLead(0, None, last_age_days=30)] * 4)

    assert found.expected_wins == 1
    assert found.expected_final == 50 + 200
    assert found.interval.high is not None
    assert found.payback is not None
    assert found.payback.days is None


def test_everything_decided_leaves_nothing_to_expect() -> None:
    found = _forecast(realized="22800")

    assert found == Forecast(
        Decimal(22800), Fraction(0), Fraction(22800), Range(Decimal(22800), Decimal(22800)), None
    )


def test_a_short_history_says_nothing() -> None:
    short = History({(20, WON): 5, (30, LOST): 4}, HISTORY.wins)

    assert forecast(short, [OpenLead(0, None)], realized=Decimal(0), cost=None, digits=2) is None


def test_the_same_history_gives_the_same_interval() -> None:
    leads = [OpenLead(age, None) for age in range(30)]

    assert _forecast(*leads) == _forecast(*leads)
    interval = _forecast(*leads).interval
    assert interval.low is not None
    assert interval.high is not None
    assert 50 < interval.low < interval.high < 50 + 30 * 300


def test_payback_is_expected_when_the_expected_value_covers_the_cost() -> None:
    leads = [OpenLead(0, None)] * 100

    # 100 leads x 1/4 won by day 20 x 200 = 5000; another quarter by day 40.
    early = _forecast(*leads, cost="4000").payback
    late = _forecast(*leads, cost="6000").payback
    never = _forecast(*leads, cost="30000").payback

    assert early is not None
    assert (early.days, early.earliest) == (20, 20)
    assert early.chance > Fraction(1, 2)
    assert late is not None
    assert (late.days, late.latest) == (40, 40)
    assert never is not None
    assert (never.days, never.earliest, never.latest) == (None, None, None)
    assert never.chance == 0
    assert _forecast(*leads, cost="50").payback is None


# The back-test. Leads come every day; each has its end drawn beforehand, so that the final value
# of the cohort is known. The forecast sees only what is decided 30 days after the cohort began.


Lead = tuple[date, int, Outcome, float]


def _world(chance: random.Random, leads: int, first: date, days: int) -> list[Lead]:
    told: list[Lead] = []
    for _ in range(leads):
        came = first + timedelta(days=chance.randrange(days))
        outcome = chance.choices([WON, LOST, OPEN], [0.3, 0.5, 0.2])[0]
        days_to_close = round(chance.gammavariate(3, 20 if outcome is WON else 12))
        told.append((came, days_to_close, outcome, chance.lognormvariate(8, 0.7)))
    return told


def _seen(told: list[Lead], today: date) -> tuple[Tally, list[tuple[int, Outcome, float]]]:
    spells, states = [], []
    for came, days, outcome, worth in told:
        if came > today:
            continue
        age = (today - came).days
        is_decided = outcome is not OPEN and days <= age
        spells.append((days if is_decided else age, outcome if is_decided else OPEN))
        states.append((age, spells[-1][1], worth))
    return Counter(spells), states


def _back_test(seed: int) -> tuple[float, Range]:
    chance = random.Random(seed)
    start = date(2025, 1, 1)
    cohort = _world(chance, 60, start, 30)
    before = _world(chance, 300, start - timedelta(days=365), 365)
    today = start + timedelta(days=30)
    spells, states = _seen([*before, *cohort], today)
    wins = [
        Win(Decimal(1), Decimal(round(worth, 2))) for _, outcome, worth in states if outcome is WON
    ]
    ours = states[-len(cohort) :]
    realized = sum(worth for _, outcome, worth in ours if outcome is WON)
    found = forecast(
        History(spells, wins),
        [OpenLead(age, None) for age, outcome, _ in ours if outcome is OPEN],
        realized=Decimal(round(realized, 2)),
        cost=None,
        digits=2,
        replicates=150,
    )
    assert found is not None
    truth = sum(worth for _, _, outcome, worth in cohort if outcome is WON)
    return truth, found.interval


def test_the_interval_at_thirty_days_covers_the_final_value() -> None:
    worlds = 120

    covered = 0
    for seed in range(worlds):
        truth, interval = _back_test(seed)
        assert interval.low is not None
        assert interval.high is not None
        covered += float(interval.low) <= truth <= float(interval.high)

    # 80 % nominal; two standard errors of a share of 120 are 7.3 points.
    assert covered / worlds >= 0.80 - 0.073


@pytest.mark.parametrize(("days", "is_short"), [(60, True), (365, False)])
def test_a_history_that_has_not_seen_late_wins_is_said_to_be_short(
    days: int, is_short: bool
) -> None:
    """Of a young organization only quick wins are known; so less is expected than will come."""
    expected, came, short = 0.0, 0, []
    today = date(2025, 1, 1)
    for seed in range(20):
        told = _world(random.Random(seed), 3 * days, today - timedelta(days=days), days)
        spells, states = _seen(told, today)
        short.append(History(spells, [], days).is_short)
        curve = incidence(spells, 1.0)
        still_open = [state for state in zip(states, told, strict=True) if state[0][1] is OPEN]
        expected += sum(curve.chance(age) for (age, _, _), _ in still_open)
        came += sum(outcome is WON for _, (_, _, outcome, _) in still_open)

    assert all(one is is_short for one in short)
    assert (expected < 0.75 * came) if is_short else expected == pytest.approx(came, rel=0.1)
