"""``python -m tests.mutation.formulas [--sample N]``: mutate the formulas, count what notices.

mutmut makes the mutants and tries them, as ``[tool.mutmut]`` says; this draws the sample and
reports as ``python -m tests.mutation`` does.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

from tests.mutation.report import GOAL, Score, chosen, drawn
from tests.mutation.trial import Verdict

_MUTMUT: Final = (str(Path(sys.executable).with_name("mutmut")), "run", "--max-children")
#: What mutmut says, as verdicts. That a trial ended in another way is not for a test to its credit.
_VERDICTS: Final = {"killed": Verdict.KILLED, "timeout": Verdict.TIMEOUT}


def main() -> int:
    """Try the mutants; return 1 when fewer than the goal were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.formulas")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="only files whose path contains one"
    )
    parser.add_argument("--sample", type=int, help="only so many, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--children", default="2", help="how many are tried at once")
    asked = parser.parse_args()
    # mutmut writes down all mutants before it tries those it is asked for: here, a few.
    subprocess.run([*_MUTMUT, asked.children, "shared.attribution.journey.*"], check=True)
    mutants = {path: _mutants(path) for path in chosen(_paths(), asked.only)}
    sample = drawn(mutants, asked.sample, asked.seed)
    names = [name for of_file in sample.values() for name in of_file]
    subprocess.run([*_MUTMUT, asked.children, *names], check=True)
    score = Score()
    for path, of_file in sample.items():
        _add(score, path, of_file)
    score.report()
    return 0 if score.percent >= GOAL else 1


def _paths() -> Iterator[Path]:
    for pattern in config().only_mutate:
        yield from sorted(Path().glob(pattern))


def _read(path: Path) -> SourceFileMutationData:
    told = SourceFileMutationData(path=path)
    told.load()
    return told


def _mutants(path: Path) -> list[str]:
    return list(_read(path).exit_code_by_key)


def _add(score: Score, path: Path, mutants: Sequence[str]) -> None:
    codes = _read(path).exit_code_by_key
    for mutant in mutants:
        verdict = _VERDICTS.get(status_by_exit_code[codes[mutant]], Verdict.SURVIVED)
        name = "" if verdict is Verdict.KILLED else _in_words(path, mutant)
        score.add(path.as_posix(), name, verdict)


def _in_words(path: Path, mutant: str) -> str:
    """Return the change: the lines as they are, and as they become."""
    lines = get_diff_for_mutant(mutant, path=path).splitlines()[3:]
    was, is_now = (
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )
    function = mutant.rpartition(".")[2].removeprefix("x_").partition("__mutmut")[0]
    return f"{path.as_posix()}: {function}: {was} → {is_now or 'nothing'}"


if __name__ == "__main__":
    sys.exit(main())
