"""A large batch gives the very rows that its journeys give one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from services.metrics.crediting import credit_many
from services.metrics.journeys import MANY_TOUCHES, MODELS, credit_rows

_CHANNELS = ("employee_advocacy", "brand", "paid", "direct")
_AMOUNTS = (None, Decimal("0.00"), Decimal("100.01"), Decimal("7.125"), Decimal("-10.00"))


def journeys(seed: int, conversions: int) -> list[dict[str, Any]]:
    """Return a row per touch, as they are read from state."""
    random = Random(seed)
    rows = []
    for number in range(conversions):
        closed_at = datetime(2025, 4, 10, 12, tzinfo=UTC) + timedelta(hours=number)
        amount = random.choice(_AMOUNTS)
        touched = sorted(
            closed_at - timedelta(hours=random.randint(0, 2000))
            for _ in range(random.randint(1, 9))
        )
        stages = [
            random.choice([None, closed_at - timedelta(hours=random.randint(0, 2500))])
            for _ in range(2)
        ]
        rows += [
            {
                "kind": "deal" if amount is not None else "lead",
                "conversion": f"c{number}",
                "amount": amount,
                "converted_at": closed_at,
                "converted_day": closed_at.date(),
                "lead_at": stages[0],
                "opened_at": stages[1],
                "touch_key": bytes([place]) * 16,
                "touched_at": at,
                "touch_day": at.date(),
                "channel": random.choice(_CHANNELS),
                "employee": f"E{place}",
                **dict.fromkeys(("account", "network", "campaign", "content"), ""),
            }
            for place, at in enumerate(touched)
        ]
    return rows


def test_many_give_the_rows_that_each_gives() -> None:
    for seed in range(5):
        rows = journeys(seed, 60)
        assert len(rows) < MANY_TOUCHES

        alone = list(credit_rows(rows, 90, 7, 2))
        together = list(credit_many(rows, MODELS, half_life_days=7, exponent=2))

        assert len(together) == len(alone)
        assert sorted(map(repr, together)) == sorted(map(repr, alone))


def test_a_large_batch_is_divided_at_once() -> None:
    rows = journeys(9, 600)
    assert len(rows) >= MANY_TOUCHES

    together = list(credit_rows(rows, 90, 7, 2))

    expected = list(credit_many(rows, MODELS, half_life_days=7, exponent=2))
    assert together == expected
