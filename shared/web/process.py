"""How the long-running processes run: an HTTP one, and a worker with its probes."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import uvicorn
from starlette.applications import Starlette

from shared.db import TEMP_BUFFERS, Database
from shared.observability import metrics
from shared.observability.health import Health
from shared.observability.logging import configure_logging
from shared.observability.runtime import observe_process, settle_garbage_collector
from shared.queue import RUN_TIMEOUT, Queue, Sweep, Task, run_worker
from shared.settings import HttpSettings, WorkerSettings
from shared.version import product_version
from shared.web.probes import probe_routes
from shared.web.server import DrainingServer, server_config
from shared.web.state import Resources

__all__ = ["Work", "serve", "work"]


# Nobody waits for a worker's statement as a caller of the API does; a roster correction that moves
# years of cells may take longer than a request ever should.
_WORK_STATEMENT_TIMEOUT_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does: its tasks by name, and the sweep that finds what nobody announced.

    Tasks in the ``background`` take long and nobody waits for them. A run that takes longer than
    ``run_timeout`` is cancelled.
    """

    tasks: Mapping[str, Task]
    sweep: Sweep
    background: Collection[str] = ()
    run_timeout: timedelta = RUN_TIMEOUT


def serve(app: Starlette, settings: HttpSettings, *, component: metrics.Component) -> None:
    """Serve ``app`` until SIGTERM or SIGINT."""
    configure_logging(component=component, log_format=settings.log_format, level=settings.log_level)
    config = server_config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        grace=settings.shutdown_grace,
    )
    settle_garbage_collector()
    server = DrainingServer(config, health=app.state.health, drain_delay=settings.drain_delay)
    server.run()


def work(
    settings: WorkerSettings,
    *,
    component: metrics.Component,
    make: Callable[[Resources], Work],
    temp_buffers: str = TEMP_BUFFERS,
) -> None:
    """Run a worker, with its probes on the metrics port, until SIGTERM or SIGINT.

    ``make`` is the worker's composition root: it gets the process's resources and returns its work.
    ``temp_buffers`` is for its :class:`Database`.
    """
    configure_logging(component=component, log_format=settings.log_format, level=settings.log_level)
    settle_garbage_collector()
    asyncio.run(_work(settings, component, make, temp_buffers))


async def _work(
    settings: WorkerSettings,
    component: metrics.Component,
    make: Callable[[Resources], Work],
    temp_buffers: str,
) -> None:
    metrics.expose(component, version=product_version(), revision=settings.revision)
    redis_url = settings.redis_url.get_secret_value()
    database = Database(
        settings.database_url.get_secret_value(),
        application_name=f"earned-{component}",
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_overflow,
        statement_timeout_ms=_WORK_STATEMENT_TIMEOUT_MS,
        temp_buffers=temp_buffers,
    )
    queue = Queue.connect(redis_url)
    health = Health()
    probes = _ProbeServer(
        server_config(
            Starlette(routes=probe_routes(health, database)),
            host=settings.http_host,
            port=settings.metrics_port,
            grace=settings.shutdown_grace,
        )
    )
    made = make(Resources(database=database, queue=queue, keyring=settings.keyring()))
    serving = asyncio.create_task(probes.serve())
    try:
        async with observe_process(database, queue.ping):
            await run_worker(
                name=component,
                redis_url=redis_url,
                tasks=made.tasks,
                sweep=made.sweep,
                sweep_every=settings.sweep_every,
                concurrency=settings.concurrency,
                background=made.background,
                run_timeout=made.run_timeout,
                grace=settings.shutdown_grace,
                health=health,
            )
    finally:
        probes.should_exit = True
        await serving
        await queue.close()
        await database.close()


class _ProbeServer(uvicorn.Server):
    """A server beside a worker: signals are the worker's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
