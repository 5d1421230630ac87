"""How the journeys of one length are divided, all of them at once, under each model.

A journey is a column of a matrix, so that no step looks at a single one. Units are divided in
64-bit whole numbers; amounts whose products might not fit are divided alone. Decay, whose exact
weights have forty digits, is computed in floats with a bound on their error. Where the bound leaves
a unit in doubt, a journey is divided alone too: nothing is ever approximate.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache, lru_cache
from math import lcm
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from shared.attribution.layout import Block, Integers, Narrow, Truths
from shared.attribution.models import DIRECT_CHANNEL, PATTERNS, powers_of_half, shapley_weights
from shared.kpis.vocabulary import AttributionModel
from shared.money import split_units

__all__ = ["divide_block", "sole_earner"]

#: Larger amounts are divided alone; up to here products with any weight fit.
_LARGEST: Final = 2**40
#: Longer paths are divided alone by Shapley, which compares each touch with each other one.
_LONGEST_COMPARED: Final = 24
#: So many remainders are ranked sooner by comparing all with all than by sorting them: of many
#: journeys, and of a few.
_RANKED_BY_PAIRS: Final = (8, 3)
_MANY: Final = 512
#: As many journeys are divided sooner one by one, where that means more than to look at the ends.
_SOONER_ALONE: Final = 12
#: Powers down to 2^-this are added up without losing any.
_LEAST_POWER: Final = 512
#: Weights up to 2^this are multiplied with any amount in whole numbers.
_WHOLE_HALF_LIVES: Final = 20
_EPSILON: Final = float(np.finfo(np.float64).eps)

_NONE: Final[Integers] = np.zeros(0, dtype=np.int64)

Floats = npt.NDArray[np.floating[Any]]
_HalfLife = int | Decimal


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
    parts, alone = _divided(model, block, units, half_life_days)
    if len(alone):
        each = zip(alone.tolist(), _weights(model, block, alone, half_life_days), strict=True)
        for journey, weights in each:
            parts[:, journey] = split_units(int(units[journey]), weights)
    return parts


def _divided(
    model: AttributionModel, block: Block, units: Integers, half_life: _HalfLife
) -> tuple[Integers, Integers]:
    """Return what each touch gets, and the journeys that must be divided alone."""
    is_for_pairs = model is AttributionModel.SHAPLEY and block.length > _LONGEST_COMPARED
    if is_for_pairs or (len(units) <= _SOONER_ALONE and model not in PATTERNS):
        return np.empty(block.touches.shape, dtype=np.int64), np.arange(len(units))
    least, most = int(units.min()), int(units.max())
    small = units if least >= 0 else np.abs(units)
    large = np.flatnonzero(small > _LARGEST) if max(most, -least) > _LARGEST else _NONE
    if len(large):
        small = np.where(small > _LARGEST, 0, small)
    doubtful = _NONE
    match model:
        case AttributionModel.LINEAR:
            parts = _evenly(block.length, small)
        case AttributionModel.POSITION:
            parts = _position(block.length, small)
        case AttributionModel.W_SHAPED:
            parts = _by_weights(_w_shaped(block), small)
        case AttributionModel.SHAPLEY:
            parts = _shapley(block, small)
        case _:
            parts, doubtful = _decay(block, small, half_life)
    if least < 0:
        parts = parts * np.sign(units)  # a negative amount is the mirror image
    return parts, np.union1d(large, doubtful) if len(large) else doubtful


def _weights(
    model: AttributionModel, block: Block, journeys: Integers, half_life: _HalfLife
) -> Sequence[Sequence[int]]:
    """Return the exact weights of some journeys, given by their columns."""
    match model:
        case AttributionModel.TIME_DECAY:
            paths = block.days[:, journeys].T.tolist()
            return [powers_of_half(days, half_life) for days in paths]
        case AttributionModel.SHAPLEY:
            return [shapley_weights(path) for path in block.channels[:, journeys].T.tolist()]
        case AttributionModel.W_SHAPED:
            weights: list[list[int]] = _w_shaped(block)[:, journeys].T.tolist()
            return weights
    return [PATTERNS[model](block.length)] * len(journeys)


def _last_non_direct(block: Block) -> Integers | int:
    last = block.length - 1
    if DIRECT_CHANNEL not in block.of.names:
        return last
    # The first from behind; where all are direct, the last.
    is_known = block.channels != block.of.names.index(DIRECT_CHANNEL)
    behind: Integers = np.argmax(is_known[::-1], axis=0)
    return last - behind


def _evenly(length: int, units: Integers) -> Integers:
    quota = units // length
    return quota + (np.arange(length)[:, None] < units - quota * length)


def _position(length: int, units: Integers) -> Integers:
    """Divide among two kinds of touches, the ends and those between: nothing to sort."""
    if length <= 2:
        return _evenly(length, units)
    pattern = PATTERNS[AttributionModel.POSITION](length)
    total = sum(pattern)
    weighed = units * pattern[0]
    end, middle = weighed // total, units // total
    left = units - 2 * end - (length - 2) * middle
    # Who is served first, by whose remainder is the larger: all in order (0), those between (1), or
    # the ends (-1). Those between come one rank sooner or later then; the table tells the ends'.
    first, last = np.array([[0, length - 2, 0], [length - 1, length - 1, 1]])
    larger = np.sign(units - weighed - (middle - end) * total)
    parts: Integers = middle + (np.arange(length)[:, None] < left + larger)
    parts[0] = end + (first[larger] < left)
    parts[-1] = end + (last[larger] < left)
    return parts


def _w_shaped(block: Block) -> Integers:
    roles = np.zeros(block.touches.shape, dtype=np.int64)
    roles[0] = 1
    for stage in block.stages:
        known = np.flatnonzero(stage >= 0)
        roles[stage[known], known] += 1
    others = (roles == 0).sum(axis=0)
    return np.where(roles > 0, 3 * roles * np.maximum(others, 1), 1)


def _by_weights(weights: Integers, units: Integers) -> Integers:
    """Divide by largest remainder, in whole numbers."""
    weighed = units * weights
    total = weights.sum(axis=0)
    parts: Integers = weighed // total
    parts += _served(weighed - parts * total, units - parts.sum(axis=0))
    return parts


def _shapley(block: Block, units: Integers) -> Integers:
    """Divide alike among the distinct channels, then alike among the touches of each."""
    is_same = block.channels[:, None] == block.channels[None]
    touches = np.add.reduce(is_same.view(np.int8), axis=1, dtype=np.int8)
    # The n-th part of a channel, for any n, is a whole number of these.
    scale = _common_multiple(block.length)
    of_scale = (scale // np.arange(1, block.length + 1))[touches - 1]
    sharers = touches * (of_scale.sum(axis=0) // scale)
    parts: Integers = units // sharers
    parts += _served((units - parts * sharers) * of_scale, units - parts.sum(axis=0))
    return parts


@cache
def _common_multiple(length: int) -> int:
    return lcm(*range(1, length + 1))


def _served(rest: npt.NDArray[Any], left: Integers) -> Truths:
    """Tell the touches that get one more: those with the largest remainders, ties in order."""
    length = len(rest)
    if length > _RANKED_BY_PAIRS[len(left) < _MANY]:
        return _served_from_threshold(rest, left)
    # Each comes after all later ones until it turns out to come first.
    rank = np.empty(rest.shape, dtype=np.int8)
    rank[:] = np.arange(length - 1, -1, -1)[:, None]
    for later in range(1, length):
        for earlier in range(later):
            comes_first = (rest[earlier] >= rest[later]).view(np.int8)
            rank[later] += comes_first
            rank[earlier] -= comes_first
    return rank < left


def _served_from_threshold(rest: npt.NDArray[Any], left: Integers) -> Truths:
    ascending = np.sort(np.ascontiguousarray(rest.T), axis=1)
    place = len(rest) - np.minimum(np.maximum(left, 1), len(rest))
    threshold = ascending[np.arange(len(left)), place]
    served: Truths = rest >= threshold
    # Of those at the threshold some may have to go without: the last ones.
    surplus = served.sum(axis=0) - left
    crowded = np.flatnonzero(surplus)
    if not len(crowded):
        return served
    ties = rest[:, crowded] == threshold[crowded]
    places = ties.sum(axis=0) - surplus[crowded]
    served[:, crowded] &= ~ties | (np.cumsum(ties, axis=0) <= places)
    return served


def _decay(block: Block, units: Integers, half_life: _HalfLife) -> tuple[Integers, Integers]:
    """Divide by powers of two in floats; return where their error could move a unit, too."""
    days = block.days
    oldest = int(days.max())
    if oldest > _LEAST_POWER * half_life:
        days = days - days.min(axis=0)
        oldest = int(days.max())
    exact = _powers(oldest, half_life).take(days)
    exact *= units / exact.sum(axis=0)
    parts = exact.astype(np.int64)
    rest = np.subtract(exact, parts, out=exact)
    served = _served(rest, units - parts.sum(axis=0))
    # The exponent is rounded too, and the error of a power grows with it.
    bound = (4 * _EPSILON) * (block.length + 4 + oldest / float(half_life))
    error = bound * float(units.max())
    is_doubtful = rest.min(axis=0) < error
    is_doubtful |= rest.max(axis=0) > 1 - error
    is_doubtful |= _might_change_places(rest, served, error, days)
    parts += served
    doubtful = np.flatnonzero(is_doubtful)
    return parts, _divide_whole_half_lives(parts, doubtful, units, days, half_life)


@lru_cache(maxsize=256)
def _powers(oldest: int, half_life: _HalfLife) -> Floats:
    powers: Floats = np.exp2(np.arange(oldest + 1) / -float(half_life))
    return powers


def _divide_whole_half_lives(
    parts: Integers, doubtful: Integers, units: Integers, days: Narrow, half_life: _HalfLife
) -> Integers:
    """Divide again where touches are whole half-lives apart; return what is doubtful still.

    Weights are powers of two there, equal ones on one day: remainders of 0 are no accident.
    """
    step = int(half_life)
    if not len(doubtful) or step != half_life:
        return doubtful
    since = days[:, doubtful].astype(np.int64)
    since -= since.min(axis=0)
    oldest = since.max(axis=0) // step
    is_whole = (since % step == 0).all(axis=0) & (oldest <= _WHOLE_HALF_LIVES)
    some = doubtful[is_whole]
    parts[:, some] = _by_weights(1 << (oldest - since // step)[:, is_whole], units[some])
    rest: Integers = doubtful[~is_whole]
    return rest


def _might_change_places(rest: Floats, served: Truths, error: float, days: Narrow) -> Truths:
    """Tell where remainders are too close to say who comes first.

    Touches of one day weigh the same: their remainders are equal, and in order.
    """
    apart = rest - served  # those served below 0, the others not
    lowest, highest = apart.min(axis=0) + 1, apart.max(axis=0)
    changing: Truths = lowest - highest <= 2 * error
    near = np.flatnonzero(changing)
    if len(near):
        some, when = rest[:, near], days[:, near]
        is_close = (some >= lowest[near] - 2 * error) & (some <= highest[near] + 2 * error)
        newest = np.where(is_close, when, when.max()).min(axis=0)
        changing[near] = newest < np.where(is_close, when, 0).max(axis=0)
    return changing
