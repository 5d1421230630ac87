"""Ports of this machine: the one asked for, or a free one."""

import os
import socket
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from cli.embedded.locks import FileLock

LOOPBACK = "127.0.0.1"

_LOOK_AGAIN_SECONDS = 0.1


class PortTakenError(RuntimeError):
    """The port that was asked for is in use."""


def wait_for_turn(patience: timedelta) -> FileLock:
    """Return the lock under which this user's launchers choose ports and start what takes them.

    Two that choose at once find the same ports free: one of the processes never gets its own, and
    answers of the other installation look like its readiness. After `patience` it is not waited
    for any longer, nor at all where the file is out of reach: everybody may write to that folder.
    Release the lock when the ports are listened on.
    """
    lock = FileLock(Path(tempfile.gettempdir()) / f"earned-{os.getuid()}.ports.lock")
    deadline = time.monotonic() + patience.total_seconds()
    with suppress(OSError):
        while not lock.try_acquire() and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_SECONDS)
    return lock


def require_port(port: int, *, host: str = LOOPBACK) -> int:
    """Return `port` if a server could listen on it now; raise PortTakenError otherwise."""
    if not _is_free(port, host):
        raise PortTakenError(f"port {port} on {host} is in use; give another one")
    return port


def pick_port(preferred: int, *, taken: Collection[int] = (), host: str = LOOPBACK) -> int:
    """Return `preferred` if it is free and not in `taken`, else any free port that is not.

    `taken` holds ports that were picked before but are not listened on yet.
    """
    if preferred not in taken and _is_free(preferred, host):
        return preferred
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def _is_free(port: int, host: str) -> bool:
    with socket.socket() as probe:
        # As HTTP servers do: a port whose last connections are still closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
