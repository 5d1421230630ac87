"""Many journeys at once: each divided as it would be alone, to the last unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.attribution import (
    AttributionModel,
    Conversion,
    Touch,
    counting,
    dividing,
    layout,
    weights,
)
from shared.attribution.bulk import Journeys, divide, sum_by, totals
from shared.attribution.counting import chain_of_many, shapley_values, worth_of_sets
from shared.attribution.markov import PathCount, chain_of
from shared.money import split_units

CLOSED_AT = datetime(2025, 4, 10, 12, tzinfo=UTC)
NAMES = ("paid", "brand", "direct", "employee_advocacy")

#: (channel, days before) of each touch, in any order
Path = list[tuple[int, int]]

_touch = st.tuples(st.integers(0, 3), st.integers(0, 90) | st.sampled_from([0, 1, 7, 90]))
_paths = st.lists(
    st.tuples(
        st.lists(_touch, min_size=1, max_size=7),
        st.tuples(st.integers(-1, 6), st.integers(-1, 6)),
        st.integers(-(10**4), 10**9) | st.sampled_from([0, 1, 2, -1, 10**12, 2**61, -(2**61)]),
    ),
    min_size=1,
    max_size=4,
)
_half_lives = st.integers(1, 90) | st.sampled_from([Decimal("29.5"), Decimal("0.01")])


def _alone(
    model: AttributionModel,
    told: tuple[Path, tuple[int, int], int],
    half_life: int | Decimal,
) -> list[int]:
    path, stages, units = told
    touches = [
        Touch(str(place), CLOSED_AT - timedelta(days=days, minutes=-place), day, NAMES[channel])
        for place, (channel, days) in enumerate(path)
        for day in [(CLOSED_AT - timedelta(days=days)).date()]
    ]
    moments = [touches[stage].at if stage >= 0 else None for stage in stages]
    conversion = Conversion("c", CLOSED_AT, CLOSED_AT.date(), None, tuple(moments))
    return split_units(units, weights(model, touches, conversion, half_life_days=half_life))


@pytest.mark.parametrize("model", AttributionModel)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(told=_paths, half_life=_half_lives, are_many=st.booleans())
@example(told=[([(n % 3, n) for n in range(30)], (3, 20), 10**12)], half_life=7, are_many=True)
@example(told=[([(n % 4, n // 2) for n in range(26)], (-1, 25), -777)], half_life=30, are_many=True)
@example(told=[([(0, 0), (1, 90)], (-1, -1), 2**41)], half_life=Decimal("0.01"), are_many=True)
@example(told=[([(0, 0)], (-1, -1), 2**61 + 1)], half_life=7, are_many=True)
def test_many_are_divided_as_each_alone(
    model: AttributionModel,
    told: list[tuple[Path, tuple[int, int], int]],
    half_life: int | Decimal,
    are_many: bool,
) -> None:
    # As if there were more: too few to bother are divided one by one anyway.
    with (
        patch.object(dividing, "_SOONER_ALONE", 0),
        patch.object(dividing, "_MANY", 0 if are_many else 10**9),
    ):
        _expect_each_alone(model, told, half_life)


@pytest.mark.parametrize("model", AttributionModel)
def test_a_batch_is_divided_as_each_alone(model: AttributionModel) -> None:
    random = Random(7)
    told: list[tuple[Path, tuple[int, int], int]] = []
    for _ in range(1_500):
        # Few lengths, so that each has many; days that tie, or lie whole half-lives apart.
        length = random.choice((1, 2, 2, 3, 5, 8, 9, 13))
        days = random.choice((range(91), range(0, 91, 7), (3, 3, 10)))
        path = [(random.randrange(4), random.choice(days)) for _ in range(length)]
        stages = (random.randrange(-1, length), random.randrange(-1, length))
        units = random.choice((random.randrange(-(10**6), 10**7), 10**12, random.randrange(9)))
        told.append((path, stages, units))

    with patch.object(layout, "_TOUCHES_AT_A_TIME", 1_000):
        _expect_each_alone(model, told, 7)


def _expect_each_alone(
    model: AttributionModel,
    told: list[tuple[Path, tuple[int, int], int]],
    half_life: int | Decimal,
) -> None:
    # In order of time; of each stage the touch that led to it, inside the path.
    told = [
        (
            sorted(path, key=lambda touch: -touch[1]),
            (min(a, len(path) - 1), min(b, len(path) - 1)),
            units,
        )
        for path, (a, b), units in told
    ]
    lengths = [len(path) for path, _, _ in told]
    journeys = Journeys(
        offsets=np.concatenate(([0], np.cumsum(lengths))),
        channels=np.array([channel for path, _, _ in told for channel, _ in path], dtype=np.uint8),
        days=np.array([days for path, _, _ in told for _, days in path]),
        names=NAMES,
        stages=tuple(np.array([stages[place] for _, stages, _ in told]) for place in (0, 1)),
    )
    units = np.array([amount for _, _, amount in told])

    parts = divide(model, journeys, units, half_life_days=half_life)

    by_channel = totals(
        [model], journeys, units, chosen=np.arange(len(told)), half_life_days=half_life
    )[model]
    assert by_channel == [
        sum(int(part) for part in parts[journeys.channels == place]) for place in range(4)
    ]
    assert parts.tolist() == [part for one in told for part in _alone(model, one, half_life)]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**50), 2**50)), max_size=40))
def test_sums_are_exact(told: list[tuple[int, int]]) -> None:
    keys = np.array([key for key, _ in told], dtype=np.int64)
    units = np.array([amount for _, amount in told], dtype=np.int64)

    expected = [sum(amount for key, amount in told if key == wanted) for wanted in range(4)]
    assert sum_by(keys, units, 4) == expected


def test_a_half_life_must_be_positive() -> None:
    one = Journeys(np.array([0, 1]), np.array([0]), np.array([0]), NAMES)
    with pytest.raises(ValueError, match=r"^a half-life must be positive$"):
        divide(AttributionModel.TIME_DECAY, one, np.array([1]), half_life_days=0)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.booleans()),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 3),
    st.sampled_from((0, 2**24)),
)
def test_counts_of_many_are_those_of_each(
    told: list[tuple[list[int], bool]], order: int, most_counters: int
) -> None:
    journeys = Journeys(
        offsets=np.concatenate(([0], np.cumsum([len(path) for path, _ in told]))),
        channels=np.array([channel for path, _ in told for channel in path]),
        days=np.zeros(sum(len(path) for path, _ in told), dtype=np.int64),
        names=NAMES,
    )
    is_won = np.array([won for _, won in told])
    alone = chain_of(
        [PathCount([NAMES[c] for c in path], 1, int(won)) for path, won in told], order=order
    )

    with patch.object(counting, "_MOST_COUNTERS", most_counters):
        assert chain_of_many(journeys, is_won, order=order) == alone
        worth = worth_of_sets(journeys, is_won.astype(np.int64))

    # The Shapley value of the sum game, journey by journey: alike to its distinct channels.
    values = shapley_values(worth, NAMES)
    expected = dict.fromkeys(NAMES, Fraction(0))
    for path, won in told:
        for channel in set(path):
            expected[NAMES[channel]] += Fraction(won, len(set(path)))
    assert values == expected
