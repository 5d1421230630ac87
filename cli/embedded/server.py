"""The life of one embedded server: who may start it, until when it runs, how it is stopped."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import IO, ClassVar, Self

from cli.embedded.errors import DataDirectoryError, DirectoryInUseError, ServerStartError
from cli.embedded.identity import OWN, Identity
from cli.embedded.locks import FileLock
from cli.embedded.processes import Child, Escalation, spawn
from cli.embedded.sockets import SocketDirectory
from cli.logfiles import LogFile

_POLL_SECONDS = 0.01
_SHOWN_LOG_LINES = 15
# Nothing of the launcher's environment reaches a server: no PGPORT, no secrets, no locale.
SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class EmbeddedServer(ABC):
    """A server below one data directory, owned by one launcher at a time.

    Two locks decide who may do what, both released by the kernel at any kind of death.
    `launcher.lock` is held by the launcher: a second one is refused at once. `server.lock` is
    inherited by the server and its own children: while anything of a killed launcher's server
    still runs, the next start waits; once it is free, whatever the server left (process id file,
    socket, half-made data directory) is known to be stale.
    """

    name: ClassVar[str]
    _socket_name: ClassVar[str]
    _death_signal: ClassVar[Signals]
    _stop_steps: ClassVar[tuple[Escalation, ...]]

    def __init__(self, data_dir: Path, *, start_timeout: timedelta = timedelta(seconds=60)) -> None:
        self.data_dir = data_dir.absolute()
        self.log = LogFile(self.data_dir / f"{self.name}.log")
        self._start_timeout = start_timeout
        self._launcher_lock = FileLock(self.data_dir / "launcher.lock")
        self._server_lock = FileLock(self.data_dir / "server.lock")
        self._sockets = SocketDirectory(self.data_dir / "run", socket_name=self._socket_name)
        self._identity: Identity = OWN
        self._child: Child | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients connect; the same until `stop`, also when the server is restarted."""

    @property
    def pid(self) -> int | None:
        """Process id of the server, or None while it does not run."""
        return self._child.pid if self._child is not None and self.poll() is None else None

    def start(self) -> None:
        """Start the server and return once it answers; do nothing when it already runs.

        Call it again to restart a server that has died. Raises an EmbeddedServerError whose text
        says what to do, or RuntimeError outside the main thread.
        """
        if self.pid is not None:
            return
        is_restart = self._launcher_lock.is_held
        self._take_data_directory()
        try:
            self._wait_for_predecessor()
            self._prepare()
            self._sockets.create(self._identity)
            self._child = self._spawn(self._command(), death_signal=self._death_signal)
            # From here on the lock is the server's alone, and free as soon as it has ended.
            self._server_lock.release()
            self._wait_until_it_answers(self._child)
        except BaseException:
            self._end_child()
            if not is_restart:
                self._give_data_directory_back()
            raise

    def poll(self) -> int | None:
        """Return the exit status of a server that has ended, None while it runs."""
        return None if self._child is None else self._child.poll()

    def stop(self) -> None:
        """Stop the server, gently first, and give the data directory back."""
        self._end_child()
        self._give_data_directory_back()

    def kill(self) -> None:
        """Tell the server to end at once; its data survive, the next start takes longer.

        Waits for nothing, so that signal handlers may call it: `poll` tells when it is gone.
        """
        if self._child is not None:
            self._child.signal(Signals.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data directory ready; runs under both locks."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Return the server's absolute path and its arguments."""

    @abstractmethod
    def _answers(self) -> bool:
        """Tell whether the server accepts clients now."""

    def _spawn(
        self,
        argv: Sequence[str],
        *,
        death_signal: Signals,
        stdin: IO[bytes] | None = None,
    ) -> Child:
        with self.log.open() as log:
            return spawn(
                argv,
                log=log,
                stdin=stdin,
                death_signal=death_signal,
                env=SERVER_ENVIRONMENT,
                identity=self._identity,
                keep_open=[self._server_lock.fileno],
            )

    def _failure(self, what: str) -> ServerStartError:
        lines = "\n  ".join(self.log.last_lines(_SHOWN_LOG_LINES))
        return ServerStartError(f"{self.name} {what}. Last lines of {self.log.path}:\n  {lines}")

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.stop(*self._stop_steps)
            self._child = None
        self._server_lock.release()

    def _give_data_directory_back(self) -> None:
        if self._launcher_lock.is_held:
            self._sockets.remove()
            self._launcher_lock.release()

    def _take_data_directory(self) -> None:
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._launcher_lock.is_held or self._launcher_lock.try_acquire():
                return
        except OSError as error:
            raise DataDirectoryError(f"cannot use {self.data_dir}: {error}") from error
        raise DirectoryInUseError(
            f"{self.data_dir} is already served by another process. Stop that one first, "
            "or choose another directory."
        )

    def _wait_for_predecessor(self) -> None:
        deadline = time.monotonic() + self._start_timeout.total_seconds()
        while not self._server_lock.try_acquire():
            if time.monotonic() > deadline:
                raise DirectoryInUseError(
                    f"an earlier {self.name} on {self.data_dir} is still shutting down: "
                    f"some process keeps {self._server_lock.path} open."
                )
            time.sleep(_POLL_SECONDS)

    def _wait_until_it_answers(self, child: Child) -> None:
        deadline = time.monotonic() + self._start_timeout.total_seconds()
        while not self._answers():
            status = child.poll()
            if status is not None:
                raise self._failure(f"ended with status {status} while starting")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {self._start_timeout}")
            time.sleep(_POLL_SECONDS)
