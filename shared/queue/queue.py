"""The sending side: best-effort wake-ups."""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from arq import ArqRedis

from shared.observability import metrics
from shared.observability.outage import Outage
from shared.queue import transport
from shared.queue.transport import TaskName

__all__ = ["Queue", "TaskName"]

_PATIENCE: Final = timedelta(milliseconds=500)
_PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger(__name__)


class Queue:
    """Wakes the worker of a task. A wake-up only shortens the wait for the next sweep."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._silent_until = 0.0
        # Where in the client a connection broke says nothing, so its lines have no traceback.
        self._outage = Outage(_log, "redis", with_traceback=False)

    @classmethod
    def connect(cls, redis_url: str) -> "Queue":
        """Return a queue at ``redis_url``; nothing is sent before the first wake-up."""
        return cls(transport.connect(redis_url, timeout=_PATIENCE))

    async def wake(self, task: TaskName, org_id: UUID) -> bool:
        """Ask for a run of ``task`` for an organization; call it after the commit.

        Never raises and never waits longer than half a second. Returns whether Redis knows: for
        tests and logs, not for decisions. After a failure Redis is left alone for a second, so that
        its absence does not slow every request down.
        """
        if monotonic() < self._silent_until:
            return False
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                await self._redis.enqueue_job(
                    task,
                    str(org_id),
                    _job_id=transport.job_id(task, org_id),
                    _queue_name=transport.queue_name(task),
                )
        except transport.REDIS_ERRORS as error:
            self._failed(error)
            return False
        self._answered()
        return True

    async def ping(self) -> bool:
        """Ask Redis whether it is there; sets ``earned_redis_up``."""
        try:
            async with asyncio.timeout(_PATIENCE.total_seconds()):
                await self._redis.ping()
        except transport.REDIS_ERRORS as error:
            self._failed(error)
            return False
        self._answered()
        return True

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose(close_connection_pool=True)

    def _answered(self) -> None:
        metrics.REDIS_UP.set(1)
        self._outage.over()

    def _failed(self, error: BaseException) -> None:
        metrics.REDIS_UP.set(0)
        self._silent_until = monotonic() + _PAUSE_SECONDS
        self._outage.failed(error)
