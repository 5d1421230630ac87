"""Time to close: how likely a lead that is still open becomes a win, and by when.

Most leads of a young cohort are undecided, and those decided first are not like the rest: the part
of closed leads that were won is no estimate. The Aalen-Johansen estimator of the cumulative
incidence counts each day's outcomes among those still at risk on it; open leads count for as long
as they are known (censoring), and a loss is an outcome of its own that ends the risk of a win, not
a censored win (a competing risk). Without losses it is one minus Kaplan-Meier.

Aalen, Johansen (1978), Scand. J. Statist. 5, 141-150; Putter, Fiocco, Geskus (2007), Statist. Med.
26, 2389-2430.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Generic, TypeVar

__all__ = ["Incidence", "Outcome", "Tally", "incidence"]

Number = TypeVar("Number", Fraction, float)


class Outcome(StrEnum):
    """What became of a lead."""

    WON = "won"
    LOST = "lost"
    OPEN = "open"


#: Whole days, 0 or more, from a lead to its close or, while it is open, to now; and what became of
#: it → how many leads.
Tally = Mapping[tuple[int, Outcome], int]


@dataclass(frozen=True, slots=True)
class Incidence(Generic[Number]):
    """Probabilities of a win within so many days, and of still being open after them.

    Step functions: `won[i]` and `open[i]` hold from `days[i]` on; before the first day nothing is
    won and everything is open.
    """

    days: tuple[int, ...]
    won: tuple[Number, ...]
    open: tuple[Number, ...]
    zero: Number

    def won_by(self, day: int) -> Number:
        """Return the probability of a win within `day` days."""
        place = bisect_right(self.days, day)
        return self.won[place - 1] if place else self.zero

    def open_after(self, day: int) -> Number:
        """Return the probability of being open after `day` days."""
        place = bisect_right(self.days, day)
        return self.open[place - 1] if place else self.zero + 1

    def chance(self, age: int, by: int | None = None) -> Number:
        """Return the probability that what is open at `age` is won by the age `by`, or ever.

        Zero at ages that history knows nothing of: no win is expected that was never seen.
        """
        still_open = self.open_after(age)
        if not still_open or not self.days:
            return self.zero
        until = self.days[-1] if by is None else by
        return (self.won_by(until) - self.won_by(age)) / still_open if until > age else self.zero


def incidence(counted: Tally, one: Number) -> Incidence[Number]:
    """Return the Aalen-Johansen estimate in the arithmetic of `one`: exact, or in floats."""
    at_risk = sum(counted.values())
    days, won, still_open = [], [], []
    is_open, wins = one, one - one
    for day in sorted({day for day, _ in counted}):
        wins_today = counted.get((day, Outcome.WON), 0)
        decided = wins_today + counted.get((day, Outcome.LOST), 0)
        if decided and at_risk > 0:
            wins += is_open * wins_today / at_risk
            is_open *= (at_risk - decided) * one / at_risk
            days.append(day)
            won.append(wins)
            still_open.append(is_open)
        # Whoever is open today was at risk today.
        at_risk -= decided + counted.get((day, Outcome.OPEN), 0)
    return Incidence(tuple(days), tuple(won), tuple(still_open), one - one)
