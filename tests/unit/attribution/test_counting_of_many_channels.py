"""Counting where there are too many channels for a counter each: the same as one by one."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random
from unittest.mock import patch

import numpy as np
import pytest

from shared.attribution import counting
from shared.attribution.bulk import Journeys
from shared.attribution.counting import chain_of_many, shapley_values, worth_of_sets
from shared.attribution.markov import PathCount, chain_of

NAMES = tuple(f"channel {number}" for number in range(40))


def _told(seed: int) -> list[tuple[list[int], int]]:
    """Return paths over few and over many channels, some of them told again, and their worth."""
    random = Random(seed)
    told = [
        ([random.randrange(len(NAMES)) for _ in range(random.randint(1, 7))], random.randint(0, 3))
        for _ in range(60)
    ]
    return [*told, *told[:20], ([39], 2), ([0], 1)]


def _journeys(told: list[tuple[list[int], int]]) -> Journeys:
    return Journeys(
        offsets=np.cumsum([0, *(len(path) for path, _ in told)]),
        channels=np.array([channel for path, _ in told for channel in path]),
        days=np.zeros(sum(len(path) for path, _ in told), dtype=np.int64),
        names=NAMES,
    )


@pytest.mark.parametrize("order", [1, 2, 3])
def test_moves_between_many_states_are_counted_as_one_by_one(order: int) -> None:
    told = _told(order)
    is_won = np.array([worth > 1 for _, worth in told])
    paths = [PathCount([NAMES[c] for c in path], 1, int(worth > 1)) for path, worth in told]

    assert chain_of_many(_journeys(told), is_won, order=order) == chain_of(paths, order=order)


@pytest.mark.parametrize("order", [1, 2])
def test_journeys_counted_part_by_part_are_counted_as_one_by_one(order: int) -> None:
    random = Random(order)
    told = [([random.randrange(3) for _ in range(random.randint(1, 5))], 0) for _ in range(400)]
    is_won = np.array([random.random() < 0.3 for _ in told])
    paths = [
        PathCount([NAMES[c] for c in path], 1, int(won))
        for (path, _), won in zip(told, is_won, strict=True)
    ]
    journeys = replace(_journeys(told), names=NAMES[:3])

    # Parts of 16 and of 64 journeys: as many as there are counters.
    with patch.object(counting, "_AT_A_TIME", 1):
        assert chain_of_many(journeys, is_won, order=order) == chain_of(paths, order=order)


def test_sets_of_many_channels_are_worth_what_their_journeys_are() -> None:
    told = _told(7)
    expected: dict[int, int] = {}
    for path, units in told:
        held = sum(1 << channel for channel in set(path))
        expected[held] = expected.get(held, 0) + units

    worth = worth_of_sets(_journeys(told), np.array([units for _, units in told]))

    assert {held: units for held, units in worth.items() if units} == {
        held: units for held, units in expected.items() if units
    }
    values = shapley_values(worth, NAMES)
    assert list(values) == list(NAMES)
    assert sum(values.values()) == sum(units for _, units in told)
    assert values[NAMES[39]] == sum(
        (Fraction(units, len(set(path))) for path, units in told if 39 in path), Fraction(0)
    )


def test_sixty_two_channels_fit_a_set() -> None:
    names = tuple(f"c{number}" for number in range(62))
    one = Journeys(np.array([0, 2]), np.array([61, 0]), np.array([0, 0]), names)

    assert worth_of_sets(one, np.array([5])) == {(1 << 61) + 1: 5}


def test_a_path_without_touches_is_no_journey_and_hides_none_after_it() -> None:
    paths = [PathCount(["a"], 2, 1), PathCount([], 3, 1), PathCount(["b"], 0, 0)]

    assert chain_of([*paths, PathCount(["b", "a"], 1, 1)]) == chain_of(
        [PathCount(["b", "a"], 1, 1), PathCount(["a"], 2, 1)]
    )
