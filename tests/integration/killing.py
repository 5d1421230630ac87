"""Processes of the product that kill themselves, as `kill -9` does, at a statement a test names.

A signal from outside could not be timed without waiting. Here the process itself sends SIGKILL to
itself on its way to the database: nothing is cleaned up, and the server finds a connection gone.
"""

import multiprocessing
import os
import re
import signal
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from typing import Any
from weakref import WeakKeyDictionary

import asyncpg

__all__ = ["AFTER", "begin", "ended"]

AFTER = "after "

_CONTEXT = multiprocessing.get_context("forkserver")
# Imported once: each process is a fork of one that has never run anything.
_CONTEXT.set_forkserver_preload(["cli.main", "cli.rebuilding", "cli.verifying", __name__])
_PATIENCE_SECONDS = 60.0

_WRITE = re.compile(r"(?<!FOR )(?<!DO )\b(INSERT INTO|MERGE INTO|UPDATE|DELETE FROM)\s+(\w+)")
#: Tables that are gone with the connection: whether they are written decides nothing.
_WORKING = re.compile(r"fold_(?!cursor)|touched_|mentioned_|team_span|(old|new)_credit")


class _Watch:
    """Names each write and each end of a transaction, and kills the process at one of them."""

    def __init__(self, kill_at: str) -> None:
        self._kill_at = kill_at
        self._written: WeakKeyDictionary[object, str] = WeakKeyDictionary()

    def before(self, connection: object, statement: str) -> str | None:
        """Come to a statement; return what end of a transaction it is, if it is one."""
        if statement.startswith("BEGIN"):
            self._written.pop(connection, None)
        elif statement.startswith("COMMIT"):
            written = self._written.pop(connection, None)
            if written is not None:
                self.reach(f"COMMIT of {written}")
                return f"COMMIT of {written}"
        elif (write := _WRITE.search(statement)) and not _WORKING.match(write[2]):
            self._written[connection] = point = " ".join(write.groups())
            self.reach(point)
        return None

    def reach(self, point: str) -> None:
        """Come to a point, and no further if it is the one."""
        if point == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def _watch(watch: _Watch) -> None:
    """Let every statement of this process pass the watch."""
    driver: Any = asyncpg.Connection
    execute, execute_prepared = driver.execute, driver._execute

    async def simple(self: object, query: str, *arguments: Any, **options: Any) -> Any:
        if arguments:  # comes by again, prepared
            return await execute(self, query, *arguments, **options)
        end = watch.before(self, query)
        result = await execute(self, query, **options)
        if end is not None:
            watch.reach(AFTER + end)
        return result

    async def prepared(self: object, query: str, *arguments: Any, **options: Any) -> Any:
        watch.before(self, query)
        return await execute_prepared(self, query, *arguments, **options)

    driver.execute, driver._execute = simple, prepared


def _run(arguments: Sequence[str], environment: Mapping[str, str], kill_at: str | None) -> None:
    from cli.main import app

    os.environ.update(environment)
    if kill_at is not None:
        _watch(_Watch(kill_at))
    app(list(arguments))


def begin(
    *arguments: str, environment: Mapping[str, str] | None = None, kill_at: str | None = None
) -> BaseProcess:
    """Start `earned` with these arguments, to be killed when it first comes to ``kill_at``.

    That is a write (`UPDATE generation`), the end of a transaction by the last write in it (`COMMIT
    of UPDATE generation`), or, with :data:`AFTER` before it, what follows such an end.
    """
    process = _CONTEXT.Process(target=_run, args=(arguments, environment or {}, kill_at))
    process.start()
    return process


def ended(process: BaseProcess) -> int:
    """Wait for the end of a process and return its exit status; below 0 it is a signal's number."""
    process.join(_PATIENCE_SECONDS)
    assert process.exitcode is not None, "it did not end"
    return process.exitcode
