"""What a run of mutants comes to: how many were noticed, how sure that is, and what was not."""

import tomllib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from math import sqrt
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, TypeVar

from tests.mutation.trial import Verdict

__all__ = ["GOAL", "Score", "chosen", "drawn", "equivalents"]

#: Percent of the mutants that a test could notice.
GOAL: Final = 85
_NOTICED: Final = (Verdict.KILLED, Verdict.TIMEOUT)
_EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")
_File = TypeVar("_File", bound=Hashable)
_Mutant = TypeVar("_Mutant")


class _Tried(NamedTuple):
    name: str
    verdict: Verdict


class Score:
    """Verdicts by file; a mutant is known by its name, the change in words."""

    def __init__(self) -> None:
        self._tried: dict[str, list[_Tried]] = defaultdict(list)
        self._equivalent = equivalents()

    def add(self, file: str, name: str, verdict: Verdict) -> None:
        """Count one mutant."""
        self._tried[file].append(_Tried(name, verdict))

    @property
    def percent(self) -> float:
        """Return how many of 100 mutants were noticed that could be; 100 of none."""
        noticed, missed = len(self._all(*_NOTICED)), len(self._missed())
        return 100 * noticed / (noticed + missed) if noticed + missed else 100.0

    def report(self) -> None:
        """Print the figures of each file and of all, and what survived."""
        for file in sorted(self._tried):
            print(f"{file}: {self._figures(self._tried[file])}")
        everything = [tried for of_file in self._tried.values() for tried in of_file]
        low, high = _interval(len(self._all(*_NOTICED)), len(self._missed()))
        print(f"\nAll: {self._figures(everything)}")
        print(f"{self.percent:.1f} % noticed; as a sample of all, from {low:.1f} to {high:.1f} %")
        _list("Not noticed", self._missed())
        _list("Noticed by not coming to an end", self._all(Verdict.TIMEOUT))
        _list("Equivalent", [t for t in self._all(Verdict.SURVIVED) if t.name in self._equivalent])

    def _all(self, *verdicts: Verdict) -> list[_Tried]:
        return [t for of_file in self._tried.values() for t in of_file if t.verdict in verdicts]

    def _missed(self) -> list[_Tried]:
        return [t for t in self._all(Verdict.SURVIVED) if t.name not in self._equivalent]

    def _figures(self, tried: Sequence[_Tried]) -> str:
        noticed = sum(t.verdict in _NOTICED for t in tried)
        stillborn = sum(t.verdict is Verdict.STILLBORN for t in tried)
        survived = [t for t in tried if t.verdict is Verdict.SURVIVED]
        equivalent = sum(t.name in self._equivalent for t in survived)
        return (
            f"{len(tried)} tried, {noticed} noticed, {len(survived) - equivalent} not,"
            f" {equivalent} equivalent, {stillborn} no program at all"
        )


def equivalents() -> frozenset[str]:
    """Return the names of the mutants that no test can tell from the original."""
    return frozenset(tomllib.loads(_EQUIVALENT.read_text(encoding="utf-8")))


def chosen(paths: Iterable[Path], parts: Sequence[str]) -> list[Path]:
    """Return the paths that contain one of the parts."""
    return [path for path in paths if any(part in path.as_posix() for part in parts)]


def drawn(
    mutants: Mapping[_File, Sequence[_Mutant]], sample: int | None, seed: int
) -> dict[_File, list[_Mutant]]:
    """Return a random sample, of each file its part (at least one), or all of them."""
    count = sum(map(len, mutants.values()))
    if sample is None or sample >= count:
        return {file: list(of_file) for file, of_file in mutants.items()}
    random = Random(seed)
    sampled = {}
    for file, of_file in mutants.items():
        part = min(len(of_file), max(1, round(sample * len(of_file) / count)))
        numbers = sorted(random.sample(range(len(of_file)), part))
        sampled[file] = [of_file[number] for number in numbers]
    return sampled


def _interval(noticed: int, missed: int) -> tuple[float, float]:
    """Return the 95 % interval of the percentage noticed (Wilson's, for a random sample)."""
    tried = noticed + missed
    if not tried:
        return 0.0, 100.0
    z = 1.959964
    center = (noticed + z * z / 2) / (tried + z * z)
    half = z / (tried + z * z) * sqrt(noticed * missed / tried + z * z / 4)
    return 100 * (center - half), 100 * (center + half)


def _list(title: str, mutants: Sequence[_Tried]) -> None:
    if mutants:
        print(f"\n{title}:")
    for mutant in mutants:
        print(f"  {mutant.name}")
