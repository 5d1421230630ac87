"""Sufficient statistics of many journeys at once: what Markov and Shapley need of them.

Both are counts in whole numbers, additive over journeys; what follows from them is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np

from shared.attribution.bulk import Integers, Journeys, Truths, sum_by
from shared.attribution.markov import MOST_ORDER, START, Chain, State

__all__ = ["chain_of_many", "shapley_values", "worth_of_sets"]

_MOST_COUNTERS = 2**24


def chain_of_many(journeys: Journeys, is_converted: Truths, *, order: int = 1) -> Chain:
    """Return the transition counts of many journeys; the same as `chain_of` for each.

    Raises `ValueError` for an order outside 1 to `MOST_ORDER`.
    """
    if not 1 <= order <= MOST_ORDER:
        raise ValueError(f"the order of a chain lies between 1 and {MOST_ORDER}")
    states = _states(journeys, order)
    base = len(journeys.names) + 1
    before = np.empty_like(states)
    before[1:] = states[:-1]
    before[journeys.offsets[:-1]] = 0
    moves: dict[State, Counter[State]] = defaultdict(Counter)
    size = base**order
    for pair, count in _counted(before * size + states, size * size):
        one, other = divmod(pair, size)
        moves[_named(one, journeys, order)][_named(other, journeys, order)] = count
    last = states[journeys.offsets[1:] - 1]
    converted, lost = (
        Counter({_named(state, journeys, order): n for state, n in _counted(last[chosen], size)})
        for chosen in (is_converted, ~is_converted)
    )
    return Chain(order, moves, converted, lost)


def _states(journeys: Journeys, order: int) -> Integers:
    """Return the state after each touch: the last channels, as digits of one number."""
    digits = journeys.channels + 1
    base = len(journeys.names) + 1
    states = digits.copy()
    for back in range(1, order):
        earlier = np.zeros_like(digits)
        earlier[back:] = digits[:-back]
        # What lies before a path's start belongs to the path before it.
        for start in range(back):
            begins = journeys.offsets[:-1] + start
            earlier[begins[begins < journeys.offsets[1:]]] = 0
        states += earlier * base**back
    return states


def _named(state: int, journeys: Journeys, order: int) -> State:
    base = len(journeys.names) + 1
    digits = [state // base**back % base for back in reversed(range(order))]
    return tuple(journeys.names[digit - 1] for digit in digits if digit) or START


def _counted(keys: Integers, size: int) -> Iterable[tuple[int, int]]:
    if size <= _MOST_COUNTERS:
        counts = np.bincount(keys, minlength=1)
        found = np.flatnonzero(counts)
        return zip(found.tolist(), counts[found].tolist(), strict=True)
    values, counts = np.unique(keys, return_counts=True)
    return zip(values.tolist(), counts.tolist(), strict=True)


def worth_of_sets(journeys: Journeys, units: Integers) -> dict[int, int]:
    """Return what the journeys of each set of channels are worth; bit n stands for ``names[n]``.

    Raises `ValueError` for more channels than a number has bits.
    """
    if len(journeys.names) > 62:
        raise ValueError("at most 62 channels fit a set")
    sets = np.bitwise_or.reduceat(1 << journeys.channels, journeys.offsets[:-1])
    size = 1 << len(journeys.names)
    if size > _MOST_COUNTERS:
        distinct, sets = np.unique(sets, return_inverse=True)
        sums = sum_by(sets, units, len(distinct))
        return dict(zip(distinct.tolist(), sums, strict=True))
    return {held: worth for held, worth in enumerate(sum_by(sets, units, size)) if worth}


def shapley_values(worth: Mapping[int, int], names: Iterable[str]) -> dict[str, Fraction]:
    """Return each channel's Shapley value in the sum game, exact.

    A set of channels is worth what the journeys that used no others are worth. Then the value of
    a journey is shared alike by its channels, for any number of channels.
    """
    values = dict.fromkeys(names, Fraction(0))
    shared: dict[str, dict[int, int]] = {name: defaultdict(int) for name in values}
    for held, units in worth.items():
        for place, name in enumerate(values):
            if held >> place & 1:
                shared[name][held.bit_count()] += units
    return {
        name: sum((Fraction(units, size) for size, units in parts.items()), Fraction(0))
        for name, parts in shared.items()
    }
