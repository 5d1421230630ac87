"""The receiving side: what a worker process does from start to SIGTERM.

Three things run beside each other and none needs the others: a *listener* per task, which turns
wake-ups into requests; the *sweep*, which finds in PostgreSQL whatever no wake-up announced; and
the *runner*, which does the work, one run per organization and task at a time.

Why no wake-up is lost although they coalesce in Redis: arq drops a wake-up whose id is still known
to it, so a run that began before the id was forgotten could miss the change announced. Here the job
itself does nothing; the run is requested in ``after_job_end``, when arq has already forgotten the
id. Whoever was dropped had committed before that, and the run reads after it.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from arq.worker import Worker, func

from shared import clock
from shared.observability import metrics
from shared.observability.background import end_all
from shared.observability.health import Health
from shared.observability.outage import Outage
from shared.queue import transport
from shared.queue.runner import Due, Runner, Task

__all__ = ["RUN_TIMEOUT", "Due", "Sweep", "Task", "run_worker"]

Sweep = Callable[[], Awaitable[Iterable[Due] | None]]

#: A run that takes longer hangs, unless its work says otherwise.
RUN_TIMEOUT: Final = timedelta(minutes=5)
_POLL_SECONDS: Final = 0.1
_REDIS_PATIENCE: Final = timedelta(seconds=5)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
# A job lasts milliseconds. After a SIGKILL arq holds its id back for the timeout and ten seconds.
_JOB_TIMEOUT_SECONDS: Final = 1

_log = structlog.get_logger(__name__)


async def run_worker(
    *,
    name: str,
    redis_url: str,
    tasks: Mapping[str, Task],
    sweep: Sweep,
    sweep_every: timedelta = timedelta(seconds=5),
    sweep_timeout: timedelta = timedelta(seconds=30),
    concurrency: int = 4,
    background: Collection[str] = (),
    run_timeout: timedelta = RUN_TIMEOUT,
    grace: timedelta = timedelta(seconds=25),
    health: Health | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Work until SIGTERM or SIGINT (or ``stop``), then finish what is in hand within ``grace``.

    Args:
        name: the component, for metrics and logs.
        tasks: what to run for an organization, by name. A task brings its organization up to date
            and returns; it may be run again at any time, and in other processes at the same time.
            One that ends its turn before that returns True, and has another turn.
        sweep: looks in PostgreSQL for due work and returns it as (task, organization) pairs, which
            are run as if they had been woken; it may return nothing and do its own housekeeping.
        concurrency: organizations that each task is run for at once; those in the ``background``,
            which take long and nobody waits for, share half as many.
        run_timeout: after this a run is cancelled; what it has not committed stays due.
        health: told of every heartbeat and of the beginning of the end.
        stop: ends the worker when set; without it signals do.
    """
    stop = stop or _stop_on_signals()
    health = health or Health()
    runner = Runner(
        tasks,
        concurrency=concurrency,
        timeout=run_timeout,
        component=name,
        background=background,
    )
    loops = [
        asyncio.create_task(_listen(redis_url, task, runner), name=f"listen:{task}")
        for task in tasks
    ]
    loops.append(
        asyncio.create_task(_sweep_forever(sweep, runner, sweep_every, sweep_timeout, name, health))
    )
    _log.info("worker.started", tasks=sorted(tasks))
    try:
        await _until(stop, loops)
    finally:
        health.drain()
        await end_all(loops)
        await runner.drain(grace)
        _log.info("worker.stopped")


async def _until(stop: asyncio.Event, loops: list[asyncio.Task[None]]) -> None:
    """Wait for ``stop``. A loop that ends is a defect: raise it, and let the process restart."""
    stopped = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([stopped, *loops], return_when=asyncio.FIRST_COMPLETED)
        for ended in done:
            ended.result()
    finally:
        stopped.cancel()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _sweep_forever(
    sweep: Sweep,
    runner: Runner,
    every: timedelta,
    timeout: timedelta,
    component: str,
    health: Health,
) -> None:
    outage = Outage(_log, "sweep")
    while True:
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                for task, org_id in await sweep() or ():
                    if runner.request(task, org_id):
                        metrics.SWEEP_RECOVERED.labels(task).inc()
        except Exception as error:
            metrics.UNHANDLED_EXCEPTIONS.labels(component).inc()
            outage.failed(error)
        else:
            outage.over()
        # Also after a failure: the heartbeat says that the process is alive, not the database.
        health.beat()
        metrics.WORKER_HEARTBEAT.set(clock.now().timestamp())
        await asyncio.sleep(every.total_seconds())


async def _listen(redis_url: str, task: str, runner: Runner) -> None:
    """Take wake-ups of one task for ever, through any number of deaths of Redis."""
    pause = _FIRST_PAUSE
    # Where in the client a connection broke says nothing, so its lines have no traceback.
    outage = Outage(_log, "queue", with_traceback=False, queue=task)
    while True:
        worker = _worker(redis_url, task, runner, on_connected=outage.over)
        started = asyncio.get_running_loop().time()
        try:
            await worker.async_run()
        except transport.REDIS_ERRORS as error:
            metrics.REDIS_UP.set(0)
            outage.failed(error)
        except Exception:  # arq's own faults, too, end in a new listener
            _log.exception("queue.listener_failed", queue=task)
        finally:
            await _close(worker)
        if asyncio.get_running_loop().time() - started > _LONGEST_PAUSE:
            pause = _FIRST_PAUSE
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 — jitter, no secret
        pause = min(pause * 2, _LONGEST_PAUSE)


def _worker(
    redis_url: str, task: str, runner: Runner, *, on_connected: Callable[[], None]
) -> Worker:
    """Return an arq worker for one queue. Built here: arq does not inherit settings classes."""

    async def receive(ctx: dict[Any, Any], *args: Any, **_: Any) -> None:
        (org_id,) = args
        ctx["org_id"] = UUID(org_id)

    async def request(ctx: dict[Any, Any]) -> None:
        if "org_id" in ctx:
            runner.request(task, ctx["org_id"])

    async def greet(ctx: dict[Any, Any]) -> None:
        metrics.REDIS_UP.set(1)
        on_connected()
        _log.info("queue.connected", queue=task)

    queue = transport.queue_name(task)
    redis = transport.connect(redis_url, timeout=_REDIS_PATIENCE, queue=queue)
    return Worker(
        [func(receive, name=task)],
        queue_name=queue,
        redis_pool=redis,
        on_startup=greet,
        after_job_end=request,
        handle_signals=False,
        max_jobs=50,
        job_timeout=_JOB_TIMEOUT_SECONDS,
        keep_result=0,
        poll_delay=_POLL_SECONDS,
        max_tries=3,
        job_serializer=redis.job_serializer,
        job_deserializer=redis.job_deserializer,
        expires_extra_ms=redis.expires_extra_ms,
        timezone=UTC,
        log_results=False,
    )


async def _close(worker: Worker) -> None:
    """Close the worker's connections, whether or not Redis is there to hear it."""
    main = [worker.main_task] if worker.main_task is not None else []
    await end_all([*main, *worker.tasks.values()])
    with suppress(*transport.REDIS_ERRORS):
        await worker.pool.aclose(close_connection_pool=True)
