"""The removal effect: what would be lost of all conversions if a channel did not exist.

Journeys are read as a Markov chain: Start, then one state per touch, then Conv or Null, with the
transition frequencies of the journeys themselves, those that led nowhere included. p is the
probability to get from Start to Conv. Without a channel every move into it goes to Null; the part
of p lost by that is the channel's removal effect, 1 - p_without / p. Effects do not add up to 1
and are scaled to do so. In a chain of order k a state is the last k channels.

Nothing is simulated and nothing is rounded. The sufficient statistics are transition counts, whole
numbers that add up over journeys; p solves a linear system of whole numbers. Up to `EXACT_STATES`
states it is solved by fraction-free elimination; above, where the digits of exact fractions would
grow beyond use, two sequences of fixed-point numbers close in on it, one from below and one from
above, until they are `TOLERANCE` apart. What is left between them is stated as the error.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, NamedTuple

__all__ = [
    "CONVERTED",
    "EXACT_STATES",
    "LOST",
    "MOST_ORDER",
    "START",
    "TOLERANCE",
    "Chain",
    "PathCount",
    "RemovalEffect",
    "RemovalEffects",
    "State",
    "chain_of",
    "removal_effects",
]

EXACT_STATES: Final = 64
TOLERANCE: Final = Fraction(1, 2**64)
MOST_ORDER: Final = 3

State = tuple[str, ...]
START: Final[State] = ()
CONVERTED: Final = "converted"
LOST: Final = "lost"

_FIXED_POINT: Final = 96
# Each sweep takes at least the shortest way to an end off the gap; far more than journeys need.
_MOST_SWEEPS: Final = 20_000


class PathCount(NamedTuple):
    """How many journeys went along one sequence of channels, and how many of them converted."""

    channels: Sequence[str]
    journeys: int
    converted: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Transition counts of order `order`: additive, so journeys can be added and taken back.

    `moves` counts the moves from a state to another one, `converted` those from a state to the
    conversion and `lost` those to nowhere.
    """

    order: int
    moves: Mapping[State, Mapping[State, int]]
    converted: Mapping[State, int]
    lost: Mapping[State, int]

    def leaving(self, state: State) -> int:
        """Return how often a state was left."""
        to_others = sum(self.moves.get(state, {}).values())
        return to_others + self.converted.get(state, 0) + self.lost.get(state, 0)

    @property
    def states(self) -> list[State]:
        """Return every state but the ends, Start first."""
        known = {START, *self.moves, *self.converted, *self.lost}
        return sorted(known, key=lambda state: (len(state), state))

    @property
    def channels(self) -> list[str]:
        """Return every channel on any path."""
        return sorted({channel for state in self.states for channel in state})


class RemovalEffect(NamedTuple):
    """What one channel is worth: `effect` is 1 - without / p, `share` its part of all effects."""

    channel: str
    without: Fraction
    effect: Fraction
    share: Fraction


@dataclass(frozen=True, slots=True)
class RemovalEffects:
    """The probability to convert, and each channel's part in it.

    `error` bounds how far any of the probabilities can be from the exact one: 0 where they are
    exact.
    """

    probability: Fraction
    channels: tuple[RemovalEffect, ...]
    error: Fraction


def chain_of(paths: Iterable[PathCount], *, order: int = 1) -> Chain:
    """Return the transition counts of the paths; a path without touches is no journey.

    Raises `ValueError` for an order outside 1 to `MOST_ORDER`.
    """
    if not 1 <= order <= MOST_ORDER:
        raise ValueError(f"the order of a chain lies between 1 and {MOST_ORDER}")
    moves: dict[State, Counter[State]] = defaultdict(Counter)
    converted: Counter[State] = Counter()
    lost: Counter[State] = Counter()
    for path in paths:
        if not path.channels or not path.journeys:
            continue
        state = START
        for channel in path.channels:
            following = (*state, channel)[-order:]
            moves[state][following] += path.journeys
            state = following
        converted[state] += path.converted
        lost[state] += path.journeys - path.converted
    return Chain(order, moves, +converted, +lost)


