"""The ten journeys of the Golden Ratio company, credited to the cent."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from shared.attribution import (
    AttributionModel,
    Conversion,
    Touch,
    credit_journey,
    eligible,
    weights,
)

# deal, amount, day of close, (channel, days before close) of each touch
JOURNEYS = [
    ("J1", "12000", date(2025, 4, 10), [("EA", 80), ("BR", 40), ("EA", 10)]),
    ("J2", "6000", date(2025, 4, 20), [("EA", 30)]),
    ("J3", "10000", date(2025, 4, 15), [("AD", 60), ("EA", 20)]),
    ("J4", "8000", date(2025, 4, 3), [("BR", 50), ("AD", 5)]),
    ("J5", "15000", date(2025, 4, 2), [("EA", 90), ("AD", 45), ("BR", 15)]),
    ("J6", "9000", date(2025, 4, 5), [("BR", 70), ("EA", 49), ("AD", 21), ("EA", 7)]),
]


def _touch(deal: str, channel: str, index: int, day: date) -> Touch:
    return Touch(f"{channel}-{deal}-{index}", datetime.combine(day, time(10), UTC), day, channel)


def _journey(
    deal: str, amount: str, closed_on: date, path: list[tuple[str, int]]
) -> tuple[list[Touch], Conversion]:
    touches = [
        _touch(deal, channel, index, closed_on - timedelta(days=before))
        for index, (channel, before) in enumerate(path)
    ]
    at = datetime.combine(closed_on, time(12), UTC)
    return touches, Conversion(deal, at, closed_on, Decimal(amount))


def _by_channel(
    model: AttributionModel, *, half_life_days: int = 7, window_days: int = 90
) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for deal, amount, closed_on, path in JOURNEYS:
        touches, conversion = _journey(deal, amount, closed_on, path)
        for credit in credit_journey(
            touches,
            [conversion],
            [model],
            window_days=window_days,
            half_life_days=half_life_days,
            exponent=2,
        ):
            totals[credit.touch_id[:2]] += credit.amount or Decimal(0)
    return dict(totals)


@pytest.mark.parametrize(
    ("model", "half_life_days", "advocacy", "brand", "paid"),
    [
        (AttributionModel.FIRST, 7, "33000.00", "17000.00", "10000.00"),
        (AttributionModel.LAST, 7, "37000.00", "15000.00", "8000.00"),
        (AttributionModel.LINEAR, 7, "28500.00", "15250.00", "16250.00"),
        (AttributionModel.POSITION, 7, "31100.00", "16000.00", "12900.00"),
        (AttributionModel.SHAPLEY, 7, "25000.00", "18000.00", "17000.00"),
        (AttributionModel.TIME_DECAY, 7, "34447.97", "14950.75", "10601.28"),
        # The exact sums round to 15,466.80 and 16,012.46: here each deal is divided in cents.
        (AttributionModel.TIME_DECAY, 30, "28520.74", "15466.79", "16012.47"),
    ],
)
def test_each_model_credits_the_channels_of_golden_ratio(
    model: AttributionModel, half_life_days: int, advocacy: str, brand: str, paid: str
) -> None:
    credited = _by_channel(model, half_life_days=half_life_days)

    assert credited == {"EA": Decimal(advocacy), "BR": Decimal(brand), "AD": Decimal(paid)}
    assert sum(credited.values()) == Decimal(60000)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (AttributionModel.LINEAR, ["8000", "6000", "5000", "0", "5000", "4500"]),
        (AttributionModel.POSITION, ["9600", "6000", "5000", "0", "6000", "4500"]),
    ],
)
def test_advocacy_earns_its_part_of_each_deal(model: AttributionModel, expected: list[str]) -> None:
    earned = []
    for journey in JOURNEYS:
        touches, conversion = _journey(*journey)
        credits = credit_journey(
            touches, [conversion], [model], window_days=90, half_life_days=7, exponent=2
        )
        earned.append(sum(c.amount or 0 for c in credits if c.touch_id.startswith("EA")))

    assert earned == [Decimal(amount) for amount in expected]


def test_the_unrounded_credit_of_a_thirty_day_half_life_is_the_published_one() -> None:
    exact: dict[str, Fraction] = defaultdict(Fraction)
    for journey in JOURNEYS:
        touches, conversion = _journey(*journey)
        path = eligible(touches, conversion, window_days=90)
        weighed = weights(AttributionModel.TIME_DECAY, path, conversion, half_life_days=30)
        for touch, weight in zip(path, weighed, strict=True):
            exact[touch.id[:2]] += Fraction(conversion.amount or 0) * weight / sum(weighed)

    published = {"EA": "28520.74", "BR": "15466.80", "AD": "16012.46"}
    assert {key: f"{float(value):.2f}" for key, value in exact.items()} == published


def test_linear_wins_of_advocacy_are_three_deals() -> None:
    shares = Decimal(0)
    for journey in JOURNEYS:
        touches, conversion = _journey(*journey)
        credits = credit_journey(
            touches,
            [conversion],
            [AttributionModel.LINEAR],
            window_days=90,
            half_life_days=7,
            exponent=2,
        )
        shares += sum(c.share for c in credits if c.touch_id.startswith("EA"))

    # Thirds of J1 and J5 are cut at twelve digits, so the sum may be off by the last one.
    assert abs(shares - 3) < Decimal("1e-11")


def test_a_touch_of_ninety_days_ago_earns_eight_dollars_under_a_seven_day_half_life() -> None:
    touches, conversion = _journey(*JOURNEYS[4])

    credits = credit_journey(
        touches,
        [conversion],
        [AttributionModel.TIME_DECAY],
        window_days=90,
        half_life_days=7,
        exponent=2,
    )

    assert credits[0].touch_id == "EA-J5-0"
    assert credits[0].amount == Decimal("8.49")


@pytest.mark.parametrize(
    ("window_days", "advocacy"), [(90, "28500"), (89, "23500"), (60, "23000"), (30, "32500")]
)
def test_the_window_decides_what_linear_credits(window_days: int, advocacy: str) -> None:
    credited = _by_channel(AttributionModel.LINEAR, window_days=window_days)

    assert credited["EA"] == Decimal(advocacy)


def test_both_ends_of_the_window_are_inside() -> None:
    closed_on = date(2025, 4, 2)
    _, conversion = _journey("D", "1", closed_on, [])
    days = {0: closed_on, 90: date(2025, 1, 2), 91: date(2025, 1, 1)}
    touches = [_touch("D", f"d{before}", 0, day) for before, day in days.items()]

    path = eligible(touches, conversion, window_days=90)

    assert [touch.id for touch in path] == ["d90-D-0", "d0-D-0"]


def test_a_touch_after_the_conversion_does_not_count_even_on_its_day() -> None:
    at = datetime(2025, 4, 2, 12, tzinfo=UTC)
    conversion = Conversion("D", at, at.date(), Decimal(1))
    same_instant = Touch("same", at, at.date(), "EA")
    later = Touch("later", at + timedelta(seconds=1), at.date(), "EA")

    assert eligible([later, same_instant], conversion, window_days=90) == [same_instant]
