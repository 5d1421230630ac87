"""The same credit for many journeys at once, with numpy: equal to the last unit, only faster.

Journeys lie one after another in flat arrays; those of one length form a matrix, one column each,
so that no step looks at a single journey. Units are divided in 64-bit whole numbers wherever
products fit. Decay, whose exact weights have forty digits, is computed in floats with a bound on
their error. Where a product might not fit, or the bound leaves a unit in doubt, a journey is
divided as it would be alone: nothing is ever approximate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.attribution.models import (
    DEFAULT_HALF_LIFE_DAYS,
    DIRECT_CHANNEL,
    PATTERNS,
    powers_of_half,
    shapley_weights,
)
from shared.kpis.vocabulary import AttributionModel
from shared.money import split_units

__all__ = ["Block", "Integers", "Journeys", "Truths", "divide", "divide_block", "sum_by", "totals"]

Integers = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

_FITS: Final = 2**62
#: Comparing each touch of a path with each other one takes memory: longer paths go one by one.
_LONGEST_COMPARED: Final = 24
_EPSILON: Final = float(np.finfo(np.float64).eps)


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
    channels: Integers
    days: Integers
    names: tuple[str, ...]
    stages: tuple[Integers, ...] = ()

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Return the journeys as matrices, one for each length of path."""
        return tuple(self.blocks_of(np.arange(len(self.offsets) - 1)))

    def blocks_of(self, journeys: Integers) -> Iterator[Block]:
        """Yield some of the journeys as matrices, one for each length of path."""
        lengths = np.diff(self.offsets)[journeys]
        order = np.argsort(lengths, kind="stable")
        distinct, begins = np.unique(lengths[order], return_index=True)
        groups = np.split(journeys[order], begins[1:])
        for length, rows in zip(distinct.tolist(), groups, strict=True):
            touches = self.offsets[rows] + np.arange(length)[:, None]
            yield Block(
                rows,
                touches,
                self.channels[touches],
                self.days[touches],
                self.names,
                tuple(stage[rows] for stage in self.stages),
            )


class Block(NamedTuple):
    """The journeys of one length, a column each: ``touches[p, i]`` is where p-th touches lie."""

    journeys: Integers
    touches: Integers
    channels: Integers
    days: Integers
    names: tuple[str, ...]
    stages: tuple[Integers, ...]

    @property
    def length(self) -> int:
        """Return how many touches each path has."""
        return len(self.touches)

    def weights_of(
        self, model: AttributionModel, journey: int, half_life: int | Decimal
    ) -> Sequence[int]:
        """Return the exact weights of one journey, by its place in the block."""
        match model:
            case AttributionModel.TIME_DECAY:
                return powers_of_half(self.days[:, journey].tolist(), half_life)
            case AttributionModel.SHAPLEY:
                return shapley_weights(self.channels[:, journey].tolist())
            case AttributionModel.W_SHAPED:
                weights: list[int] = _w_shaped(self)[:, journey].tolist()
                return weights
        return PATTERNS[model](self.length)


def divide(
    model: AttributionModel,
    journeys: Journeys,
    units: Integers,
    *,
    half_life_days: int | Decimal = DEFAULT_HALF_LIFE_DAYS,
) -> Integers:
    """Divide the units of each journey among its touches under one model.

    The same as `split_units` with the model's `weights`, journey by journey. ``units`` are whole
    minor units of an amount, or 10^12 for shares. Raises `ValueError` for a half-life that is not
    positive.
    """
    parts = np.zeros(len(journeys.channels), dtype=np.int64)
    for block in journeys.blocks:
        parts[block.touches] = divide_block(model, block, units[block.journeys], half_life_days)
    return parts


