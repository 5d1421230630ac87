"""Child processes that die with their launcher, however it dies."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Protocol

from cli.embedded.identity import OWN, Identity

_CHILD_SCRIPT = Path(__file__).parents[1] / "_child.py"

HAS_DEATH_SIGNAL = sys.platform == "linux"


@dataclass(frozen=True)
class Escalation:
    """Send `signal`, then wait up to `grace` for the process to end."""

    signal: signal.Signals
    grace: timedelta


class Process(Protocol):
    """What a `Child` needs of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...


class Child:
    """A running child process; ended by the launcher, or by the kernel after the launcher."""

    def __init__(self, process: Process, lifeline: int | None = None) -> None:
        self._process = process
        self._lifeline = lifeline

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status (negative: a signal's number), or None while it runs."""
        status = self._process.poll()
        if status is not None:
            self._close_lifeline()
        return status

    def wait(self, timeout: timedelta | None = None) -> int:
        """Return the exit status; raise subprocess.TimeoutExpired after `timeout`."""
        status = self._process.wait(None if timeout is None else timeout.total_seconds())
        self._close_lifeline()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; a process that has already ended is left alone."""
        self._process.send_signal(number)

    def stop(self, *steps: Escalation) -> int:
        """Go through `steps` until the process has ended, kill it at last; return its status."""
        for step in steps:
            self.signal(step.signal)
            try:
                self.wait(step.grace)
                break
            except subprocess.TimeoutExpired:
                continue
        else:
            self.signal(signal.SIGKILL)
        return self.wait()

    def _close_lifeline(self) -> None:
        lifeline, self._lifeline = self._lifeline, None
        if lifeline is not None:
            os.close(lifeline)


def spawn(
    argv: Sequence[str],
    *,
    log: IO[bytes],
    death_signal: signal.Signals,
    env: Mapping[str, str],
    stdin: IO[bytes] | None = None,
    identity: Identity = OWN,
    keep_open: Sequence[int] = (),
    has_death_signal: bool = HAS_DEATH_SIGNAL,
) -> Child:
    """Start `argv` (an absolute path and its arguments) as a direct child of this process.

    The child writes to `log`, leads a session of its own (so Ctrl-C reaches the launcher alone,
    which then stops its children in order), inherits the file descriptors `keep_open`, and gets
    `death_signal` when this process dies, also by SIGKILL. On Linux the kernel sends it
    (PR_SET_PDEATHSIG); without `has_death_signal` a watcher on a pipe does.

    Raises RuntimeError outside the main thread: Linux sends the signal at the end of the spawning
    *thread*.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("a child bound to its launcher must be spawned by the main thread")
    reading, writing = (None, None) if has_death_signal else os.pipe()
    inherited = [*keep_open, *([] if reading is None else [reading])]
    command = [
        *(sys.executable, "-I", "-S", str(_CHILD_SCRIPT)),
        *(str(os.getpid()), str(int(death_signal)), str(identity)),
        "-" if reading is None else str(reading),
        *argv,
    ]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=log,
            stderr=log,
            env=dict(env),
            pass_fds=inherited,
            start_new_session=True,
        )
    except BaseException:
        if writing is not None:
            os.close(writing)
        raise
    finally:
        if reading is not None:
            os.close(reading)
    return Child(process, writing)
