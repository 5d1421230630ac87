"""``python -m bench.attribution.peers LIBRARY:TASK SIZE``: the same of published libraries.

Runs in any Python that has the libraries, which the product's own environment does not: it needs
nothing of ours but the invented journeys. Each library gets them in the form it likes best, one row
or list for each journey, laid out before the clock starts.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from bench.attribution.made import CHANNELS, Made
from bench.attribution.measure import main


def _paths(made: Made, separator: str) -> list[str]:
    names = np.array(CHANNELS)[made.channels].tolist()
    offsets = made.offsets.tolist()
    return [separator.join(names[begin:end]) for begin, end in pairwise(offsets)]


def _table(made: Made) -> Any:
    import pandas as pd

    return pd.DataFrame(
        {
            "path": _paths(made, " > "),
            "conversions": made.is_converted.astype(int),
            "lost": (~made.is_converted).astype(int),
            "value": np.where(made.is_converted, made.cents / 100, 0.0),
        }
    )


def _grouped(journeys: Any) -> Any:
    # Timed: everybody starts from journeys. Grouped paths are what this library is fastest with.
    return journeys.groupby("path", as_index=False).sum()


def _ca_heuristics(made: Made) -> Callable[[], Any]:
    import ChannelAttribution

    journeys = _table(made)
    return lambda: ChannelAttribution.heuristic_models(
        _grouped(journeys), "path", "conversions", var_value="value", flg_pro=False
    )


def _ca_markov(made: Made) -> Callable[[], Any]:
    import ChannelAttribution

    journeys = _table(made)
    return lambda: ChannelAttribution.markov_model(
        _grouped(journeys), "path", "conversions", var_null="lost", verbose=False, flg_pro=False
    )


def _mam(made: Made) -> Any:
    import pandas as pd
    from mam import MAM

    days = made.days.astype(str).tolist()
    offsets = made.offsets.tolist()
    frame = pd.DataFrame(
        {
            "journey": np.arange(len(made.is_converted)).astype(str),
            "path": _paths(made, " > "),
            "hours": [" > ".join(days[begin:end]) for begin, end in pairwise(offsets)],
            "converted": made.is_converted,
        }
    )
    return MAM(
        frame,
        format_type="format_2",
        channels_colname="path",
        journey_with_conv_colname="converted",
        user_id_colname="journey",
        time_till_conv_colname="hours",
    )


def _mam_heuristics(made: Made) -> Callable[[], Any]:
    models = _mam(made)

    def compute() -> None:
        models.run_first_click()
        models.run_last_click()
        models.run_linear()
        models.run_position_based()
        models.run_time_decay()

    return compute


def _mam_markov(made: Made) -> Callable[[], Any]:
    markov: Callable[[], Any] = _mam(made).run_markov
    return markov


def _mam_shapley(made: Made) -> Callable[[], Any]:
    shapley: Callable[[], Any] = _mam(made).run_shapley
    return shapley


def _lists(made: Made) -> tuple[list[list[str]], Any]:
    names = np.array(CHANNELS)[made.channels].tolist()
    offsets = made.offsets.tolist()
    journeys = [names[begin:end] for begin, end in pairwise(offsets)]
    return journeys, made.is_converted.astype(int)


def _sa_shapley(made: Made) -> Callable[[], Any]:
    from shapley_attribution.models.simplified import SimplifiedShapleyAttribution

    journeys, converted = _lists(made)
    model = SimplifiedShapleyAttribution()
    return lambda: model.fit(journeys, converted)


if __name__ == "__main__":
    main(
        {
            "ChannelAttribution:heuristics": _ca_heuristics,
            "ChannelAttribution:markov": _ca_markov,
            "mam:heuristics": _mam_heuristics,
            "mam:markov": _mam_markov,
            "mam:shapley": _mam_shapley,
            "shapley_attribution:shapley": _sa_shapley,
        }
    )
