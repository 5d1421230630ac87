"""The journeys of a batch, divided at once, get what each gets alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from random import Random
from typing import Any

import pytest

from services.metrics.crediting import credit_journeys
from services.metrics.journeys import MODELS
from shared.attribution import Conversion, Credit, Touch, credit_journey
from shared.money import from_units

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


def alone(rows: list[dict[str, Any]]) -> list[Credit]:
    """Credit each journey by itself."""
    credits = []
    for conversion, group in groupby(rows, key=lambda row: row["conversion"]):
        path = list(group)
        told = Conversion(
            id=conversion,
            at=path[0]["converted_at"],
            day=path[0]["converted_day"],
            amount=path[0]["amount"],
            stages=(path[0]["lead_at"], path[0]["opened_at"]),
        )
        touches = [
            Touch(
                id=row["touch_key"].hex(),
                at=row["touched_at"],
                day=row["touch_day"],
                channel=row["channel"],
            )
            for row in path
        ]
        credits += credit_journey(
            touches, [told], MODELS, window_days=90, half_life_days=7, exponent=2
        )
    return credits


def together(rows: list[dict[str, Any]]) -> list[Credit]:
    """Credit them at once, and read the units as decimals; nothing earned is no credit."""
    credits = []
    for row in credit_journeys(rows, MODELS, half_life_days=7, exponent=2):
        _, conversion, touch_key, shares, amounts, unit, *_ = row
        for model, share, amount in zip(
            MODELS, shares, amounts or [None] * len(MODELS), strict=True
        ):
            if share or amount:
                credits.append(
                    Credit(
                        conversion_id=conversion,
                        touch_id=touch_key.hex(),
                        model=model,
                        share=from_units(share, 12),
                        amount=None if amount is None else amount * unit,
                    )
                )
    return credits


@pytest.mark.parametrize("seed", range(5))
def test_many_get_what_each_gets(seed: int) -> None:
    rows = journeys(seed, 60)

    assert sorted(together(rows)) == sorted(alone(rows))


def test_rows_come_in_the_order_given_with_where_they_were() -> None:
    rows = journeys(5, 20)

    credited = list(credit_journeys(rows, MODELS, half_life_days=7, exponent=2))

    assert [(row[1], row[2], row[6], row[9]) for row in credited] == [
        (row["conversion"], row["touch_key"], row["touch_day"], row["employee"]) for row in rows
    ]
    assert [row[4] is None and row[5] is None for row in credited] == [
        row["amount"] is None for row in rows
    ]
