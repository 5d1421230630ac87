"""What a cohort will have brought when all of it is decided, with an interval.

The expected value is exact: each open lead's chance of a win, from the cumulative incidence of the
organization's own history, times the value of a win. The interval is a prediction interval by
bootstrap: each replicate draws another history (every lead of it counts a Poisson number of times,
mean 1), estimates anew, and lets the open leads win or not with values drawn from past wins. So it
holds what chance may do and what the estimate may be wrong by. The seed is fixed: the same history
gives the same interval, to the cent.

Its error is that of percentiles of `replicates` draws: with 400 of them the 10th percentile is the
true one's within about 1.5 points (binomial, one standard error).

Only what history has seen is expected: no win later after its lead than the longest one so far. So
the value is that of wins within this time, and less than the final one while the oldest lead is
younger than a few usual times to a win. That cannot be mended from the data (the estimator is not
identified beyond the follow-up: Maller, Zhou 1996, Survival Analysis with Long-Term Survivors, ch.
2); `History.is_short` says when it counts.

A few large deals can make most of a value, and past wins show too few of them to know how large the
next one may be. So the interval is widened about the expected value by Student's t over the normal
quantile, with the degrees of freedom that the spread of past wins is known with (Satterthwaite's,
from their kurtosis): by a hundredth for even amounts, by a tenth for very uneven ones.

Efron, Tibshirani (1993), An Introduction to the Bootstrap, ch. 13; Hanley, MacGibbon (2006),
Comput. Methods Programs Biomed. 83, 57-62 (Poisson weights).
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import NormalDist

from shared.kpis.expressions import rounded
from shared.kpis.quantiles import MEDIAN, quantile
from shared.kpis.student import t_quantile
from shared.kpis.survival import Incidence, Outcome, Tally, incidence

__all__ = [
    "LEVEL",
    "REPLICATES",
    "SEED",
    "TOO_FEW_OUTCOMES",
    "ExpectedPayback",
    "Forecast",
    "History",
    "OpenLead",
    "Range",
    "Win",
    "forecast",
]

LEVEL = Fraction(4, 5)
REPLICATES = 400
SEED = 20250101
TOO_FEW_OUTCOMES = "too_few_outcomes"
"""The reason why nothing is expected: history has fewer than 10 outcomes, or 5 wins."""
_LEAST_OUTCOMES, _LEAST_WINS = 10, 5
# Of a history of three median times to a win, some 95 % of the final value is expected.
_ENOUGH_CYCLES = 3

_Ages = tuple[int, int | None]
_ByAge = Mapping[_Ages, Fraction]


@dataclass(frozen=True, slots=True)
class Win:
    """A past win: the part of it that was credited, and what this part was worth."""

    share: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class OpenLead:
    """An undecided lead of the cohort.

    `worth` is the value of the whole deal, None while nobody has said it; `weight` is the part of
    the touches inside the attribution window that belongs to the cohort; after `last_age_days` the
    cohort's touches lie outside it, and a win brings it nothing any more.
    """

    age_days: int
    worth: Decimal | None
    weight: Fraction = Fraction(1)
    last_age_days: int | None = None


@dataclass(frozen=True, slots=True)
class History:
    """What the organization knows so far about how leads end: counts of equal spells, and wins.

    `age_days` is the age of its oldest lead, decided or not.
    """

    spells: Tally
    wins: Sequence[Win]
    age_days: int = 0

    def count(self, outcome: Outcome) -> int:
        """Return how many leads ended so, or have not ended."""
        return sum(count for (_, ended), count in self.spells.items() if ended is outcome)

    @property
    def is_enough(self) -> bool:
        """Tell whether anything may be concluded from it."""
        won, lost = self.count(Outcome.WON), self.count(Outcome.LOST)
        return won + lost >= _LEAST_OUTCOMES and min(won, len(self.wins)) >= _LEAST_WINS

    @property
    def longest_win_days(self) -> int | None:
        """Return the longest time from a lead to its win; None while none is won."""
        return max((days for (days, ended) in self.spells if ended is Outcome.WON), default=None)

    @property
    def is_short(self) -> bool:
        """Tell whether leads have been known for too short a time to know of late wins."""
        won = {took: n for (took, ended), n in self.spells.items() if ended is Outcome.WON}
        median = quantile((took for took, n in won.items() for _ in range(n)), MEDIAN)
        return median is not None and self.age_days < _ENOUGH_CYCLES * median


@dataclass(frozen=True, slots=True)
class Range:
    """The interval of a figure; an end is None where it lies beyond everything expected."""

    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class ExpectedPayback:
    """In how many days from now the value covers the cost.

    `days` is when the expected value does, None if it never does; `earliest` and `latest` are the
    interval, None for never; `chance` is the part of replicates in which it ever does.
    """

    days: int | None
    earliest: int | None
    latest: int | None
    chance: Fraction


@dataclass(frozen=True, slots=True)
class Forecast:
    """The final value of a cohort as it is expected now."""

    realized: Decimal
    expected_wins: Fraction
    expected_final: Fraction
    interval: Range
    payback: ExpectedPayback | None


def forecast(
    history: History,
    open_leads: Sequence[OpenLead],
    *,
    realized: Decimal,
    cost: Decimal | None,
    digits: int,
    level: Fraction = LEVEL,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> Forecast | None:
    """Return what is expected in the end; None if leads are open and history is too short.

    `digits` are the currency's, for the ends of the interval. Without a cost, or with one that is
    covered already, there is no payback to expect.
    """
    if not open_leads:
        return Forecast(realized, Fraction(0), Fraction(realized), Range(realized, realized), None)
    if not history.is_enough:
        return None
    curve = incidence(history.spells, Fraction(1))
    wins = sum(
        (lead.weight * curve.chance(lead.age_days, lead.last_age_days) for lead in open_leads),
        Fraction(0),
    )
    means = _means(history.wins)
    by_age = _values_by_age(open_leads, means)
    further = _expected(curve, by_age, None)
    chance = random.Random(seed)  # noqa: S311 - the same draws for the same question, no secret
    drawn = _replicates(history, open_leads, realized, cost, replicates, chance)
    totals = sorted(total for total, _ in drawn)
    tail = float((1 - level) / 2)
    expected = Fraction(realized) + further
    ends = (_percentile(totals, tail), _percentile(totals, 1 - tail))
    low, high = _widened(ends, float(expected), _widening(history.wins, tail))
    # What has come in does not go away again, unless there are wins that take something back.
    least = rounded(Fraction(totals[0]), digits) if totals[0] < float(realized) else realized
    interval = Range(max(rounded(Fraction(low), digits), least), rounded(Fraction(high), digits))
    payback = None
    if cost is not None and realized < cost:
        payback = _payback(curve, by_age, Fraction(cost - realized), [at for _, at in drawn], tail)
    return Forecast(realized, wins, expected, interval, payback)


def _widening(wins: Sequence[Win], tail: float) -> float:
    """Return t over normal, with the degrees of freedom of the variance of past values.

    Var(s²) = σ⁴ (2 / (n - 1) + excess kurtosis / n); a chi-square's is 2 σ⁴ / degrees.
    """
    values = [float(win.value) for win in wins]
    mean = sum(values) / len(values)
    square = sum((value - mean) ** 2 for value in values) / len(values)
    fourth = sum((value - mean) ** 4 for value in values) / len(values)
    excess = max(fourth / square**2 - 3, 0.0) if square else 0.0
    degrees = 2 / (2 / (len(values) - 1) + excess / len(values))
    return t_quantile(1 - tail, degrees) / NormalDist().inv_cdf(1 - tail)


def _widened(ends: tuple[float, float], center: float, factor: float) -> tuple[float, float]:
    low, high = ends
    # What is seldom and large lies beyond an end that holds most draws: that end stays where it is.
    return min(low, center - factor * (center - low)), max(high, center + factor * (high - center))


def _means(wins: Sequence[Win]) -> tuple[Fraction, Fraction]:
    """Return the mean share and the mean value of past wins."""
    share, value = (
        sum(Fraction(win.share) for win in wins),
        sum(Fraction(win.value) for win in wins),
    )
    return Fraction(share) / len(wins), Fraction(value) / len(wins)


def _values_by_age(leads: Sequence[OpenLead], means: tuple[Fraction, Fraction]) -> _ByAge:
    """Return what the open leads of each age would bring if all of them were won."""
    share, value = means
    values: dict[_Ages, Fraction] = defaultdict(Fraction)
    for lead in leads:
        worth = value if lead.worth is None else share * Fraction(lead.worth)
        values[lead.age_days, lead.last_age_days] += lead.weight * worth
    return values


def _expected(curve: Incidence[Fraction], by_age: _ByAge, within: int | None) -> Fraction:
    """Return the value expected within so many days from now, or ever."""
    total = Fraction(0)
    for (age, last), value in by_age.items():
        ends = [day for day in (last, None if within is None else age + within) if day is not None]
        total += value * curve.chance(age, min(ends, default=None))
    return total


def _replicates(
    history: History,
    leads: Sequence[OpenLead],
    realized: Decimal,
    cost: Decimal | None,
    count: int,
    chance: random.Random,
) -> list[tuple[float, float]]:
    """Return the final value and the days until the cost is covered, drawn `count` times."""
    counted = sorted(history.spells.items())
    pool = [(float(win.share), float(win.value)) for win in history.wins]
    waiting: dict[_Ages, list[tuple[float, float | None]]] = defaultdict(list)
    for lead in leads:
        worth = None if lead.worth is None else float(lead.worth)
        waiting[lead.age_days, lead.last_age_days].append((float(lead.weight), worth))
    start, needed = float(realized), math.inf if cost is None else float(cost - realized)
    drawn = []
    for _ in range(count):
        again = {key: _poisson(chance, number) for key, number in counted}
        curve = incidence(again, 1.0)
        values = chance.choices(pool, k=len(pool))
        gains = sorted(_gains(curve, waiting, values, chance))
        drawn.append((start + sum(gain for _, gain in gains), _covered(gains, needed)))
    return drawn


def _gains(
    curve: Incidence[float],
    waiting: Mapping[_Ages, list[tuple[float, float | None]]],
    values: Sequence[tuple[float, float]],
    chance: random.Random,
) -> list[tuple[int, float]]:
    """Let each open lead win or not; return the wins as (days from now, value)."""
    gains = []
    for (age, last), leads in waiting.items():
        likely, won, is_open = curve.chance(age, last), curve.won_by(age), curve.open_after(age)
        for weight, worth in leads:
            luck = chance.random()
            if luck >= likely:
                continue
            # The same luck says when: the day on which the conditional incidence passes it.
            place = bisect_right(curve.won, won + luck * is_open)
            day = curve.days[min(place, len(curve.days) - 1)]
            share, value = chance.choice(values)
            gains.append((day - age, weight * (value if worth is None else share * worth)))
    return gains


def _covered(gains: Sequence[tuple[int, float]], needed: float) -> float:
    total = 0.0
    for days, gain in gains:
        total += gain
        if total >= needed:
            return days
    return math.inf


def _poisson(chance: random.Random, mean: float) -> int:
    """Draw from a Poisson distribution; from 30 on, its normal approximation."""
    if mean >= 30:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def _percentile(ordered: Sequence[float], at: float) -> float:
    """Return a percentile of ordered values, interpolated; never beyond them."""
    position = at * (len(ordered) - 1)
    below = int(position)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    # Infinities stay what they are: their difference, or nothing of one, would be no number.
    return low if low == high or position == below else low + (high - low) * (position - below)


def _payback(
    curve: Incidence[Fraction],
    by_age: _ByAge,
    needed: Fraction,
    drawn: Sequence[float],
    tail: float,
) -> ExpectedPayback:
    reached = sorted(drawn)
    ends = [_percentile(reached, tail), _percentile(reached, 1 - tail)]
    earliest, latest = (math.ceil(end) if math.isfinite(end) else None for end in ends)
    return ExpectedPayback(
        days=_expected_payback(curve, by_age, needed),
        earliest=earliest,
        latest=latest,
        chance=Fraction(sum(math.isfinite(days) for days in reached), len(reached)),
    )


def _expected_payback(curve: Incidence[Fraction], by_age: _ByAge, needed: Fraction) -> int | None:
    """Return the first day on which the expected value has reached `needed`, by halving."""
    if _expected(curve, by_age, None) < needed:
        return None
    low, high = 0, curve.days[-1]
    while low + 1 < high:
        middle = (low + high) // 2
        if _expected(curve, by_age, middle) >= needed:
            high = middle
        else:
            low = middle
    return high
