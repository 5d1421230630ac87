"""Try one mutant: import the engine with the change in it, and run the tests that should notice.

Every trial is a fork: nothing of the engine has been imported when it starts, so the change is what
everything in it sees, and the next trial knows nothing of it. What the engine stands on has been
imported, once for all trials, and the database server is one for all.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest
import pytest_asyncio

import shared.kpis.definitions
import shared.ledger
from tests.mutation.operators import Mutant

__all__ = ["Verdict", "try_mutant"]

_FOUNDATIONS = (hypothesis, pytest_asyncio, shared.kpis.definitions, shared.ledger)

# PostgreSQL does not understand the statement, or Python the file: nothing was tried.
_NO_PROGRAM = re.compile(
    r"exceptions\.(?:PostgresSyntax|UndefinedColumn|UndefinedTable|UndefinedFunction|Ambiguous\w+"
    r"|DatatypeMismatch|Grouping|InvalidColumnReference|IndeterminateDatatype"
    r"|UndefinedParameter|WrongObjectType)Error|SyntaxError|ImportError while"
)


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    STILLBORN = "stillborn"


def try_mutant(mutant: Mutant | None, tests: Sequence[str], seconds: float) -> Verdict:
    """Run the tests on the engine with the change in it; without a mutant, on the engine as it is.

    Tests that do not end within ``seconds`` have noticed.
    """
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(_run(mutant, tests, output.fileno()))
        status = _wait(child, seconds)
        if status is None:
            return Verdict.KILLED
        if status == 0:
            return Verdict.SURVIVED
        output.seek(0)
        text = output.read().decode(errors="replace")
    if mutant is None:
        sys.stderr.write(text)
    return Verdict.STILLBORN if _NO_PROGRAM.search(text) else Verdict.KILLED


def _run(mutant: Mutant | None, tests: Sequence[str], output: int) -> int:
    """Run in the fork; return pytest's exit code."""
    for stream in (1, 2):
        os.dup2(output, stream)
    if mutant is not None:
        imported = {getattr(module, "__file__", None) for module in tuple(sys.modules.values())}
        assert str(mutant.path.resolve()) not in imported, "it would not be seen"
        sys.meta_path.insert(0, _Changed(mutant))
    options = (
        "-x",
        "-q",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-o",
        "timeout=60",
        "--tb=native",
    )
    return int(pytest.main([*options, *tests]))


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
