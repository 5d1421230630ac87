"""Time decay over few days: touches a day apart are not alike, and those of one day are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import numpy as np
import pytest

from shared.attribution import AttributionModel, Conversion, Touch, dividing, weights
from shared.attribution.bulk import Journeys, divide
from shared.money import split_units

CLOSED_AT = datetime(2025, 4, 10, 12, tzinfo=UTC)


#: Of the last three paths remainders are equal though the touches are half-lives apart: 1/3 of 10
#: units by 1 : 1 : 4, and the first in order comes first, which floats do not see.
DAYS = [
    *((1, 0), (0, 0), (5, 5, 5), (8, 7, 7), (2, 1, 0), (9, 0)),
    *((14, 14, 0), (28, 7, 0), (35, 28, 7, 7)),
]


@pytest.mark.parametrize("days", DAYS)
@pytest.mark.parametrize("units", [1, 10, 46, 10**7, 10**9, -(10**6), 10**12])
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

    # As if there were more: so few are divided one by one anyway.
    with patch.object(dividing, "_SOONER_ALONE", 0):
        parts = divide(model, one, np.array([units]), half_life_days=7)

    alone = weights(model, touches, conversion, half_life_days=7)
    assert parts.tolist() == split_units(units, alone)
