"""The verdicts of a run in a file, so that one that was cut short goes on where it was."""

from collections import defaultdict
from pathlib import Path

from tests.mutation.trial import Verdict

__all__ = ["Results"]


class Results:
    """A line per verdict, with the mutant's name; without a path nothing is kept.

    Two mutants of one name (a change made twice in a line) have a line each.

    Raises:
        ValueError: the file holds what is no verdict.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._of_name: dict[str, list[Verdict]] = defaultdict(list)
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                verdict, _, name = line.partition("\t")
                self._of_name[name].append(Verdict(verdict))

    def take(self, name: str) -> Verdict | None:
        """Return what became of a mutant of this name, then of the next one; None after all."""
        verdicts = self._of_name.get(name)
        return verdicts.pop(0) if verdicts else None

    def add(self, name: str, verdict: Verdict) -> None:
        """Write a verdict down."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{verdict}\t{name}\n")
