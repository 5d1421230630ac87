"""How wake-ups travel: arq on Redis, JSON in it, one queue per task.

A wake-up is coalesced while it waits (its id is the task and the organization) and never while the
work runs: see :mod:`shared.queue.worker` for why that loses none.
"""

from datetime import timedelta
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from arq import ArqRedis
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

__all__ = [
    "REDIS_ERRORS",
    "WAKE_LIFETIME",
    "TaskName",
    "connect",
    "job_id",
    "queue_name",
]

TaskName = Literal["fold", "sync", "inbox"]

#: What a Redis that is away, restarting or full raises. ``OSError`` covers sockets that are gone.
REDIS_ERRORS: Final = (RedisError, OSError, TimeoutError)
#: A wake-up nobody took in this time is dropped: the sweep has long done its work.
WAKE_LIFETIME: Final = timedelta(hours=1)

_LARGEST_JOB = 4096
_FIELDS = frozenset({"t", "f", "a", "k", "et"})


def queue_name(task: str) -> str:
    """Return the sorted set in which a task's wake-ups wait."""
    return f"earned:queue:{task}"


def job_id(task: str, org_id: UUID) -> str:
    """Return the identity under which wake-ups of one organization coalesce."""
    return f"earned:{task}:{org_id}"


def connect(redis_url: str, *, timeout: timedelta, queue: str | None = None) -> ArqRedis:
    """Return a client of ``redis_url`` that connects on first use and gives up after ``timeout``.

    Retries are off: whoever wakes does not wait, and the worker's supervisor has its own backoff.
    """
    seconds = timeout.total_seconds()
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
        max_connections=32,
    )
    return ArqRedis(
        pool,
        job_serializer=_dump,
        job_deserializer=_load,
        default_queue_name=queue or queue_name("none"),
        expires_extra_ms=int(WAKE_LIFETIME.total_seconds() * 1000),
    )


def _dump(job: dict[str, Any]) -> bytes:
    return orjson.dumps(job)


def _load(raw: bytes) -> dict[str, Any]:
    """Read a job. Whoever can write to Redis can send anything, but nothing other than this."""
    if len(raw) > _LARGEST_JOB:
        raise ValueError("a wake-up is never this large")
    job = orjson.loads(raw)
    if not isinstance(job, dict) or _FIELDS - job.keys():
        raise ValueError("not a wake-up")
    return job
