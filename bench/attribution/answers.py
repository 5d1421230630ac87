"""``python -m bench.attribution.answers FILE``: what published libraries answer to their examples.

Writes the file that `tests/unit/attribution/test_libraries.py` compares us with. Runs in a Python
that has them: `pip install ChannelAttribution marketing-attribution-models shapley-attribution
coopgt shapley-value matplotlib`. Needs nothing of ours, so that nothing of ours can leak into it.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

Answer = dict[str, float]
#: The worth of each set of players, who are sorted.
Game = Mapping[tuple[Any, ...], float]
Journeys = Sequence[tuple[str, ...]]


def _example() -> tuple[Journeys, list[int]]:
    """Return the journeys of shapley-attribution's own generator, and which of them converted."""
    from shapley_attribution.datasets import make_attribution_problem

    journeys, converted, *_ = make_attribution_problem(
        n_channels=5, n_journeys=300, min_journey_length=1, max_journey_length=5, random_state=7
    )
    named = [tuple(f"c{channel}" for channel in journey) for journey in journeys]
    return named, [int(one) for one in converted]


def _channel_attribution(journeys: Journeys, converted: Sequence[int]) -> dict[str, Answer]:
    import ChannelAttribution
    import pandas as pd

    table = pd.DataFrame(
        {
            "path": [" > ".join(journey) for journey in journeys],
            "conversions": converted,
            "lost": [1 - one for one in converted],
        }
    )
    told = ChannelAttribution.heuristic_models(table, "path", "conversions", flg_pro=False)
    answers = {
        name: dict(zip(told["channel_name"], told[f"{name}_touch"].tolist(), strict=True))
        for name in ("first", "last", "linear")
    }
    # It simulates: until results vary by 1 %, over walks as long as they want to be.
    markov = ChannelAttribution.markov_model(
        table,
        "path",
        "conversions",
        var_null="lost",
        conv_par=0.01,
        max_step=1_000_000,
        out_more=True,
        verbose=False,
        flg_pro=False,
    )
    effects = markov["removal_effects"]
    names, values = (effects[column].tolist() for column in effects.columns[:2])
    return answers | {"removal": dict(zip(names, values, strict=True))}


def _mam(journeys: Journeys, converted: Sequence[int]) -> dict[str, Answer]:
    import pandas as pd
    from mam import MAM

    frame = pd.DataFrame(
        {
            "journey": [str(number) for number in range(len(journeys))],
            "path": [" > ".join(journey) for journey in journeys],
            "hours": [" > ".join("0" for _ in journey) for journey in journeys],
            "converted": [bool(one) for one in converted],
        }
    )
    models = MAM(
        frame,
        format_type="format_2",
        channels_colname="path",
        journey_with_conv_colname="converted",
        user_id_colname="journey",
        time_till_conv_colname="hours",
    )
    result = models.run_markov(transition_to_same_state=True)
    effects = result.metadata["removal_effect"]["removal_effect"]
    return {"removal": {name: float(effect) for name, effect in effects.items()}}


def _shapley_attribution(journeys: Journeys, converted: Sequence[int]) -> dict[str, Answer]:
    from shapley_attribution.baselines.heuristic import (
        FirstTouchAttribution,
        LastTouchAttribution,
        LinearAttribution,
    )
    from shapley_attribution.models.simplified import SimplifiedShapleyAttribution

    models = {
        "shapley": SimplifiedShapleyAttribution,
        "first": FirstTouchAttribution,
        "last": LastTouchAttribution,
        "linear": LinearAttribution,
    }
    paths = [list(journey) for journey in journeys]
    return {
        name: {
            channel: float(value)
            for channel, value in sorted(
                model(normalize=False).fit(paths, converted).attribution_.items()
            )
        }
        for name, model in models.items()
    }


def _sum_game(journeys: Journeys, converted: Sequence[int]) -> tuple[list[str], Game]:
    """Return the channels, and what each set of them is worth: the journeys that used no others."""
    channels = sorted({channel for journey in journeys for channel in journey})
    won = Counter(
        frozenset(journey) for journey, one in zip(journeys, converted, strict=True) if one
    )
    worth = {
        some: sum(count for used, count in won.items() if used <= set(some))
        for size in range(len(channels) + 1)
        for some in combinations(channels, size)
    }
    return channels, worth


def _coopgt(players: Sequence[Any], game: Game) -> list[float]:
    from coopgt.shapley_value import calculate

    number = {player: place + 1 for place, player in enumerate(players)}
    numbered = {tuple(number[player] for player in some): worth for some, worth in game.items()}
    return [float(value) for value in calculate(numbered)]


def _shapley_value(players: Sequence[Any], game: Game) -> list[float]:
    from shapley_value import ShapleyCombinations

    values = ShapleyCombinations(list(players)).calculate_shapley_values(dict(game))
    return [float(values[player]) for player in players]


#: The examples of these libraries' own introductions.
_TAXI: Game = {
    (): 0,
    ("1",): 6,
    ("2",): 12,
    ("3",): 42,
    ("1", "2"): 12,
    ("1", "3"): 42,
    ("2", "3"): 42,
    ("1", "2", "3"): 42,
}
_PARTNERS: Game = {
    (): 0,
    ("Alice",): 10,
    ("Bob",): 20,
    ("Charlie",): 30,
    ("Alice", "Bob"): 50,
    ("Alice", "Charlie"): 60,
    ("Bob", "Charlie"): 70,
    ("Alice", "Bob", "Charlie"): 100,
}
_ASKED_JOURNEYS: Mapping[str, Callable[[Journeys, Sequence[int]], dict[str, Answer]]] = {
    "ChannelAttribution": _channel_attribution,
    "marketing-attribution-models": _mam,
    "shapley-attribution": _shapley_attribution,
}
_ASKED_GAMES: Mapping[str, tuple[Callable[[Sequence[Any], Game], list[float]], Game]] = {
    "coopgt": (_coopgt, _TAXI),
    "shapley-value": (_shapley_value, _PARTNERS),
}


def main(file: Path) -> None:
    """Ask every library and write down what it answered."""
    journeys, converted = _example()
    libraries = {
        f"{name} {version(name)}": ask(journeys, converted) for name, ask in _ASKED_JOURNEYS.items()
    }
    channels, sum_game = _sum_game(journeys, converted)
    games = []
    for name, (ask, own) in _ASKED_GAMES.items():
        library = f"{name} {version(name)}"
        values = dict(zip(channels, ask(channels, sum_game), strict=True))
        libraries[library] = {"shapley": values}
        players = max(own, key=len)
        games.append(
            {
                "library": library,
                "players": players,
                "worth": [[list(some), worth] for some, worth in own.items()],
                "shapley": dict(zip(players, ask(players, own), strict=True)),
            }
        )
    count, won = Counter(journeys), Counter[tuple[str, ...]]()
    for journey, one in zip(journeys, converted, strict=True):
        won[journey] += one
    paths = [[list(path), count[path], won[path]] for path in sorted(count)]
    file.write_text(_laid_out(paths=paths, libraries=libraries, games=games), encoding="utf-8")


def _laid_out(*, paths: Sequence[Any], **others: Any) -> str:
    """Return everything as JSON to read: a line for each path."""
    lines = ",\n".join(f"  {json.dumps(path)}" for path in paths)
    rest = json.dumps(others, indent=1, sort_keys=True).removeprefix("{")
    return f'{{\n "paths": [\n{lines}\n ],{rest}\n'


if __name__ == "__main__":
    main(Path(sys.argv[1]))
