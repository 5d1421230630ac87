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
    for block in journeys.blocks_of(chosen):
        worth = units[block.journeys]
        found: dict[AttributionModel, list[int]] = {}
        for model, so_far in sums.items():
            same = _same(model, block.length)
            if same not in found:
                channels, parts = _earned(same, block, worth, half_life_days)
                found[same] = sum_by(channels.ravel(), parts.ravel(), size)
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
    model: AttributionModel, block: Block, units: Integers, half_life_days: int | Decimal
) -> tuple[Narrow, Integers]:
    """Return channels and what they earned, of the touches that earned anything or of all."""
    earner = sole_earner(model, block)
    if earner is None:
        return block.channels, divide_block(model, block, units, half_life_days)
    if isinstance(earner, int):
        return block.channels[earner], units
    return block.channels[earner, np.arange(len(units))], units


def sum_by(keys: Narrow, units: Integers, size: int) -> list[int]:
    """Return the exact sums of units by key, 0 to ``size`` - 1."""
    # `bincount` sums floats, exactly below 2^53: in halves where they might get there.
    largest = max(int(units.max(initial=0)), -int(units.min(initial=0)))
    if len(units) * largest < 2**53:
        return [int(one) for one in np.bincount(keys, weights=units, minlength=size).tolist()]
    halves = (units & 0xFFFFFF, units >> 24)
    low, high = (np.bincount(keys, weights=half, minlength=size) for half in halves)
    return [int(one) + (int(other) << 24) for one, other in zip(low, high, strict=True)]
