"""The journeys of the attribution benchmarks: invented from a fixed seed, the same for everybody.

Needs numpy alone: it also runs in an environment of the other libraries.
"""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["CHANNELS", "Made", "make"]

CHANNELS = tuple(f"c{number}" for number in range(10))
_MEAN_TOUCHES = 3.3
_CONVERTING = 0.12
_WINDOW_DAYS = 90
_MOST_CENTS = 5_000_000


class Made(NamedTuple):
    """Flat arrays: where each journey starts, its touches, whether it converted, its cents."""

    offsets: Any
    channels: Any
    days: Any
    is_converted: Any
    cents: Any


def make(size: int) -> Made:
    """Return ``size`` journeys: 10 channels of unequal use, 3.3 touches each, 12 % convert."""
    random = np.random.default_rng(20250322)
    lengths = random.geometric(1 / _MEAN_TOUCHES, size)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    use = np.arange(len(CHANNELS), 0, -1) / sum(range(len(CHANNELS) + 1))
    channels = random.choice(len(CHANNELS), offsets[-1], p=use)
    days = random.integers(0, _WINDOW_DAYS + 1, offsets[-1])
    journey = np.repeat(np.arange(size), lengths)
    days = days[np.lexsort((-days, journey))]
    return Made(
        offsets,
        channels,
        days,
        random.random(size) < _CONVERTING,
        random.integers(1, _MOST_CENTS, size),
    )
