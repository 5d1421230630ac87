"""What holds for every journey, against an oracle written with fractions alone."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.attribution import (
    AttributionModel,
    Conversion,
    Touch,
    amounts,
    credit_journey,
    eligible,
    shares,
    weights,
)

CLOSED_AT = datetime(2025, 4, 10, 12, tzinfo=UTC)
CHANNELS = ("paid", "direct", "brand")
STAGES = (CLOSED_AT - timedelta(days=60), CLOSED_AT - timedelta(days=20))
MODELS = list(AttributionModel)

hours_before = st.lists(st.integers(min_value=0, max_value=24 * 120), max_size=12)
money = st.decimals(min_value=-(10**9), max_value=10**9, places=2)
windows = st.integers(min_value=0, max_value=120)
half_lives = st.integers(min_value=1, max_value=60)


def _touches(hours: list[int]) -> list[Touch]:
    instants = [CLOSED_AT - timedelta(hours=before) for before in hours]
    return [
        Touch(f"t{index}", at, at.date(), CHANNELS[index % 3]) for index, at in enumerate(instants)
    ]


def _conversion(amount: Decimal) -> Conversion:
    return Conversion("deal", CLOSED_AT, CLOSED_AT.date(), amount, STAGES)


def _w_shaped(path: list[Touch]) -> list[Fraction]:
    earners = [0]
    for stage in STAGES:
        reached = sum(touch.at <= stage for touch in path)
        earners += [reached - 1] if reached else []
    others = len(path) - len(set(earners))
    return [
        Fraction(3 * earners.count(place), 10) or Fraction(1, 10 * others)
        for place in range(len(path))
    ]


def _oracle(model: AttributionModel, path: list[Touch], half_life: int) -> list[Fraction]:
    """Return the exact share of each touch of a path, oldest first."""
    days = [(CLOSED_AT.date() - touch.day).days for touch in path]
    length = len(days)
    if model is AttributionModel.FIRST:
        raw = [Fraction(index == 0) for index in range(length)]
    elif model is AttributionModel.LAST:
        raw = [Fraction(index == length - 1) for index in range(length)]
    elif model is AttributionModel.LINEAR or (model is AttributionModel.POSITION and length < 3):
        raw = [Fraction(1, length)] * length
    elif model is AttributionModel.POSITION:
        middle = Fraction(1, 5) / (length - 2)
        raw = [Fraction(2, 5), *[middle] * (length - 2), Fraction(2, 5)]
    elif model is AttributionModel.LAST_NON_DIRECT:
        known = [place for place, touch in enumerate(path) if touch.channel != "direct"]
        raw = [Fraction(place == (known or [length - 1])[-1]) for place in range(length)]
    elif model is AttributionModel.W_SHAPED:
        raw = _w_shaped(path)
    elif model is AttributionModel.SHAPLEY:
        channels = [touch.channel for touch in path]
        raw = [Fraction(1, len(set(channels)) * channels.count(channel)) for channel in channels]
    else:
        with localcontext(prec=80):
            raw = [Fraction(Decimal(2) ** (Decimal(-before) / half_life)) for before in days]
    return [weight / sum(raw) for weight in raw]


@given(hours=hours_before, amount=money, window=windows, half_life=half_lives)
def test_credit_equals_the_oracle_and_adds_up(
    hours: list[int], amount: Decimal, window: int, half_life: int
) -> None:
    touches, conversion = _touches(hours), _conversion(amount)

    credits = credit_journey(
        touches, [conversion], MODELS, window_days=window, half_life_days=half_life, exponent=2
    )

    inside = [t for t in touches if 0 <= (CLOSED_AT.date() - t.day).days <= window]
    path = sorted(inside, key=lambda touch: (touch.at, touch.id))
    for model in MODELS:
        earned = {c.touch_id: c for c in credits if c.model is model}
        assert set(earned) <= {touch.id for touch in path}
        if not path:
            continue
        assert sum(c.share for c in earned.values()) == 1
        assert sum(c.amount or 0 for c in earned.values()) == amount
        for touch, exact in zip(path, _oracle(model, path, half_life), strict=True):
            share = earned[touch.id].share if touch.id in earned else Decimal(0)
            cents = earned[touch.id].amount if touch.id in earned else None
            assert abs(Fraction(share) - exact) < Fraction(1, 10**12)
            assert abs(Fraction(cents or 0) - Fraction(amount) * exact) < Fraction(1, 100)


@given(hours=hours_before, amount=money, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(
    hours: list[int], amount: Decimal, seed: random.Random
) -> None:
    touches = _touches(hours)
    shuffled = seed.sample(touches, len(touches))

    def credited(given_touches: list[Touch]) -> object:
        return credit_journey(
            given_touches,
            [_conversion(amount)],
            MODELS,
            window_days=90,
            half_life_days=7,
            exponent=2,
        )

    assert credited(shuffled) == credited(touches)


@given(hours=hours_before.filter(bool), amount=money)
def test_one_pass_equals_the_single_steps(hours: list[int], amount: Decimal) -> None:
    conversion = _conversion(amount)
    path = eligible(_touches(hours), conversion, window_days=120)

    credits = credit_journey(
        path, [conversion], MODELS, window_days=120, half_life_days=7, exponent=2
    )

    for model in MODELS:
        each_share = shares(model, path, conversion, half_life_days=7)
        each_amount = amounts(model, path, conversion, half_life_days=7, exponent=2)
        expected = [
            (touch.id, share, earned)
            for touch, share, earned in zip(path, each_share, each_amount, strict=True)
            if share or earned
        ]
        assert [(c.touch_id, c.share, c.amount) for c in credits if c.model is model] == expected


@given(hours=hours_before, amount=money)
def test_a_retracted_deal_cancels_its_credits(hours: list[int], amount: Decimal) -> None:
    def credited(value: Decimal) -> list[tuple[str, AttributionModel, Decimal]]:
        credits = credit_journey(
            _touches(hours),
            [_conversion(value)],
            MODELS,
            window_days=90,
            half_life_days=7,
            exponent=2,
        )
        return [(c.touch_id, c.model, c.amount or Decimal(0)) for c in credits]

    mirrored = [(touch, model, -earned) for touch, model, earned in credited(-amount)]

    assert mirrored == credited(amount)


def test_a_deal_of_nothing_still_counts_as_a_win() -> None:
    credits = credit_journey(
        _touches([48, 24]),
        [_conversion(Decimal(0))],
        [AttributionModel.LINEAR],
        window_days=90,
        half_life_days=7,
        exponent=2,
    )

    assert [c.share for c in credits] == [Decimal("0.5"), Decimal("0.5")]
    assert [c.amount for c in credits] == [0, 0]


def test_a_conversion_without_a_path_earns_nobody_anything() -> None:
    credits = credit_journey(
        [], [_conversion(Decimal(10))], MODELS, window_days=90, half_life_days=7, exponent=2
    )

    assert credits == []


def test_every_conversion_of_a_journey_has_its_own_path() -> None:
    early, late = date(2025, 1, 10), date(2025, 4, 1)
    touches = [
        Touch("a", datetime(2025, 1, 5, tzinfo=UTC), date(2025, 1, 5), "c"),
        Touch("b", datetime(2025, 3, 5, tzinfo=UTC), date(2025, 3, 5), "c"),
    ]
    conversions = [
        Conversion("early", datetime(2025, 1, 10, tzinfo=UTC), early, Decimal(10)),
        Conversion("late", datetime(2025, 4, 1, tzinfo=UTC), late, Decimal(30)),
    ]

    credits = credit_journey(
        touches,
        conversions,
        [AttributionModel.LINEAR],
        window_days=60,
        half_life_days=7,
        exponent=2,
    )

    assert [(c.conversion_id, c.touch_id, c.amount) for c in credits] == [
        ("early", "a", Decimal(10)),
        ("late", "b", Decimal(30)),
    ]


def test_credits_of_a_currency_without_cents_are_whole() -> None:
    credits = credit_journey(
        _touches([72, 48, 24]),
        [_conversion(Decimal(100))],
        [AttributionModel.LINEAR],
        window_days=90,
        half_life_days=7,
        exponent=0,
    )

    assert [str(c.amount) for c in credits] == ["34", "33", "33"]


def test_decay_keeps_its_precision_far_from_the_conversion() -> None:
    path = _touches([24 * 110, 24 * 100])

    weighed = weights(AttributionModel.TIME_DECAY, path, _conversion(Decimal(1)), half_life_days=10)

    assert weighed[0] * 2 == weighed[1]


@pytest.mark.parametrize("half_life", [0, -7])
def test_a_half_life_that_is_not_positive_is_refused(half_life: int) -> None:
    with pytest.raises(ValueError, match="half-life"):
        weights(
            AttributionModel.TIME_DECAY,
            _touches([48, 24]),
            _conversion(Decimal(1)),
            half_life_days=half_life,
        )


def test_an_empty_path_has_no_weights() -> None:
    with pytest.raises(ValueError, match="without touches"):
        weights(AttributionModel.LINEAR, [], _conversion(Decimal(1)))
