"""Credit: each conversion divided among its touches, to exactly 1 and exactly to the cent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from shared.attribution.journey import Conversion, Touch, in_order, within_window
from shared.attribution.models import PATTERNS, weights
from shared.kpis.vocabulary import AttributionModel
from shared.money import allocate, from_units, split_units, to_units

__all__ = ["SHARE_DIGITS", "Credit", "amounts", "credit_journey", "shares"]

SHARE_DIGITS = 12
_WHOLE = 10**SHARE_DIGITS
_ONE = from_units(_WHOLE, SHARE_DIGITS)


class Credit(NamedTuple):
    """The part of one conversion that one touch earned under one model."""

    conversion_id: str
    touch_id: str
    model: AttributionModel
    share: Decimal
    amount: Decimal | None


def shares(
    model: AttributionModel,
    path: Sequence[Touch],
    conversion: Conversion,
    *,
    half_life_days: int | Decimal,
) -> list[Decimal]:
    """Return each touch's share of a conversion, with 12 fraction digits, adding up to exactly 1.

    `path` is what `eligible` returned. Raises `ValueError` when it is empty.
    """
    return allocate(
        Decimal(1),
        weights(model, path, conversion, half_life_days=half_life_days),
        SHARE_DIGITS,
    )


def amounts(
    model: AttributionModel,
    path: Sequence[Touch],
    conversion: Conversion,
    *,
    half_life_days: int | Decimal,
    exponent: int,
) -> list[Decimal]:
    """Return each touch's amount in minor units of `exponent` digits, adding up to the conversion.

    Amounts come from the weights, not from the rounded shares: no error is carried over.
    `path` is what `eligible` returned. Raises `ValueError` when it is empty, or when there is no
    money in the conversion.
    """
    if conversion.amount is None:
        raise ValueError("a conversion without money has no amounts")
    return allocate(
        conversion.amount,
        weights(model, path, conversion, half_life_days=half_life_days),
        exponent,
    )


def credit_journey(
    touches: Iterable[Touch],
    conversions: Iterable[Conversion],
    models: Sequence[AttributionModel],
    *,
    window_days: int,
    half_life_days: int | Decimal,
    exponent: int,
) -> list[Credit]:
    """Credit every conversion of one journey under every model.

    The same credits as `shares` and `amounts` give, in one pass: a journey is ordered once, a path
    is found once per conversion. Touches that earn neither a share nor an amount get no credit, and
    a conversion without a path gets none at all. `exponent` is the currency's minor-unit digits.
    A conversion without money is credited in shares alone.
    """
    ordered = sorted(touches, key=in_order)
    credits: list[Credit] = []
    for conversion in conversions:
        path = within_window(ordered, conversion, window_days)
        if not path:
            continue
        money = None if conversion.amount is None else to_units(conversion.amount, exponent)
        for model in models:
            if model in PATTERNS:
                split = _pattern(model, len(path))
            else:
                split = _split(weights(model, path, conversion, half_life_days=half_life_days))
            credits += _divide(conversion.id, path, model, split, money)
    return credits


class _Split(NamedTuple):
    weights: Sequence[int]
    shares: Sequence[Decimal]
    sole: int | None  # the one touch that earns everything, if there is one


def _divide(
    conversion_id: str,
    path: Sequence[Touch],
    model: AttributionModel,
    split: _Split,
    money: tuple[int, int] | None,
) -> list[Credit]:
    if split.sole is not None:
        earner = path[split.sole]
        whole = None if money is None else from_units(*money)
        return [Credit(conversion_id, earner.id, model, _ONE, whole)]
    if money is None:
        return [
            Credit(conversion_id, touch.id, model, share, None)
            for touch, share in zip(path, split.shares, strict=True)
            if share
        ]
    units, digits = money
    return [
        Credit(conversion_id, touch.id, model, share, from_units(earned, digits))
        for touch, share, earned in zip(
            path, split.shares, split_units(units, split.weights), strict=True
        )
        if share or earned
    ]


@lru_cache(maxsize=1024)
def _pattern(model: AttributionModel, length: int) -> _Split:
    return _split(PATTERNS[model](length))


def _split(pattern: Sequence[int]) -> _Split:
    parts = [from_units(part, SHARE_DIGITS) for part in split_units(_WHOLE, pattern)]
    earning = [index for index, weight in enumerate(pattern) if weight]
    return _Split(pattern, parts, earning[0] if len(earning) == 1 else None)
