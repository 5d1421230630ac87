"""Dated rates: which one is in force on a day, and from when on they contradict each other."""

from datetime import date
from decimal import Decimal

import pytest

from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED
from shared.kpis.rates import DatedRate, day_of_contradiction, rate_in_force, rate_on
from shared.kpis.vocabulary import Grade

CPC = [
    DatedRate("emv.cpc", Decimal(value), date(2025, month, 1), version, "paid", Grade.MEASURED)
    for value, month, version in (("4", 1, 1), ("6", 2, 2), ("7", 2, 3))
]


@pytest.mark.parametrize(
    ("day", "value"),
    [
        (date(2024, 12, 31), None),
        (date(2025, 1, 1), "4"),
        (date(2025, 1, 31), "4"),
        (date(2025, 2, 1), "7"),
        (date(2026, 1, 1), "7"),
    ],
)
def test_a_rate_holds_from_its_day_until_the_next(day: date, value: str | None) -> None:
    rate = rate_on(CPC, "emv.cpc", day)

    assert (rate and str(rate.value)) == value


def test_before_any_statement_the_default_holds_and_a_margin_is_unknown() -> None:
    default = rate_in_force(CPC, "emv.cpc", date(2024, 12, 31))

    assert default is not None
    assert (default.value, default.version) == (Decimal(5), 0)
    assert rate_in_force(CPC, "gross_margin", date(2025, 3, 31)) is None
    with pytest.raises(KeyError):
        rate_in_force(CPC, "emv.cpx", date(2025, 3, 31))


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
