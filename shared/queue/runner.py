"""Runs tasks for organizations: never two runs of one pair at once, never a request forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import structlog

from shared.observability import metrics
from shared.observability.outage import Outage

__all__ = ["Due", "Runner", "Task"]

#: Brings an organization up to date; returns True if its turn ended before that.
Task = Callable[[UUID], Awaitable[bool | None]]
Due = tuple[str, UUID]

#: What has failed this often in a row rests before it is tried again, twice as long each time: a
#: run that fails may be seconds of work, and every sweep and each wake-up would ask for it again.
_RESTS_AFTER: Final = 3
_FIRST_REST_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 60.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Failing:
    """What failed last time: how often in a row by now, and until when it is left alone."""

    outage: Outage
    times: int = 0
    rests_until: float = 0.0

    def failed(self, error: Exception, now: float) -> None:
        self.outage.failed(error)
        self.times += 1
        beyond = self.times - _RESTS_AFTER
        if beyond >= 0:
            rest = _FIRST_REST_SECONDS * 2.0 ** min(beyond, 8)
            self.rests_until = now + min(rest, _LONGEST_REST_SECONDS)


class Runner:
    """Keeps, for each (task, organization), whether it is wanted and whether it runs.

    A request during a run leads to another run after it: the first may have read the database
    before the change that the request announces. Any number of requests lead to one.

    Organizations wait in line for a slot, task by task: each task has ``concurrency`` slots of its
    own, so that what holds one of them up, such as a vendor that never answers, holds no other up.
    Those in the ``background`` take long and nobody waits for them: they share half as many. What
    is left at the end of a turn waits behind those that came meanwhile.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        *,
        concurrency: int,
        timeout: timedelta,
        component: str,
        background: Collection[str] = (),
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._tasks = tasks
        self._now = now
        shared = asyncio.Semaphore(max(1, concurrency // 2))
        self._slots = {
            task: shared if task in background else asyncio.Semaphore(concurrency) for task in tasks
        }
        self._timeout = timeout
        self._component = component
        self._wanted: set[Due] = set()
        self._active: dict[Due, asyncio.Task[None]] = {}
        self._failing: dict[Due, _Failing] = {}
        self._is_ending = False

    def request(self, task: str, org_id: UUID) -> bool:
        """Ask for a run that starts after this call; tell whether nobody had asked before.

        What rests because it keeps failing is left alone: it stays due, and a sweep finds it.
        """
        due = (task, org_id)
        if self._rests(due):
            return False
        is_new = due not in self._wanted and due not in self._active
        self._wanted.add(due)
        if due not in self._active:
            self._active[due] = asyncio.create_task(self._work(due), name=f"{task}:{org_id}")
        return is_new

    async def drain(self, grace: timedelta) -> None:
        """Let runs that have begun end, cancel what is left after ``grace``, start nothing new."""
        self._is_ending = True
        self._wanted.clear()
        running = set(self._active.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=grace.total_seconds())
        for work in late:
            work.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _work(self, due: Due) -> None:
        try:
            while due in self._wanted:
                async with self._slots[due[0]]:
                    # Cleared before the run, not after: what is asked for from here on is news.
                    if due not in self._wanted:
                        break
                    self._wanted.discard(due)
                    await self._run_once(due)
        finally:
            del self._active[due]

    def _rests(self, due: Due) -> bool:
        failing = self._failing.get(due)
        return failing is not None and self._now() < failing.rests_until

    async def _run_once(self, due: Due) -> None:
        task, org_id = due
        outcome = "failed"
        try:
            with structlog.contextvars.bound_contextvars(task=task, org_id=str(org_id)):
                outcome = await self._outcome(due)
        except asyncio.CancelledError:
            outcome = "cancelled"
            raise
        finally:
            metrics.WORK_PROCESSED.labels(task, outcome).inc()

    async def _outcome(self, due: Due) -> str:
        """Run it and say how it ended; what failed stays due, and a sweep finds it."""
        task, org_id = due
        deadline = asyncio.timeout(self._timeout.total_seconds())
        try:
            async with deadline:
                is_left = await self._tasks[task](org_id)
        except TimeoutError as error:
            if deadline.expired():
                _log.error("task.timed_out", timeout_seconds=self._timeout.total_seconds())
                return "timeout"
            self._note_failure(due, error)
        except Exception as error:
            metrics.UNHANDLED_EXCEPTIONS.labels(self._component).inc()
            self._note_failure(due, error)
        else:
            if due in self._failing:
                self._failing.pop(due).outage.over()
            if is_left and not self._is_ending:
                self._wanted.add(due)
            return "done"
        return "failed"

    def _note_failure(self, due: Due, error: Exception) -> None:
        # Task and organization are bound to the log while the run lasts.
        failing = self._failing.setdefault(due, _Failing(Outage(_log, "task")))
        failing.failed(error, self._now())
        if self._rests(due):
            self._wanted.discard(due)
