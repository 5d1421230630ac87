"""``python -m bench.attribution.ours TASK SIZE``: seconds, memory and result of our functions."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from bench.attribution.made import CHANNELS, Made
from bench.attribution.measure import main
from shared.attribution import AttributionModel
from shared.attribution.bulk import Journeys, totals
from shared.attribution.counting import chain_of_many, shapley_values, worth_of_sets
from shared.attribution.markov import RemovalEffects, removal_effects

_HEURISTICS = (
    AttributionModel.FIRST,
    AttributionModel.LAST,
    AttributionModel.LINEAR,
    AttributionModel.POSITION,
    AttributionModel.TIME_DECAY,
)


def _laid_out(made: Made) -> Journeys:
    channels, days = (touches.astype(np.uint8) for touches in (made.channels, made.days))
    return Journeys(made.offsets, channels, days, CHANNELS)


def _heuristics(made: Made) -> Callable[[], Any]:
    every = _laid_out(made)

    def compute() -> dict[AttributionModel, list[int]]:
        chosen = np.flatnonzero(made.is_converted)
        found = totals(_HEURISTICS, every, made.cents, chosen=chosen)
        worth = int(made.cents[chosen].sum())
        for sums in found.values():
            assert sum(sums) == worth, "every cent of every deal"
        return found

    return compute


def _markov(made: Made) -> Callable[[], Any]:
    every = _laid_out(made)

    def compute() -> RemovalEffects:
        effects = removal_effects(chain_of_many(every, made.is_converted))
        assert effects is not None
        assert effects.error == 0
        return effects

    return compute


def _shapley(made: Made) -> Callable[[], Any]:
    every = _laid_out(made)

    def compute() -> dict[str, Fraction]:
        worth = worth_of_sets(every, np.where(made.is_converted, made.cents, 0))
        return shapley_values(worth, CHANNELS)

    return compute


if __name__ == "__main__":
    main({"heuristics": _heuristics, "markov": _markov, "shapley": _shapley})
