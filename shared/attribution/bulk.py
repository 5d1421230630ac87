"""The same credit for many journeys at once, with numpy: equal to the last unit, only faster.

Journeys lie one after another in flat arrays (`layout`); those of one length are divided together
(`dividing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from shared.attribution.dividing import divide_block, sole_earner
from shared.attribution.layout import Block, Integers, Journeys, Narrow, Truths
from shared.attribution.models import DEFAULT_HALF_LIFE_DAYS
from shared.kpis.vocabulary import AttributionModel

__all__ = ["Integers", "Journeys", "Narrow", "Truths", "divide", "sum_by", "totals"]


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

    The sums of what `divide` returns, without keeping it. Raises as that does.
    """
    size = len(journeys.names)
    sums = {model: [0] * size for model in models}
    units_of_chosen = units.take(chosen)
    for block in journeys.blocks_of(chosen):
        worth = units_of_chosen.take(block.places)
        is_exact = _is_exact(worth)
        # In the width that `bincount` counts in: made once, not for each model.
        channels = block.channels.astype(np.int64)
        found: dict[AttributionModel, list[int]] = {}
        for model, so_far in sums.items():
            same = _same(model, block.length)
            if same not in found:
                keys, parts = _earned(same, block, channels, worth, half_life_days)
                found[same] = _sums(keys.ravel(), parts.ravel(), size, is_exact=is_exact)
            sums[model] = [one + more for one, more in zip(so_far, found[same], strict=True)]
    return sums


def _same(model: AttributionModel, length: int) -> AttributionModel:
    """Return the simplest model that divides paths of this length as the model does."""
    if length == 1:
        return AttributionModel.FIRST
    if length == 2 and model is AttributionModel.POSITION:
        return AttributionModel.LINEAR
    return model


def _earned(
    model: AttributionModel,
    block: Block,
    channels: Integers,
    units: Integers,
    half_life_days: int | Decimal,
) -> tuple[Integers, Integers]:
    """Return channels and what they earned, of the touches that earned anything or of all."""
    earner = sole_earner(model, block)
    if earner is None:
        return channels, divide_block(model, block, units, half_life_days)
    if isinstance(earner, int):
        return channels[earner], units
    return channels[earner, np.arange(len(units))], units


def sum_by(keys: Narrow, units: Integers, size: int) -> list[int]:
    """Return the exact sums of units by key, 0 to ``size`` - 1."""
    return _sums(keys, units, size, is_exact=_is_exact(units))


def _is_exact(units: Integers) -> bool:
    """Tell whether floats add up any of these units, or parts of them, exactly."""
    largest = max(int(units.max(initial=0)), -int(units.min(initial=0)))
    return len(units) * largest < 2**53


def _sums(keys: Narrow, units: Integers, size: int, *, is_exact: bool) -> list[int]:
    # `bincount` sums floats: in halves where they might not be exact.
    if is_exact:
        return [int(one) for one in np.bincount(keys, weights=units, minlength=size).tolist()]
    halves = (units & 0xFFFFFF, units >> 24)
    low, high = (np.bincount(keys, weights=half, minlength=size) for half in halves)
    return [int(one) + (int(other) << 24) for one, other in zip(low, high, strict=True)]
