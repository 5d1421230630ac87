"""Try one mutant: import the engine with the change in it, and run the tests that should notice.

Every trial is a fork: nothing of the engine has been imported when it starts, so the change is what
everything in it sees, and the next trial knows nothing of it. What the engine stands on has been
imported, once for all trials; of the database each has a fresh copy. Tests that have noticed most
come first, as the first failure ends a trial; of those that have noticed as much, as they are
named.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import IO, NamedTuple

import pytest

from tests.mutation.operators import Mutant

__all__ = ["Limits", "Trial", "Verdict", "import_foundations", "told_by", "try_mutant"]

#: What is mutated, and whatever may import it: every trial imports these anew.
_ANEW = re.compile(r"(?:services|cli|shared\.(?:ledger|rollups)|tests)(?:\.|$)")

# PostgreSQL does not understand the statement, or Python the file, or what the file does when it is
# imported fails: nothing was tried.
_NO_PROGRAM = re.compile(
    r"exceptions\.(?:PostgresSyntax|UndefinedColumn|UndefinedTable|UndefinedFunction|Ambiguous\w+"
    r"|DatatypeMismatch|Grouping|InvalidColumnReference|IndeterminateDatatype"
    r"|UndefinedParameter|WrongObjectType)Error|SyntaxError|ImportError while|ERROR collecting"
)

# It may never have ended, and the machine may have been busy.
_TOO_LONG = re.compile(
    r"Timeout \(>[\d.]+s\) from pytest-timeout"
    r"|QueryCanceledError: canceling statement due to (?:statement|lock) timeout"
)
_NOTICED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
#: pytest's exit codes: a test failed, or could not even be imported, or pytest could not go on.
_FAILED = frozenset({1, 2, 3})
_BROKEN = 70
_OPTIONS = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider")


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    STILLBORN = "stillborn"


class Limits(NamedTuple):
    """How many seconds all tests of a trial may take, and how many each of them."""

    tests: float
    test: float


class Trial(NamedTuple):
    """How a trial ended, and the test that noticed, if one did."""

    verdict: Verdict
    noticed_by: str | None = None


def import_foundations(tests: Sequence[str]) -> None:
    """Import, once for all trials, what the tests import and what is not mutated."""
    with tempfile.TemporaryFile() as output:
        _wait(_fork(lambda: _collect(tests), output), 300)
        output.seek(0)
        names = output.read().decode(errors="replace").splitlines()
    for name in names:
        if not _ANEW.match(name):
            # A part that its package imports on a condition is imported by the trial, if at all.
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def _collect(tests: Sequence[str]) -> int:
    """Print the names of all modules that the tests import."""
    code = int(pytest.main(["--collect-only", "-qqq", *_OPTIONS, *tests]))
    print("", *sorted(sys.modules), sep="\n", flush=True)
    return code


def try_mutant(
    mutant: Mutant | None,
    tests: Sequence[str],
    limits: Limits,
    noticed: Mapping[str, int] | None = None,
) -> Trial:
    """Run the tests on the engine with the change in it; without a mutant, on the engine as it is.

    Tests that do not end within the limits have noticed: a timeout. ``noticed`` says of each test
    how many mutants it has noticed so far.

    Raises:
        RuntimeError: the trial could not be made, so it says nothing of the mutant.
    """
    if mutant is not None and _is_imported(mutant.path):
        raise RuntimeError(f"{mutant.path} is imported already: its change would not be seen")
    with tempfile.TemporaryFile() as output:
        work = partial(_run, mutant, tests, limits.test, noticed or {})
        status = _wait(_fork(work, output), limits.tests)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if mutant is None and status != 0:
        sys.stderr.write(text)
    return told_by(status, text)


def told_by(status: int | None, text: str) -> Trial:
    """Return what pytest's exit code (None: it had to be ended) and its output say of a mutant.

    Raises as :func:`try_mutant` does.
    """
    if status is None:
        return Trial(Verdict.TIMEOUT, "time")
    if status == 0:
        return Trial(Verdict.SURVIVED)
    if _NO_PROGRAM.search(text):
        return Trial(Verdict.STILLBORN)
    if status not in _FAILED:
        raise RuntimeError(f"pytest ended with {status}:\n{text}")
    by = _NOTICED.search(text)
    verdict = Verdict.TIMEOUT if _TOO_LONG.search(text) else Verdict.KILLED
    return Trial(verdict, by[1] if by else None)


def _is_imported(path: Path) -> bool:
    file = str(path.resolve())
    return any(getattr(module, "__file__", None) == file for module in [*sys.modules.values()])


def _fork(work: Callable[[], int], output: IO[bytes]) -> int:
    """Do the work in a process group of its own; return the id of both."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        try:
            code = work()
        except BaseException:
            traceback.print_exc()
            code = _BROKEN
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return child


def _run(
    mutant: Mutant | None, tests: Sequence[str], seconds: float, noticed: Mapping[str, int]
) -> int:
    """Run in the fork; return pytest's exit code."""
    if mutant is not None:
        sys.meta_path.insert(0, _Changed(mutant))
    options = (*_OPTIONS, "--tb=native", "-o", f"timeout={seconds}")
    return int(pytest.main([*options, *tests], plugins=[_ByRecord(noticed)]))


class _ByRecord:
    """Sorts tests by how much they have noticed: their modules first, then they in each."""

    def __init__(self, noticed: Mapping[str, int]) -> None:
        self._noticed = noticed
        self._modules: Counter[str] = Counter()
        for test, mutants in noticed.items():
            self._modules[_module_of(test)] += mutants

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        modules = list(dict.fromkeys(_module_of(item.nodeid) for item in items))

        def rank(item: pytest.Item) -> tuple[int, int, int]:
            module = _module_of(item.nodeid)
            noticed = self._noticed.get(item.nodeid, 0)
            return -self._modules[module], modules.index(module), -noticed

        items.sort(key=rank)


def _module_of(test: str) -> str:
    return test.partition("::")[0]


def _wait(child: int, seconds: float) -> int | None:
    """Return the child's exit code; None after having ended one that took too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds one module, and loads it with the change in it."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._file = str(mutant.path.resolve())
        parts = mutant.path.with_suffix("").parts
        self._name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._file, loader=self)

    def get_source(self, fullname: str) -> str:
        return self._mutant.mutated

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self.get_source(fullname), self._file, "exec")
        return code

    def is_package(self, fullname: str) -> bool:
        return Path(self._file).name == "__init__.py"
