"""Published libraries agree with us on what they invent as examples.

The journeys are 300 of `make_attribution_problem` of shapley-attribution (5 channels, 1 to 5
touches, seed 7). ChannelAttribution, marketing-attribution-models and shapley-attribution were
asked about them as journeys; coopgt and shapley-value, which know cooperative games and nothing of
marketing, about the game that they make: a set of channels is worth the conversions of the journeys
that used no others. Both were asked about the example of their own introduction, too.

The libraries cannot live in this environment: what they answered is kept beside this file, with
their versions, as `python -m bench.attribution.answers` wrote it down. ChannelAttribution states an
error, since it simulates removal effects: 1 % was asked for, and walks as long as they want to be.
All others state none: they compute, in floats.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared.attribution import AttributionModel
from shared.attribution.counting import shapley_values
from shared.attribution.markov import PathCount, chain_of, removal_effects
from shared.attribution.models import PATTERNS, shapley_weights

TOLD: dict[str, Any] = orjson.loads(Path(__file__).with_name("libraries.json").read_bytes())
PATHS = [PathCount(*path) for path in TOLD["paths"]]
FLOATS, SIMULATED = 1e-9, 0.01


def _conversions(model: AttributionModel) -> dict[str, Fraction]:
    """Return what each channel gets of all conversions."""
    sums: dict[str, Fraction] = {}
    for path in PATHS:
        weights = (
            shapley_weights(path.channels)
            if model is AttributionModel.SHAPLEY
            else PATTERNS[model](len(path.channels))
        )
        for channel, weight in zip(path.channels, weights, strict=True):
            part = Fraction(path.converted * weight, sum(weights))
            sums[channel] = sums.get(channel, Fraction(0)) + part
    return sums


def _removal_effects() -> dict[str, Fraction]:
    effects = removal_effects(chain_of(PATHS))
    assert effects is not None
    return {line.channel: line.effect for line in effects.channels}


@pytest.mark.parametrize(
    ("library", "task"),
    [(library, task) for library, tasks in TOLD["libraries"].items() for task in tasks],
)
def test_a_library_agrees(library: str, task: str) -> None:
    theirs = {name: Decimal(str(value)) for name, value in TOLD["libraries"][library][task].items()}
    ours = _removal_effects() if task == "removal" else _conversions(AttributionModel(task))
    is_simulated = task == "removal" and library.startswith("ChannelAttribution")

    assert ours.keys() == theirs.keys()
    for channel, exact in ours.items():
        within = SIMULATED if is_simulated else FLOATS
        assert float(theirs[channel]) == pytest.approx(float(exact), rel=within)


@pytest.mark.parametrize("game", TOLD["games"], ids=lambda game: str(game["library"]))
def test_a_library_divides_its_own_game_alike(game: dict[str, Any]) -> None:
    players = game["players"]
    worth = {
        sum(1 << players.index(player) for player in some): value for some, value in game["worth"]
    }
    # What a set is worth beyond its parts: ours are journeys, which need all of their channels.
    beyond: dict[int, int] = {}
    for held in sorted(worth):
        beyond[held] = worth[held] - sum(beyond[part] for part in beyond if part & ~held == 0)

    values = shapley_values(beyond, players)

    assert sum(values.values()) == worth[max(worth)]
    for player, exact in values.items():
        assert game["shapley"][player] == pytest.approx(float(exact), rel=FLOATS)


def test_two_libraries_agree_on_each_kind_of_model() -> None:
    tasks = [task for tasks in TOLD["libraries"].values() for task in tasks]
    assert min(tasks.count(task) for task in ("first", "last", "linear", "removal")) == 2
    assert tasks.count("shapley") == 3