def totals(
    models: Sequence[AttributionModel],
    journeys: Journeys,
    units: Integers,
    *,
    chosen: Integers,
    half_life_days: int | Decimal = DEFAULT_HALF_LIFE_DAYS,
) -> dict[AttributionModel, list[int]]:
    """Return what each channel gets of the chosen journeys' units, in the order of ``names``.

    The sums of what `divide` returns, without keeping it.
    """
    size = len(journeys.names)
    sums = {model: [0] * size for model in models}
    for block in journeys.blocks_of(chosen):
        for model, so_far in sums.items():
            parts = divide_block(model, block, units[block.journeys], half_life_days)
            earned = sum_by(block.channels.ravel(), parts.ravel(), size)
            sums[model] = [one + more for one, more in zip(so_far, earned, strict=True)]
    return sums


def divide_block(
    model: AttributionModel, block: Block, units: Integers, half_life_days: int | Decimal
) -> Integers:
    """Divide the units of the journeys of one length, as `divide` does."""
    if half_life_days <= 0:
        raise ValueError("a half-life must be positive")
    parts, doubtful = _DIVIDERS[model](block, np.abs(units), half_life_days)
    if (units < 0).any():
        parts = parts * np.sign(units)  # a negative amount is the mirror image
    for journey in np.flatnonzero(doubtful).tolist():
        weights = block.weights_of(model, journey, half_life_days)
        parts[:, journey] = split_units(int(units[journey]), weights)
    return parts


def sum_by(keys: Integers, units: Integers, size: int) -> list[int]:
    """Return the exact sums of units by key, 0 to ``size`` - 1."""
    # `bincount` sums floats, exactly below 2^53: in halves where they might get there.
    if len(units) and len(units) * int(np.abs(units).max()) < 2**53:
        return [int(one) for one in np.bincount(keys, weights=units, minlength=size)]
    halves = (units & 0xFFFFFF, units >> 24)
    low, high = (np.bincount(keys, weights=half, minlength=size) for half in halves)
    return [int(one) + (int(other) << 24) for one, other in zip(low, high, strict=True)]


_HalfLife = int | Decimal
#: What each touch gets, and which journeys must be divided alone.
_Divided = tuple[Integers, Truths]


def _certain(units: Integers) -> Truths:
    return np.zeros(len(units), dtype=np.bool_)


