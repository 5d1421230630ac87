"""What a running process measures of itself: its event loop, its pool, its Redis."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import QueuePool

from shared.db import Database
from shared.observability import metrics
from shared.observability.background import end_all

__all__ = ["observe_process", "settle_garbage_collector"]

_TICK_SECONDS: Final = 0.5
_REDIS_EVERY_SECONDS: Final = 15.0


@asynccontextmanager
async def observe_process(
    database: Database, ping_redis: Callable[[], Awaitable[bool]]
) -> AsyncIterator[None]:
    """Keep the runtime metrics of the process up to date while the block runs."""
    _observe_database(database)
    loops = [
        asyncio.create_task(_watch_event_loop()),
        asyncio.create_task(_watch(ping_redis)),
    ]
    try:
        yield
    finally:
        await end_all(loops)


def settle_garbage_collector() -> None:
    """Tell Python's cycle collector what a service is: call it once, when everything is imported.

    What was imported lives as long as the process, and a batch of facts is tens of thousands of
    objects without a cycle among them. With the default thresholds the collector walks all of it
    again and again: a fifth of the time that ingesting a batch takes.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _watch_event_loop() -> None:
    """Ask to be woken in a moment, and measure how much later it is."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + _TICK_SECONDS
        await asyncio.sleep(_TICK_SECONDS)
        metrics.EVENT_LOOP_LAG.observe(max(0.0, clock() - due))


async def _watch(ping_redis: Callable[[], Awaitable[bool]]) -> None:
    while True:
        await ping_redis()
        await asyncio.sleep(_REDIS_EVERY_SECONDS)


def _observe_database(database: Database) -> None:
    engine = database.engine.sync_engine
    pool = engine.pool
    if isinstance(pool, QueuePool):
        gauge = metrics.DB_POOL_CONNECTIONS
        gauge.labels("main", "used").set_function(pool.checkedout)
        gauge.labels("main", "idle").set_function(pool.checkedin)
        gauge.labels("main", "overflow").set_function(lambda: max(0, pool.overflow()))
    event.listen(engine, "commit", _count_commit)
    event.listen(engine, "rollback", _count_rollback)
    event.listen(engine, "handle_error", _count_error)
    event.listen(engine, "do_connect", _connect)


def _count_commit(_connection: Any) -> None:
    metrics.DB_TRANSACTIONS.labels("commit").inc()


def _count_rollback(_connection: Any) -> None:
    metrics.DB_TRANSACTIONS.labels("rollback").inc()


def _count_error(context: ExceptionContext) -> None:
    # The driver names no class when it finds its own connection gone: that is 08.
    gone = "08" if context.is_disconnect else None
    metrics.count_database_error(getattr(context.original_exception, "sqlstate", None) or gone)


def _connect(dialect: Any, _record: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
    """Open a connection as the pool would; one that is not to be had is 08, whatever the reason.

    Here, because a server that cannot be reached raises nothing that SQLAlchemy tells anybody of,
    and one that turns the login down names another class, which is counted too.
    """
    try:
        return dialect.connect(*arguments, **named)
    except Exception as error:
        if not str(getattr(error, "sqlstate", "")).startswith("08"):
            metrics.count_database_error("08")
        raise
