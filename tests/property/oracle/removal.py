"""The removal effect of roi.md: journeys read as a Markov chain, a channel taken out of it.

States are Start and, after each touch, the last ``order`` channels; P are the transition counts of
all journeys, won and lost, normalized. p is the probability to get from Start to Conv. Without a
channel all moves into it go to Null; RE = 1 - p_without / p, scaled to add up to 1. Every
probability is the exact solution of x = Q x + R in fractions, over all states there are.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

__all__ = ["Effect", "effects", "probability", "transitions"]

State = tuple[str, ...]
START: State = ()
CONVERTED, LOST = ("(converted)",), ("(lost)",)
#: The channels of a journey in order, and whether it was won.
Journey = tuple[Sequence[str], bool]


class Effect(NamedTuple):
    """What one channel is worth: ``share`` is its part of the sum of all effects."""

    without: Fraction
    effect: Fraction
    share: Fraction


def transitions(journeys: Iterable[Journey], order: int) -> Counter[tuple[State, State]]:
    """Return how often each state followed another one."""
    counts: Counter[tuple[State, State]] = Counter()
    for channels, is_won in journeys:
        path = [tuple(channels[max(0, n - order) : n]) for n in range(len(channels) + 1)]
        path.append(CONVERTED if is_won else LOST)
        counts.update(pairwise(path))
    return counts


def probability(counts: Counter[tuple[State, State]], without: str | None = None) -> Fraction:
    """Return the probability to get from Start to Conv when nobody gets to a channel."""
    states = sorted({state for state, _ in counts})
    left = Counter[State]()
    for (state, _), count in counts.items():
        left[state] += count
    rows = []
    for state in states:
        row = [Fraction(state == other) for other in states] + [Fraction(0)]
        for (before, after), count in counts.items():
            if before != state or after == LOST:
                continue
            if after == CONVERTED:
                row[-1] += Fraction(count, left[state])
            elif after[-1] != without:
                row[states.index(after)] -= Fraction(count, left[state])
        rows.append(row)
    return _solved(rows)[states.index(START)]


def _solved(rows: list[list[Fraction]]) -> list[Fraction]:
    """Solve linear equations, the last column being the right-hand side, by Gauss and Jordan."""
    for place in range(len(rows)):
        pivot = next(n for n in range(place, len(rows)) if rows[n][place])
        rows[place], rows[pivot] = rows[pivot], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for n, row in enumerate(rows):
            if n != place and row[place]:
                factor = row[place]
                rows[n] = [a - factor * b for a, b in zip(row, rows[place], strict=True)]
    return [row[-1] for row in rows]


def effects(journeys: Sequence[Journey], order: int) -> dict[str, Effect]:
    """Return the effect of every channel on any path; nothing while no journey was won."""
    if not any(is_won for _, is_won in journeys):
        return {}
    counts = transitions(journeys, order)
    p = probability(counts)
    channels = sorted({channel for path, _ in journeys for channel in path})
    without = {channel: probability(counts, channel) for channel in channels}
    lost = {channel: 1 - left / p for channel, left in without.items()}
    total = sum(lost.values(), Fraction(0))
    return {c: Effect(without[c], lost[c], lost[c] / total) for c in channels}
