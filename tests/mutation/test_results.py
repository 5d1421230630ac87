"""A run that goes on from a file takes each trial in it once, and adds its own."""

from pathlib import Path

import pytest

from tests.mutation.results import Results
from tests.mutation.trial import Trial, Verdict

NAME = "fold.py: a = b: = → <>"
KILLED = Trial(Verdict.KILLED, "test_fold.py::test_it")
SURVIVED = Trial(Verdict.SURVIVED)


def test_what_was_written_down_is_taken_by_the_next_run(tmp_path: Path) -> None:
    first = Results(tmp_path / "results")
    first.add(NAME, KILLED)
    first.add(NAME, SURVIVED)

    second = Results(tmp_path / "results")
    taken = [second.take(NAME) for _ in range(3)]
    second.add("fold.py: c > d: > → >=", Trial(Verdict.TIMEOUT, "time"))

    assert taken == [KILLED, SURVIVED, None]
    third = Results(tmp_path / "results")
    assert third.take(NAME) == KILLED
    assert third.take("fold.py: c > d: > → >=") == Trial(Verdict.TIMEOUT, "time")


def test_what_is_no_verdict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_text(f"fine\t\t{NAME}\n", encoding="utf-8")

    with pytest.raises(ValueError, match="fine"):
        Results(path)


def test_without_a_file_nothing_is_kept() -> None:
    results = Results(None)
    results.add(NAME, KILLED)

    assert results.take(NAME) is None
