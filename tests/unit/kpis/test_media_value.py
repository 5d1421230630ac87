"""Earned media value: four methods, dated rates, and history that stays."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from shared.kpis.emv import EmvMethod, media_value, media_value_over
from shared.kpis.rates import DatedRate, rate_in_force, rate_on
from shared.kpis.vocabulary import Grade

GOLDEN = {
    "impressions_advocacy": 124_800,
    "reactions_advocacy": 1_872,
    "comments_advocacy": 312,
    "reshares_advocacy": 312,
    "clicks": 624,
}
DAY = date(2025, 3, 31)


def _rate(key: str, value: str, effective_on: date, version: int = 1) -> DatedRate:
    return DatedRate(key, Decimal(value), effective_on, version, "paid team", Grade.MEASURED)


CPC = [
    _rate("emv.cpc", "4", date(2025, 1, 1)),
    _rate("emv.cpc", "6", date(2025, 2, 1), 2),
    _rate("emv.cpc", "7", date(2025, 2, 1), 3),
    _rate("emv.cpm", "99", date(2025, 1, 1)),
]


@pytest.mark.parametrize(
    ("method", "money"),
    [
        (EmvMethod.CPC, "3120.00"),
        (EmvMethod.CPM, "3744.00"),
        (EmvMethod.MIXED, "8112.00"),
        (EmvMethod.INTERACTION, "5616.00"),
    ],
)
def test_each_method_prices_golden_ratio_at_the_default_rates(
    method: EmvMethod, money: str
) -> None:
    media = media_value(method, GOLDEN, [], DAY)

    assert str(media.value.value) == money
    assert {rate.version for rate in media.rates} == {0}


def test_the_rates_used_are_returned() -> None:
    media = media_value(EmvMethod.MIXED, GOLDEN, CPC, DAY)

    used = {rate.key: (str(rate.value), rate.version) for rate in media.rates}
    assert used == {"emv.cpm": ("99", 1), "emv.cpc": ("7", 3), "emv.k": ("0.1", 0)}


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
    assert default.value == 5
    assert default.version == 0
    assert rate_in_force([], "gross_margin", DAY) is None
    with pytest.raises(KeyError):
        rate_in_force([], "emv.cpx", DAY)


def test_a_new_rate_does_not_rewrite_the_days_before_it() -> None:
    days = [(date(2025, 1, 31), {"clicks": 10}), (date(2025, 2, 1), {"clicks": 10})]

    media = media_value_over(EmvMethod.CPC, days, CPC)

    assert media.value.value == 10 * 4 + 10 * 7
    assert [rate.version for rate in media.rates] == [1, 3]


def test_a_day_without_data_leaves_the_period_without_a_value() -> None:
    days: list[tuple[date, dict[str, int | None]]] = [
        (date(2025, 1, 31), {"clicks": 10}),
        (date(2025, 2, 1), {"clicks": None}),
    ]

    assert media_value_over(EmvMethod.CPC, days, CPC).value.null_reason == "missing:clicks"
