"""A process of the product, run as a child: its command line, its log file, its readiness."""

import http.client
import subprocess
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import IO, Protocol
from urllib.parse import urlsplit

from cli.embedded.processes import Child, spawn
from cli.logfiles import LogFile

_READINESS_TIMEOUT_SECONDS = 1.0


class Starter(Protocol):
    """Starts a child process that is killed when this one dies."""

    def __call__(self, argv: Sequence[str], *, log: IO[bytes], env: Mapping[str, str]) -> Child: ...


def start_afresh(argv: Sequence[str], *, log: IO[bytes], env: Mapping[str, str]) -> Child:
    """Start a new interpreter, or whatever `argv` names."""
    return spawn(argv, log=log, death_signal=Signals.SIGKILL, env=env)


class Program:
    """One child process. It can be started again after it has ended, with the same arguments.

    When the launcher is killed, the program is too: nobody is left to insist if it hung in a
    graceful shutdown, and every process of the product survives a SIGKILL.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        log_dir: Path,
        ready_url: str | None = None,
        grace: timedelta = timedelta(seconds=10),
        start: Starter = start_afresh,
    ) -> None:
        """`argv` starts with an absolute path; `env` is the whole environment of the child.

        `ready_url` (``http://…/readyz``) answers 200 once the program can do its work; `grace` is
        how long it may take to end after SIGTERM.
        """
        self.name = name
        self.log = LogFile(log_dir / f"{name}.log")
        self.ready_url = ready_url
        self._argv = tuple(argv)
        self._env = dict(env)
        self._grace = grace
        self._start = start
        self._child: Child | None = None
        self._is_asked_to_end = False

    @property
    def pid(self) -> int | None:
        """Process id, or None while it does not run."""
        return self._child.pid if self._child is not None and self.poll() is None else None

    def start(self) -> None:
        """Start the program, without waiting for its readiness."""
        with self.log.open() as log:
            self._is_asked_to_end = False
            self._child = self._start(self._argv, log=log, env=self._env)

    def poll(self) -> int | None:
        """Return the exit status once it has ended, None while it runs."""
        return None if self._child is None else self._child.poll()

    def ask_to_end(self) -> None:
        """Send it SIGTERM, once, without waiting; `stop` insists.

        A second SIGTERM would cut short what the program is finishing.
        """
        if self._child is not None and not self._is_asked_to_end:
            self._is_asked_to_end = True
            self._child.signal(Signals.SIGTERM)

    def stop(self) -> None:
        """Ask it to end, and kill it after its grace."""
        if self._child is None:
            return
        self.ask_to_end()
        try:
            self._child.wait(self._grace)
        except subprocess.TimeoutExpired:
            self._child.stop()
        self._child = None

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None:
            self._child.signal(Signals.SIGKILL)

    def is_ready(self) -> bool:
        """Tell whether it runs and, if it has a `ready_url`, answers 200 there."""
        if self.pid is None:
            return False
        return self.ready_url is None or _answers_ok(self.ready_url)


def _answers_ok(url: str) -> bool:
    """GET `url` directly: a proxy named in the environment has no business on loopback."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=_READINESS_TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
