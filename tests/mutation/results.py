"""How the trials of a run ended, in a file: one that was cut short goes on where it was."""

from collections import defaultdict
from pathlib import Path

from tests.mutation.trial import Trial, Verdict

__all__ = ["Results"]


class Results:
    """A line per trial: verdict, the test that noticed, the mutant's name. Without a path, nothing.

    Two mutants of one name (a change made twice in a line) have a line each.

    Raises:
        ValueError: the file holds what is no verdict.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._of_name: dict[str, list[Trial]] = defaultdict(list)
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                verdict, noticed_by, name = line.split("\t")
                self._of_name[name].append(Trial(Verdict(verdict), noticed_by or None))

    def take(self, name: str) -> Trial | None:
        """Return how a mutant of this name ended, then the next one of it; None after all."""
        trials = self._of_name.get(name)
        return trials.pop(0) if trials else None

    def add(self, name: str, trial: Trial) -> None:
        """Write down how a trial ended."""
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{trial.verdict}\t{trial.noticed_by or ''}\t{name}\n")
