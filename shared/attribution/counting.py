"""Sufficient statistics of many journeys at once: what Markov and Shapley need of them.

Both are counts in whole numbers, additive over journeys; what follows from them is exact.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shared.attribution.bulk import Integers, Journeys, Truths, sum_by
from shared.attribution.markov import MOST_ORDER, START, Chain, State

__all__ = ["chain_of_many", "shapley_values", "worth_of_sets"]

Keys = npt.NDArray[np.unsignedinteger[Any]]

#: More counters than these take more memory than sorting the keys.
_MOST_COUNTERS: Final = 2**24
#: Journeys are read so many at a time: what is computed of them stays close to the processor.
_AT_A_TIME: Final = 2**15


def chain_of_many(journeys: Journeys, is_converted: Truths, *, order: int = 1) -> Chain:
    """Return the transition counts of many journeys; the same as `chain_of` for each.

    Raises `ValueError` for an order outside 1 to `MOST_ORDER`.
    """
    if not 1 <= order <= MOST_ORDER:
        raise ValueError(f"the order of a chain lies between 1 and {MOST_ORDER}")
    base = len(journeys.names) + 1
    size = base**order
    # What was left, and the channel it was left for: one digit more than a state has.
    moved, last_moved = _Tally(base ** (order + 1)), _Tally(base ** (order + 1))
    at_a_time = max(_AT_A_TIME, moved.size)
    for begin in range(0, len(is_converted), at_a_time):
        offsets = journeys.offsets[begin : begin + at_a_time + 1]
        moves_of_some = _last_channels(journeys, offsets, order + 1)
        ends = offsets[1:][np.flatnonzero(is_converted[begin : begin + at_a_time])]
        moved.add(moves_of_some)
        last_moved.add(moves_of_some[ends - (offsets[0] + 1)])
    moves: dict[State, Counter[State]] = defaultdict(Counter)
    lost: Counter[State] = Counter()
    for move, count in moved.found():
        state, following = (_named(one, journeys, order) for one in (move // base, move % size))
        moves[state][following] = count
        # Who comes to a state and does not leave it again ends there.
        lost[following] += count
        lost[state] -= count
    converted: Counter[State] = Counter()
    for move, count in last_moved.found():
        converted[_named(move % size, journeys, order)] += count
    return Chain(order, moves, converted, +(lost - converted))


def _last_channels(journeys: Journeys, offsets: Integers, count: int) -> Keys:
    """Return each touch's channel and those before it, as digits of one number; 0 is before all.

    ``offsets`` tell where some paths in a row start, and where the last of them ends.
    """
    base = len(journeys.names) + 1
    channels = journeys.channels[offsets[0] : offsets[-1]]
    begins, ends = offsets[:-1] - offsets[0], offsets[1:] - offsets[0]
    digits = channels.astype(np.min_scalar_type(base**count - 1))
    digits += 1
    numbers = digits.copy()
    for back in range(1, count):
        earlier = np.zeros_like(digits)
        np.multiply(digits[:-back], base**back, out=earlier[back:])
        # What lies before a path's start belongs to the path before it.
        earlier[begins] = 0
        for start in range(1, back):
            earlier[(begins + start)[begins + start < ends]] = 0
        numbers += earlier
    return numbers


def _named(state: int, journeys: Journeys, order: int) -> State:
    base = len(journeys.names) + 1
    digits = [state // base**back % base for back in reversed(range(order))]
    return tuple(journeys.names[digit - 1] for digit in digits if digit) or START


class _Tally:
    """How often each key below ``size`` came, of keys that come part by part."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._is_sorted = size > _MOST_COUNTERS
        # Bytes are counted two by two, which takes half as long: there are few enough pairs.
        self._is_of_pairs = size <= 2**8 and not self._is_sorted
        counters = 0 if self._is_sorted else size**2 if self._is_of_pairs else size
        self._counts = np.zeros(counters, dtype=np.int64)
        self._others: Counter[int] = Counter()

    def add(self, keys: Keys) -> None:
        """Count more keys."""
        if self._is_sorted:
            values, counts = np.unique(keys, return_counts=True)
            self._others.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
            return
        if self._is_of_pairs:
            if len(keys) % 2:
                self._others[int(keys[-1])] += 1
            pairs = keys[: len(keys) // 2 * 2].view(np.uint16)
            # Counters of keys alone, not of all bytes: so they fit what a processor keeps at hand.
            keys = pairs - (pairs >> 8) * np.uint16(2**8 - self.size)
        self._counts += np.bincount(keys, minlength=len(self._counts))

    def found(self) -> Iterable[tuple[int, int]]:
        """Return each key there is, and how often."""
        counts = self._counts
        if self._is_of_pairs:
            pairs = counts.reshape(self.size, self.size)
            counts = pairs.sum(axis=0) + pairs.sum(axis=1)
        found = np.flatnonzero(counts)
        every = Counter(dict(zip(found.tolist(), counts[found].tolist(), strict=True)))
        every.update(self._others)
        return every.items()


def worth_of_sets(journeys: Journeys, units: Integers) -> dict[int, int]:
    """Return what the journeys of each set of channels are worth; bit n stands for ``names[n]``.

    Raises `ValueError` for more channels than a number has bits.
    """
    if len(journeys.names) > 62:
        raise ValueError("at most 62 channels fit a set")
    # What is worth nothing adds nothing: most journeys never converted.
    chosen = np.flatnonzero(units)
    blocks = list(journeys.blocks_of(chosen))
    if not blocks:
        return {}
    bits = 1 << np.arange(len(journeys.names))
    sets = np.concatenate([np.bitwise_or.reduce(bits[block.channels]) for block in blocks])
    worth = units.take(chosen).take(np.concatenate([block.places for block in blocks]))
    size = 1 << len(journeys.names)
    if size > _MOST_COUNTERS:
        distinct, sets = np.unique(sets, return_inverse=True)
        sums = sum_by(sets, worth, len(distinct))
        return dict(zip(distinct.tolist(), sums, strict=True))
    return {held: worth for held, worth in enumerate(sum_by(sets, worth, size)) if worth}


def shapley_values(worth: Mapping[int, int], names: Iterable[str]) -> dict[str, Fraction]:
    """Return each channel's Shapley value in the sum game, exact.

    A set of channels is worth what the journeys that used no others are worth. Then the value of
    a journey is shared alike by its channels, for any number of channels.
    """
    shared: dict[str, dict[int, int]] = {name: defaultdict(int) for name in names}
    for held, units in worth.items():
        for place, parts in enumerate(shared.values()):
            if held >> place & 1:
                parts[held.bit_count()] += units
    return {
        name: sum((Fraction(units, size) for size, units in parts.items()), Fraction(0))
        for name, parts in shared.items()
    }
