"""From which day on what is stated about active advocates contradicts itself."""

from datetime import date
from decimal import Decimal

import pytest

from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.rates import DatedRate, day_of_contradiction
from shared.kpis.vocabulary import Grade


def weeks(key: str, value: str, day: int, version: int = 1) -> DatedRate:
    return DatedRate(key, Decimal(value), date(2025, 3, day), version, "us", Grade.CLAIMED)


@pytest.mark.parametrize(
    ("stated", "day"),
    [
        ([], None),
        # By default three weeks of the last four are needed.
        ([weeks(ACTIVE_WEEKS, "3", 2)], None),
        ([weeks(ACTIVE_WEEKS, "2", 2)], 2),
        ([weeks(ACTIVE_WEEKS_NEEDED, "4", 2)], None),
        ([weeks(ACTIVE_WEEKS_NEEDED, "5", 2)], 2),
        ([weeks(ACTIVE_WEEKS_NEEDED, "5", 2), weeks(ACTIVE_WEEKS, "5", 2)], None),
        ([weeks(ACTIVE_WEEKS_NEEDED, "5", 2), weeks(ACTIVE_WEEKS, "5", 1)], None),
        ([weeks(ACTIVE_WEEKS_NEEDED, "5", 2), weeks(ACTIVE_WEEKS, "5", 3)], 2),
        ([weeks(ACTIVE_WEEKS, "2", 9), weeks(ACTIVE_WEEKS, "1", 6)], 6),
        ([weeks(ACTIVE_WEEKS, "2", 6), weeks(ACTIVE_WEEKS, "4", 6, 2)], None),
    ],
)
def test_more_weeks_cannot_be_needed_than_are_looked_at(
    stated: list[DatedRate], day: int | None
) -> None:
    assert day_of_contradiction(stated) == (None if day is None else date(2025, 3, day))
