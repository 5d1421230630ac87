"""Runs tasks for organizations: never two runs of one pair at once, never a request forgotten."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from uuid import UUID

import structlog

from shared.observability import metrics
from shared.observability.outage import Outage

__all__ = ["Due", "Runner", "Task"]

Task = Callable[[UUID], Awaitable[None]]
Due = tuple[str, UUID]

_log = structlog.get_logger(__name__)


class Runner:
    """Keeps, for each (task, organization), whether it is wanted and whether it runs.

    A request during a run leads to another run after it: the first may have read the database
    before the change that the request announces. Any number of requests lead to one.
    """

    def __init__(
        self,
        tasks: Mapping[str, Task],
        *,
        concurrency: int,
        timeout: timedelta,
        component: str,
    ) -> None:
        self._tasks = tasks
        self._slots = asyncio.Semaphore(concurrency)
        self._timeout = timeout
        self._component = component
        self._wanted: set[Due] = set()
        self._active: dict[Due, asyncio.Task[None]] = {}
        # Of those that failed last time: a sweep finds them again every few seconds.
        self._failing: dict[Due, Outage] = {}

    def request(self, task: str, org_id: UUID) -> bool:
        """Ask for a run that starts after this call; tell whether nobody had asked before."""
        due = (task, org_id)
        is_new = due not in self._wanted and due not in self._active
        self._wanted.add(due)
        if due not in self._active:
            self._active[due] = asyncio.create_task(self._work(due), name=f"{task}:{org_id}")
        return is_new

    async def drain(self, grace: timedelta) -> None:
        """Let runs that have begun end, cancel what is left after ``grace``, start nothing new."""
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
                async with self._slots:
                    # Cleared before the run, not after: what is asked for from here on is news.
                    if due not in self._wanted:
                        break
                    self._wanted.discard(due)
                    await self._run_once(due)
        finally:
            del self._active[due]

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
                await self._tasks[task](org_id)
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
                self._failing.pop(due).over()
            return "done"
        return "failed"

    def _note_failure(self, due: Due, error: Exception) -> None:
        # Task and organization are bound to the log while the run lasts.
        self._failing.setdefault(due, Outage(_log, "task")).failed(error)
