"""What a program changed, by comparing teams that have started with those that have not, exactly.

The effect on the teams of one start in one week is how far their mean moved since the week before
it, less how far the mean of the teams moved that are still waiting in that week (Callaway,
Sant'Anna 2021). Everything is a mean of these over team-weeks; its error is the jackknife over
teams, with Student's t of Satterthwaite's degrees of freedom, rounded down: were all outcomes
independent and alike, its square would be a sum of squares of so many. Before the start: the slope
towards it, and starts pretended to be up to four weeks earlier.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import floor, inf, sqrt
from typing import NamedTuple, cast

from tests.property.oracle.student import quantile, within

__all__ = ["Compared", "Effects", "Estimated", "compared", "effects_by_age"]

_FEWEST_TEAMS, _FEWEST_STARTED, _FEWEST_WEEKS, _EARLIER = 6, 2, 4, 4


class Compared(NamedTuple):
    """A team: the week in which it started, if any, and its outcome in each week."""

    start: int | None
    outcomes: Sequence[Fraction]


class Estimated(NamedTuple):
    """A value, its error, its interval, and how likely it is to be as far from 0 by chance."""

    value: Fraction
    error: float
    degrees: int
    low: float
    high: float
    p: float


class Effects(NamedTuple):
    """The effect, and what may not be found before the start."""

    effect: Estimated
    pre_trend: Estimated
    placebo: Estimated


#: A team and a week.
_Place = tuple[int, int]
#: A weight and a value: of these the statistics are means.
Part = tuple[Fraction, Fraction]
Teams = Sequence[Compared]


def compared(teams: Teams) -> Effects | str:
    """Return the estimates, or why there are none."""
    starts = [team.start for team in teams if team.start is not None]
    if len(teams) < _FEWEST_TEAMS:
        return "too_few_teams"
    if len(starts) < _FEWEST_STARTED:
        return "too_few_teams_that_started"
    if min(starts) < _FEWEST_WEEKS:
        return "too_few_weeks_before_the_start"
    found = [_estimated(teams, parts) for parts in (_overall, _towards, _pretended)]
    known = [one for one in found if one is not None]
    return Effects(*known) if len(known) == len(found) else "too_few_teams_that_waited"


def effects_by_age(teams: Teams) -> dict[int, tuple[Fraction, int]]:
    """Return weeks since the start → the mean effect, and over how many teams."""
    found: dict[int, list[Part]] = {}
    for start, count, week, moved in _effects(teams):
        found.setdefault(week - start, []).append((count, moved))
    return {
        age: (_mean(parts) or Fraction(0), int(sum(weight for weight, _ in parts)))
        for age, parts in found.items()
    }


def _moved(teams: Sequence[Compared], since: int, week: int) -> Fraction:
    moves = [team.outcomes[week] - team.outcomes[since] for team in teams]
    return sum(moves, Fraction(0)) / len(moves)


def _beyond(teams: Teams, start: int, since: int, week: int, waiting_in: int) -> Fraction | None:
    """Return how far those of a start moved beyond those still waiting in a week, if any are."""
    waiting = [team for team in teams if team.start is None or team.start > waiting_in]
    if not waiting:
        return None
    started = [team for team in teams if team.start == start]
    return _moved(started, since, week) - _moved(waiting, since, week)


def _cohorts(teams: Teams) -> Iterator[tuple[int, Fraction]]:
    starts = [team.start for team in teams if team.start is not None]
    for start in sorted(set(starts)):
        yield start, Fraction(starts.count(start))


def _effects(teams: Teams) -> Iterator[tuple[int, Fraction, int, Fraction]]:
    for start, count in _cohorts(teams):
        for week in range(start, len(teams[0].outcomes)):
            moved = _beyond(teams, start, start - 1, week, week)
            if moved is not None:
                yield start, count, week, moved


def _overall(teams: Teams) -> Iterator[Part]:
    yield from ((count, moved) for _, count, _, moved in _effects(teams))


def _towards(teams: Teams) -> Iterator[Part]:
    """Yield the slopes towards the last week before the start: least squares weighs them so."""
    for start, count in _cohorts(teams):
        for week in range(start - 1):
            moved = _beyond(teams, start, start - 1, week, start)
            if moved is not None:
                back = week - (start - 1)
                yield count * back**2, moved / back


def _pretended(teams: Teams) -> Iterator[Part]:
    for start, count in _cohorts(teams):
        early = start - min(_EARLIER, start // 2)
        for week in range(early, start):
            moved = _beyond(teams, start, early - 1, week, start)
            if moved is not None:
                yield count, moved


def _mean(parts: Sequence[Part]) -> Fraction | None:
    weight = sum((weight for weight, _ in parts), Fraction(0))
    return sum((w * value for w, value in parts), Fraction(0)) / weight if weight else None


def _estimated(teams: Teams, parts: Callable[[Teams], Iterator[Part]]) -> Estimated | None:
    """Return an estimate; None if it does not stand without any one of the teams."""
    value = _mean(list(parts(teams)))
    count = len(teams)
    without = [_mean(list(parts([*teams[:n], *teams[n + 1 :]]))) for n in range(count)]
    if value is None or None in without:
        return None
    squares = sum((((one or Fraction(0)) - value) ** 2 for one in without), Fraction(0))
    error = sqrt(squares * (count - 1) / count)
    degrees = _degrees(teams, parts)
    half = quantile(0.975, degrees) * error
    distance = abs(float(value)) / error if error else inf if value else 0.0
    p = 1 - within(distance, degrees)
    return Estimated(value, error, degrees, float(value) - half, float(value) + half, p)


def _degrees(teams: Teams, parts: Callable[[Teams], Iterator[Part]]) -> int:
    """Return (Σ λ)² / Σ λ² of what leaving out each team changes, with the λ of their products."""
    count = len(teams)
    whole = _counted(teams, range(count), parts)
    changes = []
    for left_out in range(count):
        rest = [n for n in range(count) if n != left_out]
        found = _counted(teams, rest, parts)
        keys = whole.keys() | found.keys()
        changes.append(
            {key: found.get(key, Fraction(0)) - whole.get(key, Fraction(0)) for key in keys}
        )
    products = [
        [
            sum((a * other.get(key, Fraction(0)) for key, a in one.items()), Fraction(0))
            for other in changes
        ]
        for one in changes
    ]
    trace = sum((products[n][n] for n in range(count)), Fraction(0))
    squares = sum((one * one for row in products for one in row), Fraction(0))
    return min(count - 1, floor(trace * trace / squares))


class _Weighed:
    """A weighted sum of outcomes that are not known: what a statistic does to a number, it does."""

    def __init__(self, parts: Mapping[_Place, Fraction]) -> None:
        self.parts = parts

    def __add__(self, other: "_Weighed | Fraction") -> "_Weighed":
        return self._with(other, 1)

    __radd__ = __add__

    def __sub__(self, other: "_Weighed") -> "_Weighed":
        return self._with(other, -1)

    def __mul__(self, factor: Fraction) -> "_Weighed":
        return _Weighed({place: factor * part for place, part in self.parts.items()})

    __rmul__ = __mul__

    def __truediv__(self, divisor: Fraction | int) -> "_Weighed":
        return self * Fraction(1, divisor)

    def _with(self, other: "_Weighed | Fraction", sign: int) -> "_Weighed":
        # A sum begins with the number 0.
        found, more = dict(self.parts), other.parts if isinstance(other, _Weighed) else {}
        for place, part in more.items():
            found[place] = found.get(place, Fraction(0)) + sign * part
        return _Weighed(found)


def _counted(
    teams: Teams, of: Sequence[int], parts: Callable[[Teams], Iterator[Part]]
) -> Mapping[_Place, Fraction]:
    """Return how much the outcome of each of some teams counts in each week."""
    weeks = range(len(teams[0].outcomes))
    unknown = [[_Weighed({(team, week): Fraction(1)}) for week in weeks] for team in of]
    told = [
        Compared(teams[team].start, cast("Sequence[Fraction]", row))
        for team, row in zip(of, unknown, strict=True)
    ]
    return cast("_Weighed", _mean(list(parts(told)))).parts
