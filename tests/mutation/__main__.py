"""``python -m tests.mutation [--only PART ...] [--sample N]``: mutate the fold, count what notices.

What verifies the fold is mutated with it, and what tells of the past: see ``targets``. Writes a
line per mutant as it goes, in random order, and at the end what survived. Survivors that no test
can tell from the original are listed in ``equivalent.toml``, each with the reason; they do not
count. A run that was cut short goes on where it was with the same ``--results``, a file of the
trials so far.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from pathlib import Path
from random import Random
from typing import Final

from cli.embedded.postgres import EmbeddedPostgres
from tests.conftest import TEMPLATE, execute, prepare_template
from tests.mutation.operators import Mutant, mutants_of
from tests.mutation.report import GOAL, Score, chosen, drawn, equivalents
from tests.mutation.results import Results
from tests.mutation.targets import TARGETS, Look
from tests.mutation.trial import Limits, Trial, Verdict, import_foundations, try_mutant

_DATABASE: Final = "earned_trials"


def main() -> int:
    """Try the mutants; return 1 when fewer than the goal were noticed."""
    asked = _parser().parse_args()
    results = Results(asked.results)
    looks = _looks(is_quick=asked.quick)
    by_file = {path: _mutants(path) for path in chosen(sorted(looks), asked.only)}
    sample = drawn(by_file, asked.sample, asked.seed)
    mutants = [mutant for of_file in sample.values() for mutant in of_file]
    Random(asked.seed).shuffle(mutants)
    # Last: a survivor takes longest, and that these survive is known.
    named = equivalents()
    mutants.sort(key=lambda mutant: mutant.name in named)
    with _server() as renew:
        # Each once, though several files have it in common.
        different = list(dict.fromkeys(look for path in sample for look in looks[path]))
        import_foundations([test for look in different for test in look])
        limits = _limits(different)
        if limits is None:
            print("The tests fail on the engine as it is.", file=sys.stderr)
            return 2
        until = time.monotonic() + 60 * asked.minutes
        score = _tried(mutants, looks, limits, renew, until, results)
    score.report()
    return 0 if score.percent >= GOAL else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument(
        "--only", nargs="+", default=[""], help="only files whose path contains one"
    )
    parser.add_argument("--sample", type=int, help="only so many, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--minutes", type=float, default=inf, help="begin no trial after these")
    parser.add_argument("--quick", action="store_true", help="without the slow tests")
    parser.add_argument(
        "--results",
        type=Path,
        help="a file of trials: those in it count, those to come are added",
    )
    return parser


def _looks(*, is_quick: bool) -> dict[Path, tuple[Look, ...]]:
    """Return, for each file that is mutated, the tests that should notice: the quick ones first."""
    return {
        path: target.looks[:1] if is_quick else target.looks
        for target in TARGETS
        for pattern in target.files
        for path in Path().glob(pattern)
    }


def _mutants(path: Path) -> list[Mutant]:
    return mutants_of(path, path.read_text(encoding="utf-8"))


@contextmanager
def _server() -> Iterator[Callable[[], None]]:
    """Run one PostgreSQL for all trials; yield what gives the next ones a fresh database."""
    with tempfile.TemporaryDirectory(prefix="earned-mutation-") as directory:
        os.chmod(directory, 0o755)
        with EmbeddedPostgres(Path(directory) / "postgres") as postgres:
            execute(
                postgres.url,
                # Thousands of small transactions, and none has to outlive a power cut.
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET synchronous_commit = off",
                # A statement without an end goes with the trial that sent it.
                "ALTER SYSTEM SET client_connection_check_interval = '1s'",
                "SELECT pg_reload_conf()",
            )
            prepare_template(postgres.url)
            os.environ["EARNED_TEST_DATABASE_URL"] = postgres.url
            os.environ["EARNED_TEST_TEMPLATE"] = "keep"
            os.environ["EARNED_TEST_DATABASE"] = _DATABASE
            os.environ["EARNED_PROPERTY_PROFILE"] = "brief"

            def renew() -> None:
                execute(
                    postgres.url,
                    f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)",
                    f"CREATE DATABASE {_DATABASE} TEMPLATE {TEMPLATE}",
                )

            renew()
            yield renew


def _limits(looks: Sequence[Look]) -> dict[Look, Limits] | None:
    """Return how long each look may take; None when the tests fail on the engine as it is.

    What they take now says how busy the machine is: none should take as long as all did together.
    """
    limits = {}
    for tests in looks:
        began = time.monotonic()
        if try_mutant(None, tests, Limits(tests=1200, test=300)).verdict is not Verdict.SURVIVED:
            return None
        took = time.monotonic() - began
        limits[tests] = Limits(tests=60 + 5 * took, test=max(30, took))
    return limits


def _tried(
    mutants: Sequence[Mutant],
    looks: Mapping[Path, Sequence[Look]],
    limits: Mapping[Look, Limits],
    renew: Callable[[], None],
    until: float,
    results: Results,
) -> Score:
    score = Score()
    record = _Record()
    left = []
    for mutant in mutants:
        if (earlier := results.take(mutant.name)) is None:
            left.append(mutant)
        else:
            record.add(mutant.path, earlier)
            score.add(mutant.path.as_posix(), mutant.name, earlier.verdict)
    for mutant in left:
        if time.monotonic() > until:
            break
        # Trials leave their organizations behind, which a sweep finds before those of the next.
        renew()
        for tests in looks[mutant.path]:
            trial = try_mutant(mutant, tests, limits[tests], record.of(mutant.path))
            if trial.verdict is not Verdict.SURVIVED:
                break
        record.add(mutant.path, trial)
        results.add(mutant.name, trial)
        score.add(mutant.path.as_posix(), mutant.name, trial.verdict)
        print(f"{trial.verdict:9} {mutant.line:4} {mutant.name} [{trial.noticed_by}]", flush=True)
    return score


class _Record:
    """How many mutants each test has noticed."""

    def __init__(self) -> None:
        self._of_all: Counter[str] = Counter()
        self._of_file: dict[Path, Counter[str]] = defaultdict(Counter)

    def add(self, path: Path, trial: Trial) -> None:
        if trial.noticed_by:
            self._of_all[trial.noticed_by] += 1
            self._of_file[path][trial.noticed_by] += 1

    def of(self, path: Path) -> dict[str, int]:
        """Return what the tests are worth trying first: those of this file's mutants above all."""
        of_file = self._of_file[path]
        return {test: count + 1_000 * of_file[test] for test, count in self._of_all.items()}


if __name__ == "__main__":
    sys.exit(main())
