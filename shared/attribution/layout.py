"""Many journeys as flat arrays, and as matrices of one length of path each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["Block", "Integers", "Journeys", "Narrow", "Truths"]

Integers = npt.NDArray[np.int64]
#: Whole numbers of any width: the narrower, the less there is to fetch.
Narrow = npt.NDArray[np.integer[Any]]
Truths = npt.NDArray[np.bool_]


#: What a processor keeps at hand; smaller blocks take longer to ask for than to compute.
_TOUCHES_AT_A_TIME: Final = 2**16


@dataclass(frozen=True)
class Journeys:
    """Many paths; arrays of touches are as long as all paths together.

    Attributes:
        offsets: where each path starts, and at last where the last one ends; no path is empty.
        channels: the channel of each touch, as a place in ``names``.
        days: whole days of each touch before its conversion.
        names: the channels.
        stages: of each stage of a conversion, the touch of each path that led to it (the last one
            at or before it), counted from the path's start; -1 where there is none.
    """

    offsets: Integers
    channels: Narrow
    days: Narrow
    names: tuple[str, ...]
    stages: tuple[Integers, ...] = ()

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Return the journeys as matrices, of one length of path each."""
        return tuple(self.blocks_of(np.arange(len(self.offsets) - 1)))

    def blocks_of(self, chosen: Integers) -> Iterator[Block]:
        """Yield some of the journeys as matrices, of one length of path each."""
        begins = self.offsets.take(chosen)
        lengths = self.offsets[1:].take(chosen) - begins
        # Numbers of 8 or 16 bits are sorted by radix, in a tenth of the time.
        order = np.argsort(lengths.astype(_smallest(lengths)), kind="stable")
        begins = begins.take(order)
        counts = np.bincount(lengths)
        begin = 0
        for length in np.flatnonzero(counts).tolist():
            end = begin + counts[length]
            step = max(_TOUCHES_AT_A_TIME // length, 1)
            for some in range(begin, end, step):
                until = min(some + step, end)
                touches = begins[some:until] + np.arange(length)[:, None]
                yield Block(self, chosen, order[some:until], touches)
            begin = end


@dataclass(frozen=True)
class Block:
    """Journeys of one length, a column each.

    Attributes:
        of: all the journeys that these are some of.
        chosen: the journeys that were asked for.
        places: which of those they are.
        touches: where their touches lie: row p holds the p-th touch of each.
    """

    of: Journeys
    chosen: Integers
    places: Integers
    touches: Integers

    @property
    def length(self) -> int:
        """Return how many touches each path has."""
        return len(self.touches)

    @property
    def journeys(self) -> Integers:
        """Return which journeys they are of all."""
        return self.chosen.take(self.places)

    @cached_property
    def channels(self) -> Narrow:
        """Return the channel of each touch, as a place among the names."""
        return self.of.channels.take(self.touches)

    @cached_property
    def days(self) -> Narrow:
        """Return the whole days of each touch before its conversion."""
        return self.of.days.take(self.touches)

    @cached_property
    def stages(self) -> tuple[Integers, ...]:
        """Return, of each stage, the row of the touch that led to it; -1 where there is none."""
        return tuple(stage.take(self.journeys) for stage in self.of.stages)


def _smallest(numbers: Integers) -> np.dtype[np.integer[Any]]:
    return np.min_scalar_type(int(numbers.max(initial=0)))
