"""Import the product once, then fork a process of it whenever the launcher asks.

    python -m cli._forkserver CONTROL LAUNCHER ROOM

`CONTROL` is a socket to the launcher, `LAUNCHER` its process id, `ROOM` an argument that only makes
the command line long enough to be overwritten by those of the forks. Nothing here has a thread or
an event loop: a fork copies only the thread that forks, and what another one held stays locked.
"""

import ctypes
import gc
import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cli._child import die_with_parent

_READY: Final = b"r"
_KILLED: Final = 9
_POLL_SECONDS: Final = 0.001
# Fields of /proc/self/stat after the program's name: where the command line is in memory.
_ARGUMENTS_START, _ARGUMENTS_END = 45, 46
# What the processes import, and what they import only once they run.
_MODULES: Final = (
    "cli.main",
    "cli.processes",
    "services.metrics.worker",
    "services.collector.app",
    "services.collector.worker",
    "services.api.app",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.loops.auto",
)


def main(arguments: Sequence[str]) -> None:
    """Serve until the launcher closes the socket; a fork returns from here, to run a command."""
    control, launcher = socket.socket(fileno=int(arguments[0])), int(arguments[1])
    _retitle(sys.orig_argv[:-1])
    # Nothing is thrown away while modules are imported; the collector would walk them in vain.
    gc.disable()
    for module in _MODULES:
        importlib.import_module(module)
    if len(os.listdir("/proc/self/task")) > 1:
        sys.exit("not forking: an imported module has started a thread")
    gc.freeze()
    control.sendall(_READY)
    instructions = _serve(control, launcher)
    gc.enable()
    os.environ.clear()
    os.environ.update(instructions["env"])
    _retitle(instructions["argv"])
    _run(instructions["argv"][3:])


def _serve(control: socket.socket, launcher: int) -> Any:
    """Fork for every request; return, in a fork, what it is to run."""
    while True:
        message, files, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            os._exit(0)
        child = os.fork()
        if child == 0:
            control.close()
            return _become_child_of(launcher, *files)
        os.waitpid(child, 0)
        for file in files:
            os.close(file)


def _become_child_of(launcher: int, log: int, seat: int) -> Any:
    """Go on in a fork of this fork, which the launcher adopts; return what it says."""
    between = os.getpid()
    if os.fork() != 0:
        os._exit(0)
    os.setsid()
    while os.getppid() == between:
        time.sleep(_POLL_SECONDS)
    die_with_parent(launcher, _KILLED)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    with socket.socket(fileno=seat) as connection:
        connection.sendall(str(os.getpid()).encode())
        with connection.makefile("rb") as received:
            instructions = received.read()
    if not instructions:
        os._exit(0)
    return json.loads(instructions)


def _run(arguments: list[str]) -> None:
    from cli import main as earned

    sys.argv = [str(Path(earned.__file__)), *arguments]
    earned.app()


def _retitle(argv: Sequence[str]) -> None:
    """Show `argv` as this process's command line, cut off where the first one ended."""
    fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start, end = int(fields[_ARGUMENTS_START]), int(fields[_ARGUMENTS_END])
    if 0 < start < end:
        text = b"\0".join(os.fsencode(argument) for argument in argv)[: end - start - 1]
        ctypes.memmove(start, text.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    main(sys.argv[1:])
