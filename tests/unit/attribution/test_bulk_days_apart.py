"""Time decay over few days: touches a day apart are not alike, and those of one day are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shared.attribution import AttributionModel, Conversion, Touch, weights
from shared.attribution.bulk import Journeys, divide
from shared.money import split_units

CLOSED_AT = datetime(2025, 4, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize("days", [(1, 0), (0, 0), (5, 5, 5), (8, 7, 7), (2, 1, 0), (9, 0)])
@pytest.mark.parametrize("units", [1, 10**9, -(10**6), 10**12])
def test_touches_decay_by_the_days_between_them(days: tuple[int, ...], units: int) -> None:
    touches = [
        Touch(str(place), at, at.date(), "paid")
        for place, back in enumerate(days)
        for at in [CLOSED_AT - timedelta(days=back)]
    ]
    conversion = Conversion("c", CLOSED_AT, CLOSED_AT.date(), None)
    model = AttributionModel.TIME_DECAY
    one = Journeys(
        offsets=np.array([0, len(days)]),
        channels=np.zeros(len(days), dtype=np.int64),
        days=np.array(days),
        names=("paid",),
    )

    parts = divide(model, one, np.array([units]), half_life_days=7)

    alone = weights(model, touches, conversion, half_life_days=7)
    assert parts.tolist() == split_units(units, alone)
