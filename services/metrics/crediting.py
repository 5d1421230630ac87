"""Credit of many journeys at once: the rows of a large batch, laid out as arrays."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from shared.attribution import SHARE_DIGITS, AttributionModel
from shared.attribution.bulk import Journeys, divide
from shared.money import from_units, to_units

__all__ = ["credit_many"]

_WHOLE = 10**SHARE_DIGITS
_PLACE = itemgetter("kind", "conversion")
_STAGES = ("lead_at", "opened_at")
_WHERE = itemgetter(
    "touch_day",
    "converted_day",
    *("channel", "employee", "account", "network", "campaign", "content"),
)


def credit_many(
    rows: Sequence[Any],
    models: Sequence[AttributionModel],
    *,
    half_life_days: int,
    exponent: int,
) -> Iterator[tuple[Any, ...]]:
    """Yield the credits of journeys, given as a row per touch in order of conversion and time.

    All touches lie inside the window already. The same rows as one journey at a time gives.
    """
    paths = [list(path) for _, path in groupby(rows, key=_PLACE)]
    journeys = _laid_out(rows, paths)
    money = [_units(path[0]["amount"], exponent) for path in paths]
    amounts = np.array([units for units, _ in money])
    digits = np.repeat([digit for _, digit in money], np.diff(journeys.offsets)).tolist()
    whole = np.full(len(paths), _WHOLE)
    known = [(*_PLACE(row), row["touch_key"], _WHERE(row), row["amount"] is None) for row in rows]
    for model in models:
        shares = divide(model, journeys, whole, half_life_days=half_life_days)
        earned = divide(model, journeys, amounts, half_life_days=half_life_days)
        credited = np.flatnonzero((shares != 0) | (earned != 0))
        parts = (shares[credited].tolist(), earned[credited].tolist())
        for place, share, units in zip(credited.tolist(), *parts, strict=True):
            kind, conversion, touch, where, is_without_money = known[place]
            amount = None if is_without_money else from_units(units, digits[place])
            part = from_units(share, SHARE_DIGITS)
            yield (kind, conversion, model, touch, part, amount, *where)


def _units(amount: Decimal | None, exponent: int) -> tuple[int, int]:
    return (0, 0) if amount is None else to_units(amount, exponent)


def _laid_out(rows: Sequence[Any], paths: Sequence[Sequence[Any]]) -> Journeys:
    names = sorted({row["channel"] for row in rows})
    number = {name: place for place, name in enumerate(names)}
    return Journeys(
        offsets=np.concatenate(([0], np.cumsum([len(path) for path in paths]))),
        channels=np.array([number[row["channel"]] for row in rows]),
        days=np.array([(row["converted_day"] - row["touch_day"]).days for row in rows]),
        names=tuple(names),
        stages=tuple(
            np.array([_reached(path, path[0][stage]) for path in paths]) for stage in _STAGES
        ),
    )


def _reached(path: Sequence[Any], stage: Any) -> int:
    """Return the last touch at or before a stage, -1 without one."""
    return -1 if stage is None else sum(row["touched_at"] <= stage for row in path) - 1
