"""Starts the product's processes as forks of one that has imported the product already.

What a process of the product does first is import a thousand modules, a second or two of one core;
four of them at once on a small machine made a start wait for little else. So the imports happen
once, in `cli._forkserver`, while the database is being made, and each process begins as its copy.

A fork becomes a direct child of the launcher, like a process started afresh: it is waited for,
signalled and bound to the launcher's life in the same way. The fork server itself ends as soon as
everything has been started; what dies later is started afresh. Only on Linux: elsewhere, and
whenever anything is in the way, everything is.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import IO, Final, Self

from cli._child import set_subreaper
from cli.embedded.processes import HAS_DEATH_SIGNAL, Child, spawn
from cli.logfiles import LogFile
from cli.programs import start_afresh

__all__ = ["EARNED", "ForkServer"]

#: The beginning of every command line that can be forked; the rest are the command's arguments.
EARNED: Final = (sys.executable, "-m", "cli.main")

_IMPORTED_WITHIN: Final = timedelta(seconds=60)
_PATIENCE: Final = timedelta(seconds=10)
_READY: Final = b"r"
_FORK: Final = b"f"
_POLL_SECONDS: Final = 0.01
# A process can write another command line over its own, as long as it is no longer.
_ROOM_FOR_ARGUMENTS: Final = "." * 512


class ForkServer:
    """Imports the product in the background, then forks a process for each `start`.

    As a context manager it ends its own process. All of it is for the main thread, except
    `wait_until_ready`.
    """

    def __init__(self, log_dir: Path, *, env: Mapping[str, str]) -> None:
        """`env` must decide like the environments of the processes what is imported from where."""
        self.log = LogFile(log_dir / "forkserver.log")
        self._env = dict(env)
        self._control: socket.socket | None = None
        self._child: Child | None = None
        self._is_ready = False

    @property
    def pid(self) -> int | None:
        """Process id of the fork server, or None while there is none."""
        return None if self._child is None else self._child.pid

    def open(self) -> None:
        """Begin to import; do nothing where forking is not possible."""
        if not HAS_DEATH_SIGNAL:
            return
        try:
            # Whoever forks twice and ends leaves the grandchild to its nearest subreaper.
            set_subreaper(active=True)
        except OSError:
            return
        self._control, theirs = socket.socketpair()
        self._control.settimeout(_IMPORTED_WITHIN.total_seconds())
        with theirs, self.log.open() as log:
            self._child = spawn(
                [
                    *(sys.executable, "-m", "cli._forkserver"),
                    *(str(theirs.fileno()), str(os.getpid()), _ROOM_FOR_ARGUMENTS),
                ],
                log=log,
                death_signal=Signals.SIGKILL,
                env=self._env,
                keep_open=[theirs.fileno()],
            )

    def wait_until_ready(self) -> None:
        """Wait until everything is imported, or until it is clear that it will not be."""
        if self._control is not None:
            with suppress(OSError):
                self._is_ready = self._control.recv(len(_READY)) == _READY

    def start(self, argv: Sequence[str], *, log: IO[bytes], env: Mapping[str, str]) -> Child:
        """Start `argv`, which begins with `EARNED`: as a fork if possible, else afresh."""
        forked = self._fork(argv, log=log, env=env) if self._is_ready else None
        return forked or start_afresh(argv, log=log, env=env)

    def close(self) -> None:
        """End the fork server; its forks stay."""
        control, child = self._control, self._child
        is_ready, self._is_ready = self._is_ready, False
        self._control = self._child = None
        if control is None:
            return
        control.close()
        if child is not None:
            try:
                child.wait(_PATIENCE if is_ready else timedelta(0))
            except subprocess.TimeoutExpired:
                child.stop()
        # From here on the orphans of a killed server are nobody's concern again.
        set_subreaper(active=False)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fork(self, argv: Sequence[str], *, log: IO[bytes], env: Mapping[str, str]) -> Child | None:
        """Return the fork, None when none came. One that comes too late finds nobody and ends."""
        assert self._control is not None
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                try:
                    files = [log.fileno(), theirs.fileno()]
                    socket.send_fds(self._control, [_FORK], files)
                except OSError:
                    return None
            ours.settimeout(_PATIENCE.total_seconds())
            try:
                answer = ours.recv(32)
            except OSError:
                return None
            if not answer:
                return None
            child = Child(AdoptedProcess(int(answer)))
            # What to run goes to the fork alone: the fork server learns no secret. If the fork is
            # gone already, whoever watches the child sees that.
            instructions = json.dumps({"argv": list(argv), "env": dict(env)}).encode()
            with suppress(OSError):
                ours.sendall(instructions)
            return child


class AdoptedProcess:
    """A child of this process that another process has forked: what `subprocess.Popen` is for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return the exit status (negative: a signal's number), or None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; raise subprocess.TimeoutExpired after `timeout` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(_POLL_SECONDS)
        return status

    def send_signal(self, sig: int) -> None:
        """Send a signal; a process that has already ended is left alone."""
        if self.poll() is None:
            os.kill(self.pid, sig)
