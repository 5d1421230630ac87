"""What the end of a trial says of its mutant, in pytest's own words."""

from pathlib import Path

import pytest

from tests.mutation.trial import Trial, Verdict, told_by

pytest_plugins = ["pytester"]


def _told(pytester: pytest.Pytester, text: str, *options: str, test: str = "") -> Trial:
    path: Path = pytester.makepyfile(test_told=text)
    told = ("-x", "-q", "--tb=native", "-pno:asyncio", *options, f"{path}{test}")
    ended = pytester.runpytest_inprocess(*told)
    return told_by(int(ended.ret), "\n".join(ended.outlines))


def test_a_test_that_fails_has_noticed(pytester: pytest.Pytester) -> None:
    assert _told(pytester, "def test_it(): assert False") == Trial(
        Verdict.KILLED, "test_told.py::test_it"
    )


def test_without_a_failure_nobody_has_noticed(pytester: pytest.Pytester) -> None:
    assert _told(pytester, "def test_it(): assert True") == Trial(Verdict.SURVIVED)


@pytest.mark.parametrize(
    "text", ["raise KeyError", "import nothing_of_the_kind", "def test_it() assert True"]
)
def test_what_cannot_be_imported_is_no_program(pytester: pytest.Pytester, text: str) -> None:
    assert _told(pytester, text) == Trial(Verdict.STILLBORN)
    assert _told(pytester, text, test="::test_it") == Trial(Verdict.STILLBORN)


def test_what_postgresql_does_not_understand_is_no_program(pytester: pytest.Pytester) -> None:
    text = """
        from asyncpg import UndefinedColumnError
        def test_it(): raise UndefinedColumnError("no such column")
    """
    assert _told(pytester, text) == Trial(Verdict.STILLBORN)


def test_a_test_without_an_end_is_told_apart(pytester: pytest.Pytester) -> None:
    text = "def test_it():\n    while True: pass"

    assert _told(pytester, text, "-o", "timeout=0.05") == Trial(
        Verdict.TIMEOUT, "test_told.py::test_it"
    )
    assert told_by(None, "") == Trial(Verdict.TIMEOUT, "time")


def test_so_is_a_statement_without_an_end(pytester: pytest.Pytester) -> None:
    text = """
        from asyncpg import QueryCanceledError
        def test_it(): raise QueryCanceledError("canceling statement due to statement timeout")
    """
    assert _told(pytester, text) == Trial(Verdict.TIMEOUT, "test_told.py::test_it")


def test_a_trial_that_could_not_be_made_says_nothing(pytester: pytest.Pytester) -> None:
    with pytest.raises(RuntimeError, match="pytest ended with 4"):
        _told(pytester, "", "--no-such-option")
