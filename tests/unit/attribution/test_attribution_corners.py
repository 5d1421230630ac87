"""Corners of attribution: settings that must reach every model, journeys without a path."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shared.attribution import AttributionModel, Conversion, Touch, credit_journey
from shared.attribution.credit import amounts, shares


def touch(name: str, day: int) -> Touch:
    return Touch(name, datetime(2025, 3, day, 9, tzinfo=UTC), date(2025, 3, day), "social")


def conversion(name: str, day: int) -> Conversion:
    at = datetime(2025, 3, day, 12, tzinfo=UTC)
    return Conversion(name, at, date(2025, 3, day), Decimal("90.00"))


PATH = [touch("a", 10), touch("b", 14)]


@pytest.mark.parametrize(("half_life", "older"), [(4, "30.00"), (2, "18.00")])
def test_the_half_life_decides_what_an_older_touch_is_worth(half_life: int, older: str) -> None:
    decay = AttributionModel.TIME_DECAY
    won = conversion("d", 14)

    divided = amounts(decay, PATH, won, half_life_days=half_life, exponent=2)
    parts = shares(decay, PATH, won, half_life_days=half_life)

    assert divided == [Decimal(older), 90 - Decimal(older)]
    assert [round(part * 90, 6) for part in parts] == divided


def test_a_conversion_without_a_path_does_not_end_the_journey() -> None:
    credits = credit_journey(
        PATH,
        [conversion("early", 1), conversion("won", 20)],
        [AttributionModel.LINEAR],
        window_days=30,
        half_life_days=7,
        exponent=2,
    )

    assert [(c.conversion_id, c.touch_id, c.amount) for c in credits] == [
        ("won", "a", Decimal("45.00")),
        ("won", "b", Decimal("45.00")),
    ]
