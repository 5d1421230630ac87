"""The heuristic models: how much each touch of an ordered path weighs.

A model looks at one journey only, so a changed journey is re-credited alone and an incremental
result equals a recomputed one. Weights are integers in the right proportion to each other; exactly
so for the rational models, to forty digits for the decay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from math import lcm

from shared.attribution.journey import Conversion, Touch
from shared.kpis.vocabulary import AttributionModel

__all__ = [
    "DEFAULT_HALF_LIFE_DAYS",
    "DIRECT_CHANNEL",
    "PATTERNS",
    "powers_of_half",
    "shapley_weights",
    "weights",
]

DEFAULT_HALF_LIFE_DAYS = 7
"""The half-life Google Ads used, kept for parity; a long sales cycle deserves a longer one."""

DIRECT_CHANNEL = "direct"
"""A visit that nothing led to: the address was typed, or its source is unknown."""

# `exp` rounds correctly, so seventy digits cut to forty are the same on every platform.
_DECAY = Context(prec=70, rounding=ROUND_HALF_EVEN)
_DECAY_ONE = 10**40
_LN_2 = _DECAY.ln(Decimal(2))


def weights(
    model: AttributionModel,
    path: Sequence[Touch],
    conversion: Conversion,
    *,
    half_life_days: int | Decimal = DEFAULT_HALF_LIFE_DAYS,
) -> tuple[int, ...]:
    """Return the integer weight of each touch of an eligible, ordered path.

    Raises `ValueError` for an empty path or a half-life that is not positive.
    """
    if not path:
        raise ValueError("a path without touches has no weights")
    match model:
        case AttributionModel.LAST_NON_DIRECT:
            return _last_non_direct_weights(path)
        case AttributionModel.W_SHAPED:
            return _w_shaped_weights(path, conversion.stages)
        case AttributionModel.TIME_DECAY:
            return _decay_weights(path, conversion, half_life_days)
        case AttributionModel.SHAPLEY:
            return shapley_weights([touch.channel for touch in path])
    return PATTERNS[model](len(path))


def _last_non_direct_weights(path: Sequence[Touch]) -> tuple[int, ...]:
    """Weigh the last touch that is not a direct visit; the last one where all are.

    Matomo's default: somebody who comes back by typing the address was won by what came before.
    """
    indirect = [place for place, touch in enumerate(path) if touch.channel != DIRECT_CHANNEL]
    earner = indirect[-1] if indirect else len(path) - 1
    return tuple([int(place == earner) for place in range(len(path))])


def _w_shaped_weights(path: Sequence[Touch], stages: Sequence[datetime | None]) -> tuple[int, ...]:
    """Weigh 0.3 the first touch, 0.3 each the touch that led to a stage, 0.1 all the others.

    The touch that led to a stage is the last one at or before it. One touch can have several of
    these roles, whose weights add up. A role nobody has (the stage is not known, or no touch of
    the path came before it) and a rest that is empty are left out, and what remains is scaled to 1.
    """
    roles = Counter([0])
    for stage in stages:
        if stage is not None:
            before = [place for place, touch in enumerate(path) if touch.at <= stage]
            roles.update(before[-1:])
    # In units of 0.1 / the number of touches without a role.
    others = len(path) - len(roles)
    unit = max(others, 1)
    return tuple([3 * unit * roles[place] or 1 for place in range(len(path))])


def _decay_weights(
    path: Sequence[Touch], conversion: Conversion, half_life_days: int | Decimal
) -> tuple[int, ...]:
    """Weigh a touch 2^(-d/h), d whole days before the conversion, h the half-life in days."""
    closed_on = conversion.day.toordinal()
    return powers_of_half([closed_on - touch.day.toordinal() for touch in path], half_life_days)


def powers_of_half(days_before: Sequence[int], half_life_days: int | Decimal) -> tuple[int, ...]:
    """Return 2^(-d/h) for each number of days, in units of the nearest's 10^-40.

    The latest touch is the unit: the factor common to a whole path cancels, and a path far from its
    conversion keeps its precision.
    """
    nearest = min(days_before)
    return tuple([_half_power(days - nearest, half_life_days) for days in days_before])


def shapley_weights(channels: Sequence[object]) -> tuple[int, ...]:
    """Weigh each distinct channel the same, and the touches of one channel the same.

    With the worth of a set of channels taken as the revenue of the journeys that used no others,
    this is the Shapley value of every channel, exactly: the worth is a sum over journeys, and in
    one journey its channels are interchangeable.
    """
    touches = Counter(channels)
    scale = lcm(*touches.values())
    return tuple([scale // touches[channel] for channel in channels])


@lru_cache(maxsize=4096)
def _half_power(days: int, half_life_days: int | Decimal) -> int:
    if half_life_days <= 0:
        raise ValueError("a half-life must be positive")
    exponent = _DECAY.divide(_DECAY.multiply(Decimal(-days), _LN_2), Decimal(half_life_days))
    return int(_DECAY.multiply(_DECAY.exp(exponent), Decimal(_DECAY_ONE)).to_integral_value())


def _first(length: int) -> tuple[int, ...]:
    return (1, *(0,) * (length - 1))


def _last(length: int) -> tuple[int, ...]:
    return (*(0,) * (length - 1), 1)


def _linear(length: int) -> tuple[int, ...]:
    return (1,) * length


def _position(length: int) -> tuple[int, ...]:
    # 40 % to each end and 20 % over the middle, multiplied by 5 * (length - 2).
    if length <= 2:
        return _linear(length)
    end = 2 * (length - 2)
    return (end, *(1,) * (length - 2), end)


PATTERNS: Mapping[AttributionModel, Callable[[int], tuple[int, ...]]] = {
    AttributionModel.FIRST: _first,
    AttributionModel.LAST: _last,
    AttributionModel.LINEAR: _linear,
    AttributionModel.POSITION: _position,
}
"""The models whose weights depend on the length of the path alone."""
