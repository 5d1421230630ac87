"""How the journeys of one length are divided, all of them at once, under each model.

A journey is a column of a matrix, so that no step looks at a single one. Units are divided in
64-bit whole numbers wherever products fit. Decay, whose exact weights have forty digits, is
computed in floats with a bound on their error. Where a product might not fit, or the bound leaves a
unit in doubt, a journey is divided as it would be alone: nothing is ever approximate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from math import lcm
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shared.attribution.layout import Block, Integers, Narrow, Truths
from shared.attribution.models import DIRECT_CHANNEL, PATTERNS, powers_of_half, shapley_weights
from shared.kpis.vocabulary import AttributionModel
from shared.money import split_units

__all__ = ["divide_block", "sole_earner"]

_FITS: Final = 2**62
#: Comparing each touch of a path with each other one takes memory: longer paths go one by one.
_LONGEST_COMPARED: Final = 24
#: So many remainders are ranked sooner by comparing all with all than by sorting them: of many
#: journeys, and of a few.
_RANKED_BY_PAIRS: Final = (8, 3)
_MANY: Final = 512
#: As many journeys are divided sooner one by one, where that means more than to look at the ends.
_SOONER_ALONE: Final = 12
#: 2^-k is a whole number of 10^-40 up to this k.
_WHOLE_HALF_LIVES: Final = 40
_EPSILON: Final = float(np.finfo(np.float64).eps)

_HalfLife = int | Decimal
#: What each touch gets, and which journeys must be divided alone.
_Divided = tuple[Integers, Truths]


def sole_earner(model: AttributionModel, block: Block) -> Integers | int | None:
    """Return the row of the touch that earns everything, of each journey or of them all.

    None for a model that divides.
    """
    if block.length == 1 or model is AttributionModel.FIRST:
        return 0
    match model:
        case AttributionModel.LAST:
            return block.length - 1
        case AttributionModel.LAST_NON_DIRECT:
            return _last_non_direct(block)
    return None


def divide_block(
    model: AttributionModel, block: Block, units: Integers, half_life_days: int | Decimal
) -> Integers:
    """Divide the units of each journey of a block: a row for each touch, a column for each journey.

    Raises `ValueError` for a half-life that is not positive.
    """
    if half_life_days <= 0:
        raise ValueError("a half-life must be positive")
    earner = sole_earner(model, block)
    if earner is not None:
        parts = np.zeros(block.touches.shape, dtype=np.int64)
        parts[earner, np.arange(len(units))] = units
        return parts
    if len(units) <= _SOONER_ALONE and model not in PATTERNS:
        parts, doubtful = np.empty(block.touches.shape, dtype=np.int64), ~_certain(units)
    else:
        parts, doubtful = _DIVIDERS[model](block, np.abs(units), half_life_days)
        if (units < 0).any():
            parts = parts * np.sign(units)  # a negative amount is the mirror image
    for journey in np.flatnonzero(doubtful).tolist():
        weights = _weights_alone(model, block, journey, half_life_days)
        parts[:, journey] = split_units(int(units[journey]), weights)
    return parts


def _weights_alone(
    model: AttributionModel, block: Block, journey: int, half_life: _HalfLife
) -> Sequence[int]:
    """Return the exact weights of one journey, by its column."""
    match model:
        case AttributionModel.TIME_DECAY:
            return powers_of_half(block.days[:, journey].tolist(), half_life)
        case AttributionModel.SHAPLEY:
            return shapley_weights(block.channels[:, journey].tolist())
        case AttributionModel.W_SHAPED:
            weights: list[int] = _w_shaped(block)[:, journey].tolist()
            return weights
    return PATTERNS[model](block.length)


def _last_non_direct(block: Block) -> Integers | int:
    last = block.length - 1
    if DIRECT_CHANNEL not in block.of.names:
        return last
    # The first from behind; where all are direct, the last.
    is_known = block.channels != block.of.names.index(DIRECT_CHANNEL)
    behind: Integers = np.argmax(is_known[::-1], axis=0)
    return last - behind


def _certain(units: Integers) -> Truths:
    return np.zeros(len(units), dtype=np.bool_)


def _linear(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    return _evenly(block.length, units), _certain(units)


def _evenly(length: int, units: Integers) -> Integers:
    quota = units // length
    return quota + (np.arange(length)[:, None] < units - quota * length)


def _position(block: Block, units: Integers, half_life: _HalfLife) -> _Divided:
    """Divide among two kinds of touches, the ends and those between: nothing to sort."""
    if block.length <= 2:
        return _linear(block, units, half_life)
    length = block.length
    pattern = PATTERNS[AttributionModel.POSITION](length)
    doubtful = units >= _FITS // pattern[0]
    small = np.where(doubtful, 0, units)
    total = sum(pattern)
    weighed = small * pattern[0]
    end, middle = weighed // total, small // total
    left = small - 2 * end - (length - 2) * middle
    # Who is served first, by whose remainder is the larger: all in order (0), those between (1), or
    # the ends (-1). Each row of the table tells the rank that a touch has then.
    first, last, shift = np.array([[0, length - 2, 0], [length - 1, length - 1, 1], [0, -1, 1]])
    larger = np.sign((small - middle * total) - (weighed - end * total))
    parts = middle + (np.arange(length)[:, None] < left - shift[larger])
    parts[0] = end + (first[larger] < left)
    parts[-1] = end + (last[larger] < left)
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


def _by_weights(weights: Integers, units: Integers) -> _Divided:
    """Divide by largest remainder, in whole numbers."""
    doubtful = units >= _FITS // weights.max(axis=0)
    small = np.where(doubtful, 0, units)
    weighed = small * weights
    total = weights.sum(axis=0)
    parts = weighed // total
    return parts + _served(weighed - parts * total, small - parts.sum(axis=0)), doubtful


def _shapley(block: Block, units: Integers, _: _HalfLife) -> _Divided:
    """Divide alike among the distinct channels, then alike among the touches of each."""
    length = block.length
    if length > _LONGEST_COMPARED:
        return np.zeros(block.touches.shape, dtype=np.int64), ~_certain(units)
    is_same = block.channels[:, None] == block.channels[None]
    touches = np.add.reduce(is_same.view(np.int8), axis=1, dtype=np.int8)
    # The n-th part of a channel, for any n, is a whole number of these.
    scale = _common_multiple(length)
    of_scale = (scale // np.arange(1, length + 1))[touches - 1]
    sharers = touches * (of_scale.sum(axis=0) // scale)
    parts = units // sharers
    rest = (units - parts * sharers) * of_scale
    return parts + _served(rest, units - parts.sum(axis=0)), _certain(units)


@cache
def _common_multiple(length: int) -> int:
    return lcm(*range(1, length + 1))


def _served(rest: npt.NDArray[Any], left: Integers) -> Truths:
    """Tell the touches that get one more: those with the largest remainders, ties in order."""
    length = len(rest)
    if length > _RANKED_BY_PAIRS[len(left) < _MANY]:
        return _served_from_threshold(rest, left)
    rank = np.zeros(rest.shape, dtype=np.int8)
    for later in range(1, length):
        for earlier in range(later):
            comes_first = rest[earlier] >= rest[later]
            rank[later] += comes_first
            rank[earlier] += ~comes_first
    return rank < left


def _served_from_threshold(rest: npt.NDArray[Any], left: Integers) -> Truths:
    ascending = np.sort(np.ascontiguousarray(rest.T), axis=1)
    threshold = ascending[np.arange(len(left)), len(rest) - np.maximum(left, 1)]
    served: Truths = rest >= threshold
    # Of those at the threshold some may have to go without: the last ones.
    surplus = served.sum(axis=0) - left
    crowded = np.flatnonzero(surplus)
    ties = rest[:, crowded] == threshold[crowded]
    places = ties.sum(axis=0) - surplus[crowded]
    served[:, crowded] &= ~ties | (np.cumsum(ties, axis=0) <= places)
    return served


def _decay(block: Block, units: Integers, half_life: _HalfLife) -> _Divided:
    """Divide by powers of two in floats; say where their error could move a unit."""
    days = block.days - block.days.min(axis=0)
    oldest = days.max(axis=0)
    scale = float(half_life)
    exact = np.exp2(np.arange(int(oldest.max(initial=0)) + 1) / -scale)[days]
    exact *= units / exact.sum(axis=0)
    parts = exact.astype(np.int64)
    rest = exact - parts
    left = units - parts.sum(axis=0)
    # The exponent is rounded too, and the error of a power grows with it.
    error = units * ((4 * _EPSILON) * (block.length + 4 + oldest / scale))
    doubtful = (left < 0) | (left > block.length)
    doubtful |= rest.min(axis=0) < error
    doubtful |= rest.max(axis=0) > 1 - error
    served = _served(rest, np.where(doubtful, 0, left))
    doubtful |= _might_change_places(rest, served, error, days)
    parts += served
    _divide_whole_half_lives(parts, doubtful, units, days, half_life)
    return parts, doubtful


def _divide_whole_half_lives(
    parts: Integers, doubtful: Truths, units: Integers, days: Narrow, half_life: _HalfLife
) -> None:
    """Clear doubts about touches whole half-lives apart: remainders of 0 are no accident there.

    Their weights are powers of two, and equal ones where all touches are of one day.
    """
    step = int(half_life)
    some = np.flatnonzero(doubtful)
    if not len(some) or step != half_life:
        return
    some = some[(days[:, some] % step == 0).all(axis=0)]
    half_lives = days[:, some].astype(np.int64) // step
    oldest = half_lives.max(axis=0)
    some, half_lives, oldest = (
        one[..., oldest <= _WHOLE_HALF_LIVES] for one in (some, half_lives, oldest)
    )
    parts[:, some], doubtful[some] = _by_weights(1 << (oldest - half_lives), units[some])


def _might_change_places(
    rest: npt.NDArray[np.float64], served: Truths, error: npt.NDArray[np.float64], days: Narrow
) -> Truths:
    """Tell where remainders are too close to say who comes first.

    Touches of one day weigh the same: their remainders are equal, and in order.
    """
    apart = rest - served  # those served below 0, the others not
    lowest, highest = apart.min(axis=0) + 1, apart.max(axis=0)
    changing: Truths = lowest - highest <= 2 * error
    near = np.flatnonzero(changing)
    margin = 2 * error[near]
    is_close = (rest[:, near] >= lowest[near] - margin) & (rest[:, near] <= highest[near] + margin)
    newest = np.where(is_close, days[:, near], days.max(initial=0)).min(axis=0)
    changing[near] = newest < np.where(is_close, days[:, near], 0).max(axis=0)
    return changing


_DIVIDERS: Final[dict[AttributionModel, Callable[[Block, Integers, _HalfLife], _Divided]]] = {
    AttributionModel.LINEAR: _linear,
    AttributionModel.POSITION: _position,
    AttributionModel.W_SHAPED: _by_stages,
    AttributionModel.TIME_DECAY: _decay,
    AttributionModel.SHAPLEY: _shapley,
}
