"""Credit of the journeys of a batch, all divided at once: rows in, whole units out."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from shared.attribution import SHARE_DIGITS, AttributionModel
from shared.attribution.bulk import Journeys, divide
from shared.money import from_units, to_units
from shared.rollups.converting import conversion_of

__all__ = ["credit_journeys"]

_WHOLE = 10**SHARE_DIGITS
_STAGES = ("lead_at", "opened_at")
_WHERE = itemgetter(
    "touch_day",
    "converted_day",
    *("channel", "employee", "account", "network", "campaign", "content"),
)


def credit_journeys(
    rows: Sequence[Any],
    models: Sequence[AttributionModel],
    *,
    half_life_days: int,
    exponent: int,
) -> Iterator[tuple[Any, ...]]:
    """Yield what each touch earned: a row for a row, in the same order.

    ``rows`` are those of `converting.journeys`: a touch each, in order of conversion and time,
    all inside the window. Yielded are kind, conversion and touch key; the shares, one for each
    model, in units of 10^-12; the amounts, likewise, in units of what follows them; and where the
    touch was. A conversion without money has None for its amounts and their unit.
    """
    paths = [list(path) for _, path in groupby(rows, key=conversion_of)]
    valued = [path for path in paths if path[0]["amount"] is not None]
    money = [to_units(path[0]["amount"], exponent) for path in valued]
    # Conversions are divided as wholes, and those with money once more, by their amounts.
    journeys = _laid_out([*paths, *valued])
    units = np.array([_WHOLE] * len(paths) + [amount for amount, _ in money])
    parts = np.stack(
        [divide(model, journeys, units, half_life_days=half_life_days) for model in models], axis=1
    ).tolist()
    shares, amounts = iter(parts), iter(parts[len(rows) :])
    digits = iter(digits for _, digits in money)
    for path in paths:
        has_money = path[0]["amount"] is not None
        unit = from_units(1, next(digits)) if has_money else None
        for row in path:
            earned = next(amounts) if has_money else None
            yield (*conversion_of(row), row["touch_key"], next(shares), earned, unit, *_WHERE(row))


def _laid_out(paths: Sequence[Sequence[Any]]) -> Journeys:
    rows = [row for path in paths for row in path]
    names = sorted({row["channel"] for row in rows})
    number = {name: place for place, name in enumerate(names)}
    return Journeys(
        offsets=np.cumsum([0, *map(len, paths)]),
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
