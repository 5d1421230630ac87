"""Keeps a set of child processes running until it is told to stop.

    with Supervisor() as supervisor:
        supervisor.start(EmbeddedPostgres(data_dir / "postgres"))
        supervisor.start(Program("api", …))
        supervisor.wait_until_ready(timedelta(seconds=60))
        supervisor.watch(load_the_demo)
        supervisor.wait_for_stop()

Everything happens on the main thread, because a child's life is bound to the thread that spawned
it; what takes long meanwhile goes through `watch`, which runs it beside the supervision.
"""

import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType
from typing import Any, Protocol, Self, TypeVar

from cli.embedded.errors import EmbeddedServerError
from cli.logfiles import LogFile
from cli.programs import Program

Result = TypeVar("Result")

_TICK_SECONDS = 0.05
_SHOWN_LOG_LINES = 20
_STARTS_BEFORE_READY = 4
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(RuntimeError):
    """A signal asked the launcher to stop while it was waiting for something else."""


class NotReadyError(RuntimeError):
    """A program kept ending, or was not ready in time; carries its last log lines."""


class Service(Protocol):
    """What can be supervised: a `Program`, or an embedded server."""

    @property
    def name(self) -> str: ...

    @property
    def log(self) -> LogFile: ...

    def start(self) -> None: ...

    def poll(self) -> int | None: ...

    def stop(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(frozen=True)
class Backoff:
    """Delay before restart number n: `first` doubled n-1 times, at most `longest`.

    A child that has run for `stable_after` starts again with `first`.
    """

    first: timedelta = timedelta(seconds=0.2)
    longest: timedelta = timedelta(seconds=10)
    stable_after: timedelta = timedelta(seconds=10)

    def delay(self, failures: int) -> timedelta:
        """Return the delay after `failures` (one or more) ends in a row."""
        doubled: timedelta = self.first * (1 << min(failures - 1, 20))
        return min(doubled, self.longest)


@dataclass
class _Watched:
    service: Service
    started_at: float
    failures: int = 0
    restart_at: float | None = None


class Supervisor:
    """Starts services in order, restarts those that die, stops them in reverse order.

    As a context manager it owns SIGINT, SIGTERM and SIGHUP: the first asks for a stop, the second
    kills what has not stopped yet. `echo` receives (name, line) for every line a child logs.
    """

    def __init__(
        self,
        *,
        backoff: Backoff | None = None,
        echo: Callable[[str, str], None] | None = None,
    ) -> None:
        self._backoff = backoff or Backoff()
        self._echo = echo
        self._watched: list[_Watched] = []
        self._signals = 0
        self._wake = threading.Event()
        self._previous_handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _STOP_SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # Started by nohup: a closing terminal is to be survived.
            self._previous_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            for number, handler in self._previous_handlers.items():
                signal.signal(number, handler)

    @property
    def stop_requested(self) -> bool:
        """Whether a signal has asked for the end."""
        return self._signals > 0

    def start(self, service: Service) -> None:
        """Start a service and keep it running from now on; what its `start` raises goes on."""
        self._raise_if_stopping()
        if self._echo is not None:
            service.log.skip_to_end()
        self._watched.append(_Watched(service, time.monotonic()))
        service.start()
        self._raise_if_stopping()

    def wait_until_ready(self, timeout: timedelta) -> None:
        """Wait until every started program is ready.

        Raises NotReadyError after `timeout`, or earlier for a program that ends again and again,
        and StopRequestedError on a signal.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        waiting = [w for w in self._watched if isinstance(w.service, Program)]
        while waiting:
            self._tick()
            self._raise_if_stopping()
            waiting = [w for w in waiting if not _is_ready(w.service)]
            for watched in waiting:
                if watched.failures >= _STARTS_BEFORE_READY:
                    raise _not_ready(watched.service, "keeps ending while it starts")
            if waiting and time.monotonic() > deadline:
                raise _not_ready(waiting[0].service, f"was not ready within {timeout}")

    def watch(self, work: Callable[[], Result]) -> Result:
        """Run `work` on a thread, supervising meanwhile; return its result or raise its error.

        Raises StopRequestedError on a signal; `work` is then left to end with the process.
        """
        future: Future[Result] = Future()
        future.add_done_callback(lambda _: self._wake.set())
        threading.Thread(target=_fulfil, args=(future, work), name="work", daemon=True).start()
        while not future.done():
            self._tick()
            self._raise_if_stopping()
        return future.result()

    def wait_for_stop(self) -> None:
        """Supervise until a signal asks for the end."""
        while not self.stop_requested:
            self._tick()

    def stop(self) -> None:
        """Stop everything, the latest started first; programs are told to end all at once."""
        for watched in self._watched:
            if isinstance(watched.service, Program):
                watched.service.ask_to_end()
        while self._watched:
            service = self._watched[-1].service
            service.stop()
            self._echo_new_lines(service)
            self._watched.pop()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1
        self._wake.set()
        if self._signals > 1:
            for watched in self._watched:
                watched.service.kill()

    def _raise_if_stopping(self) -> None:
        if self.stop_requested:
            raise StopRequestedError("stopped by a signal")

    def _tick(self) -> None:
        """Wait a moment, then restart what is due."""
        self._wake.wait(_TICK_SECONDS)
        self._wake.clear()
        for watched in self._watched:
            if self.stop_requested:
                return
            self._echo_new_lines(watched.service)
            self._look_after(watched)

    def _look_after(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.restart_at is None:
            status = watched.service.poll()
            if status is not None:
                if now - watched.started_at > self._backoff.stable_after.total_seconds():
                    watched.failures = 0
                self._schedule_restart(watched, f"ended with status {status}")
        elif now >= watched.restart_at:
            watched.started_at, watched.restart_at = now, None
            try:
                watched.service.start()
            except (EmbeddedServerError, OSError) as error:
                self._schedule_restart(watched, str(error))

    def _schedule_restart(self, watched: _Watched, reason: str) -> None:
        watched.failures += 1
        delay = self._backoff.delay(watched.failures).total_seconds()
        watched.restart_at = time.monotonic() + delay
        # Here: it takes longer to import than all the rest, and most launchers have no use for it.
        import structlog

        structlog.get_logger(__name__).warning(
            "supervisor.child_ended",
            child=watched.service.name,
            reason=reason,
            restart_in_seconds=delay,
        )

    def _echo_new_lines(self, service: Service) -> None:
        if self._echo is not None:
            for line in service.log.new_lines():
                self._echo(service.name, line)


def _is_ready(service: Service) -> bool:
    return not isinstance(service, Program) or service.is_ready()


def _not_ready(service: Service, what: str) -> NotReadyError:
    lines = "\n  ".join(service.log.last_lines(_SHOWN_LOG_LINES))
    return NotReadyError(f"{service.name} {what}. Last lines of {service.log.path}:\n  {lines}")


def _fulfil(future: "Future[Result]", work: Callable[[], Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        # Raised again where the result is asked for, on the main thread.
        future.set_exception(error)