def removal_effects(chain: Chain) -> RemovalEffects | None:
    """Return the removal effect of every channel; None where no journey converted at all."""
    probability, error = _probability(chain, without=None)
    if not chain.converted:
        return None
    without = {}
    for channel in chain.channels:
        left, more = _probability(chain, without=channel)
        # Nobody converts more often for lack of a channel. The middle of two bounds may say so, by
        # a hair; and an effect below 0 is nothing that could be divided by.
        without[channel] = min(left, probability)
        error = max(error, more)
    effects = {channel: 1 - left / probability for channel, left in without.items()}
    total = sum(effects.values(), Fraction(0))
    return RemovalEffects(
        probability,
        tuple(
            RemovalEffect(channel, without[channel], effect, effect / total)
            for channel, effect in effects.items()
        ),
        error,
    )


class _System(NamedTuple):
    """leaving[i] x[i] = sum of moves[i][j] x[j] + converted[i]; Start is the last unknown."""

    leaving: list[int]
    moves: list[dict[int, int]]
    converted: list[int]


def _probability(chain: Chain, *, without: str | None) -> tuple[Fraction, Fraction]:
    """Return the probability to convert when nobody reaches a channel, and its error."""
    if without is None:
        # Whatever the order: the chain converts as often as its journeys did.
        journeys = chain.leaving(START)
        return Fraction(sum(chain.converted.values()), journeys or 1), Fraction(0)
    system = _system(chain, without)
    if len(system.leaving) <= EXACT_STATES:
        return _eliminated(system), Fraction(0)
    return _enclosed(system)


def _system(chain: Chain, without: str) -> _System:
    # What cannot be reached any more does not matter, which keeps the system small and regular.
    found = {START}
    reached = [START]
    for state in reached:
        following = chain.moves.get(state, {}).keys() - found
        reached += sorted(other for other in following if other[-1] != without)
        found |= following
    reached.reverse()
    number = {state: place for place, state in enumerate(reached)}
    return _System(
        leaving=[chain.leaving(state) for state in reached],
        moves=[
            {
                number[following]: count
                for following, count in chain.moves.get(state, {}).items()
                if following in number
            }
            for state in reached
        ],
        converted=[chain.converted.get(state, 0) for state in reached],
    )


def _eliminated(system: _System) -> Fraction:
    """Solve for Start by Bareiss's elimination: whole numbers throughout, every division exact.

    From every state some path leads to an end, so the matrix is a nonsingular M-matrix: each pivot
    is positive and none has to be looked for.
    """
    size = len(system.leaving)
    rows = [
        [-system.moves[i].get(j, 0) for j in range(size)] + [system.converted[i]]
        for i in range(size)
    ]
    for i in range(size):
        rows[i][i] += system.leaving[i]
    previous = 1
    for k in range(size - 1):
        # What lies left of the pivot is done with, and left off.
        pivot, *above = rows[k]
        for i in range(k + 1, size):
            factor, *row = rows[i]
            rows[i] = [
                (pivot * value - factor * other) // previous
                for value, other in zip(row, above, strict=True)
            ]
        previous = pivot
    leaving, converted = rows[-1]
    return Fraction(converted, leaving)


def _enclosed(system: _System) -> tuple[Fraction, Fraction]:
    """Solve for Start from both sides; return the middle and half of what lies between.

    Whatever is put in for the unknowns, a sweep with lower values gives lower ones: rounded down
    from 0 and up from 1, the sequences hold the solution between them at every step.
    """
    one = 1 << _FIXED_POINT
    size = len(system.leaving)
    below, above = [0] * size, [one] * size
    steps = [
        # A state that leads to itself is solved for itself at once: long stays cost no sweeps.
        (
            [(j, count) for j, count in system.moves[i].items() if j != i],
            system.converted[i] << _FIXED_POINT,
            system.leaving[i] - system.moves[i].get(i, 0),
        )
        for i in range(size)
    ]
    enough = int(TOLERANCE * one)
    for _ in range(_MOST_SWEEPS):
        for i, (moves, converted, leaving) in enumerate(steps):
            low, high = converted, converted
            for j, count in moves:
                low += count * below[j]
                high += count * above[j]
            below[i] = max(below[i], low // leaving)
            above[i] = min(above[i], -(-high // leaving))
        if above[-1] - below[-1] <= enough:
            break
    scale = 2 * one
    return Fraction(below[-1] + above[-1], scale), Fraction(above[-1] - below[-1], scale)
