"""``python -m tests.mutation [--only PART] [--every N]``: mutate the fold and count what notices.

Writes a line per mutant as it goes, and what survived at the end. Survivors that no test can tell
from the original are listed in ``equivalent.toml``, each with the reason; they do not count.
"""

import argparse
import os
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.embedded.postgres import EmbeddedPostgres
from tests.conftest import execute, prepare_template
from tests.mutation.operators import Mutant, mutants_of
from tests.mutation.trial import Verdict, try_mutant

_MUTATED: Final = (
    "services/metrics/fold.py",
    "services/metrics/stage.py",
    "services/metrics/slices.py",
    "services/metrics/journeys.py",
    "services/metrics/keyed/*.py",
    "shared/rollups/contributions.py",
)
#: The quickest to notice comes first: the first failure ends a trial.
_TESTS: Final = (
    "tests/integration/test_fold_edges.py",
    "tests/integration/test_fold.py",
)
#: For what those have missed: the golden year and random histories, slow and thorough.
_SECOND_LOOK: Final = (
    "tests/integration/test_golden_credit.py",
    "tests/property/test_histories.py::test_any_history_gives_what_the_oracle_says_in_any_order",
)
_EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")
_GOAL: Final = 85


def main() -> int:
    """Try the mutants; return 1 when fewer than the goal were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--only", default="", help="only files whose path contains this")
    parser.add_argument("--every", type=int, default=1, help="only every Nth mutant")
    parser.add_argument("--seconds", type=float, default=300, help="longest trial")
    parser.add_argument("--quick", action="store_true", help="without the slow tests")
    asked = parser.parse_args()
    looks = (_TESTS,) if asked.quick else (_TESTS, _SECOND_LOOK)
    mutants = [m for m in _mutants() if asked.only in m.path.as_posix()][:: asked.every]
    with _server():
        if any(try_mutant(None, tests, asked.seconds) is not Verdict.SURVIVED for tests in looks):
            print("The tests fail on the engine as it is.", file=sys.stderr)
            return 2
        verdicts = {m: _tried(m, looks, asked.seconds) for m in mutants}
    return _report(verdicts)


def _mutants() -> Iterator[Mutant]:
    paths = sorted({path for pattern in _MUTATED for path in Path().glob(pattern)})
    for path in paths:
        yield from mutants_of(path, path.read_text(encoding="utf-8"))


@contextmanager
def _server() -> Iterator[None]:
    """Run one PostgreSQL for all trials; each makes databases of its own in it."""
    with tempfile.TemporaryDirectory(prefix="earned-mutation-") as directory:
        os.chmod(directory, 0o755)
        with EmbeddedPostgres(Path(directory) / "postgres") as postgres:
            # Thousands of small transactions, and none of them has to outlive a power cut.
            execute(
                postgres.url,
                "ALTER SYSTEM SET fsync = off",
                "ALTER SYSTEM SET synchronous_commit = off",
                "SELECT pg_reload_conf()",
            )
            prepare_template(postgres.url)
            os.environ["EARNED_TEST_DATABASE_URL"] = postgres.url
            os.environ["EARNED_TEST_TEMPLATE"] = "keep"
            os.environ["EARNED_PROPERTY_PROFILE"] = "brief"
            yield


def _tried(mutant: Mutant, looks: Sequence[Sequence[str]], seconds: float) -> Verdict:
    verdict = Verdict.SURVIVED
    for tests in looks:
        if verdict is Verdict.SURVIVED:
            verdict = try_mutant(mutant, tests, seconds)
    print(f"{verdict:9} {mutant.line:4} {mutant.name}", flush=True)
    return verdict


def _report(verdicts: dict[Mutant, Verdict]) -> int:
    excused = tomllib.loads(_EQUIVALENT.read_text(encoding="utf-8"))
    survived = [m for m, verdict in verdicts.items() if verdict is Verdict.SURVIVED]
    equivalent = [m for m in survived if m.name in excused]
    missed = [m for m in survived if m.name not in excused]
    counts = Counter(verdicts.values())
    tried = counts[Verdict.KILLED] + len(missed)
    percent = 100 * counts[Verdict.KILLED] // tried if tried else 100
    print(
        f"\n{counts[Verdict.KILLED]} of {tried} noticed ({percent} %); {len(equivalent)}"
        f" equivalent, {counts[Verdict.STILLBORN]} no program at all"
    )
    _list("Not noticed", missed)
    _list("Equivalent", equivalent)
    return 0 if percent >= _GOAL else 1


def _list(title: str, mutants: Sequence[Mutant]) -> None:
    if mutants:
        print(f"\n{title}:")
    for mutant in mutants:
        print(f"  {mutant.line:4} {mutant.name}")


if __name__ == "__main__":
    sys.exit(main())