def _first(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    parts = np.zeros(block.touches.shape, dtype=np.int64)
    parts[0] = units
    return parts, _certain(units)


def _last(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    parts = np.zeros(block.touches.shape, dtype=np.int64)
    parts[-1] = units
    return parts, _certain(units)


def _last_non_direct(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    if DIRECT_CHANNEL not in block.names:
        return _last(block, units, _)
    # The first from behind; where all are direct, the last.
    is_known = block.channels != block.names.index(DIRECT_CHANNEL)
    earner = block.length - 1 - np.argmax(is_known[::-1], axis=0)
    parts = np.zeros(block.touches.shape, dtype=np.int64)
    parts[earner, np.arange(len(units))] = units
    return parts, _certain(units)


def _linear(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    quota, left = np.divmod(units, block.length)
    return quota + (np.arange(block.length)[:, None] < left), _certain(units)


def _position(block: Block, units: Integers, half_life: _HalfLife) -> _Divided:
    """Divide among two kinds of touches, the ends and those between: nothing to sort."""
    if block.length <= 2:
        return _linear(block, units, half_life)
    pattern = np.array(PATTERNS[AttributionModel.POSITION](block.length))
    doubtful = units >= _FITS // int(pattern.max())
    small = np.where(doubtful, 0, units)
    total = int(pattern.sum())
    end, end_rest = np.divmod(small * pattern[0], total)
    middle, middle_rest = np.divmod(small, total)
    left = small - 2 * end - (block.length - 2) * middle
    is_end = (pattern == pattern[0]).astype(np.int64)
    # Who is served first, by whose remainder is the larger: in order, the ends, the others.
    orders = (np.zeros_like(is_end), 1 - is_end, is_end)
    ranks = np.array([np.argsort(np.argsort(order, kind="stable")) for order in orders])
    larger = np.where(end_rest == middle_rest, 0, np.where(end_rest > middle_rest, 1, 2))
    parts = np.where(is_end[:, None], end, middle)
    parts += ranks.T[:, larger] < left
    return parts, doubtful


def _w_shaped(block: Block) -> Integers:
    roles = np.zeros(block.touches.shape, dtype=np.int64)
    roles[0] = 1
    for stage in block.stages:
        known = np.flatnonzero(stage >= 0)
        roles[stage[known], known] += 1
    others = (roles == 0).sum(axis=0)
    return np.where(roles > 0, 3 * roles * np.maximum(others, 1), 1)


def _by_stages(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    return _by_weights(_w_shaped(block), units)


def _shapley(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    if block.length > _LONGEST_COMPARED:
        return np.zeros(block.touches.shape, dtype=np.int64), ~_certain(units)
    touches = (block.channels[:, None] == block.channels[None]).sum(axis=1)
    return _by_weights(np.lcm.reduce(touches, axis=0) // touches, units)


def _by_weights(weights: Integers, units: Integers) -> _Divided:
    """Divide by largest remainder, in whole numbers."""
    doubtful = units >= _FITS // weights.max(axis=0)
    small = np.where(doubtful, 0, units)
    parts, rest = np.divmod(small * weights, weights.sum(axis=0))
    return parts + _served(rest, small - parts.sum(axis=0)), doubtful


def _served(rest: npt.NDArray[Any], left: Integers) -> Truths:
    """Tell the touches that get one more: those with the largest remainders, ties in order."""
    length = len(rest)
    if length > _LONGEST_COMPARED:
        order = np.argsort(-rest, axis=0, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(length)[:, None], axis=0)
        return rank < left
    rank = np.zeros(rest.shape, dtype=np.int8)
    for later in range(1, length):
        for earlier in range(later):
            comes_first = rest[earlier] >= rest[later]
            rank[later] += comes_first
            rank[earlier] += ~comes_first
    return rank < left


def _decay(block: Block, units: Integers, half_life: _HalfLife) -> _Divided:
    """Divide by powers of two in floats; say where their error could move a unit."""
    days = block.days - block.days.min(axis=0)
    oldest = days.max(axis=0)
    scale = float(half_life)
    weights = np.exp2(np.arange(int(oldest.max(initial=0)) + 1) / -scale)[days]
    exact = weights * (units / weights.sum(axis=0))
    parts = exact.astype(np.int64)
    rest = exact - parts
    left = units - parts.sum(axis=0)
    served = _served(rest, left)
    # The exponent is rounded too, and the error of a power grows with it.
    error = (4 * _EPSILON) * units * (block.length + 4 + oldest / scale)
    doubtful = (left < 0) | (left > block.length)
    doubtful |= rest.min(axis=0) < error
    doubtful |= rest.max(axis=0) > 1 - error
    # In doubt are remainders too close to tell who comes first, unless the weights are the same.
    lowest = np.where(served, rest, np.inf).min(axis=0)
    highest = np.where(served, -np.inf, rest).max(axis=0)
    near = np.flatnonzero((lowest - highest <= 2 * error) & ~doubtful)
    for journey in near.tolist():
        margin = 2 * error[journey]
        column = rest[:, journey]
        close = (column >= lowest[journey] - margin) & (column <= highest[journey] + margin)
        doubtful[journey] = len(set(days[close, journey].tolist())) > 1
    parts += served
    alike = oldest == 0
    if alike.any():
        parts[:, alike] = _linear(block, units, half_life)[0][:, alike]
    return parts, doubtful & ~alike


_DIVIDERS: Final[dict[AttributionModel, Callable[[Block, Integers, _HalfLife], _Divided]]] = {
    AttributionModel.FIRST: _first,
    AttributionModel.LAST: _last,
    AttributionModel.LAST_NON_DIRECT: _last_non_direct,
    AttributionModel.LINEAR: _linear,
    AttributionModel.POSITION: _position,
    AttributionModel.W_SHAPED: _by_stages,
    AttributionModel.TIME_DECAY: _decay,
    AttributionModel.SHAPLEY: _shapley,
}
