"""A run that goes on from a file takes each verdict in it once, and adds its own."""

from pathlib import Path

import pytest

from tests.mutation.results import Results
from tests.mutation.trial import Verdict


def test_what_was_written_down_is_taken_by_the_next_run(tmp_path: Path) -> None:
    first = Results(tmp_path / "results")
    first.add("fold.py: a = b: = → <>", Verdict.KILLED)
    first.add("fold.py: a = b: = → <>", Verdict.SURVIVED)

    second = Results(tmp_path / "results")
    taken = [second.take("fold.py: a = b: = → <>") for _ in range(3)]
    second.add("fold.py: c > d: > → >=", Verdict.TIMEOUT)

    assert taken == [Verdict.KILLED, Verdict.SURVIVED, None]
    third = Results(tmp_path / "results")
    assert third.take("fold.py: a = b: = → <>") is Verdict.KILLED
    assert third.take("fold.py: c > d: > → >=") is Verdict.TIMEOUT


def test_what_is_no_verdict_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_text("fine\tfold.py: a = b: = → <>\n", encoding="utf-8")

    with pytest.raises(ValueError, match="fine"):
        Results(path)


def test_without_a_file_nothing_is_kept() -> None:
    results = Results(None)
    results.add("fold.py: a = b: = → <>", Verdict.KILLED)

    assert results.take("fold.py: a = b: = → <>") is None
