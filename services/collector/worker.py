"""The ``collector-worker`` process: polls vendors and works off the inbox.

What is due is decided by PostgreSQL. A wake-up only shortens the wait for the next sweep, and a
task asks PostgreSQL again, so it may be run too often and by several workers at once.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from services.collector.connectors import CONNECTORS
from services.collector.http.client import UpstreamClient
from services.collector.hydration import VendorReader
from services.collector.inbox import Inbox
from services.collector.series import initialize_series
from services.collector.session import VendorAccess
from services.collector.sync import StreamSync
from shared.db import Database
from shared.observability import metrics
from shared.queue import Due
from shared.settings import CollectorWorkerSettings
from shared.web.process import Work, work
from shared.web.state import Resources

__all__ = [
    "DueWork",
    "StreamTask",
    "main",
    "make_work",
    "record_connection_states",
    "record_queue_depths",
    "record_streams",
]

#: Most streams, and most organizations, that one sweep takes up; the next one goes on.
_MOST: Final = 500
#: Streams of one organization that are read at once: one must not take every connection.
_STREAMS_AT_ONCE: Final = 3
#: Streams are polled every few minutes to every few hours.
_LATE_AFTER: Final = timedelta(days=1)
_QUEUES: Final = ("inbox", "sync")
_STATES: Final = ("ready", "leased", "retry", "quarantined")
_CONNECTION_STATES: Final = ("active", "degraded", "reauth_required", "paused")

_DUE_STREAMS: Final = """
SELECT s.connection_id, s.stream
  FROM sync_state s
  JOIN connection c ON c.org_id = s.org_id AND c.id = s.connection_id
 WHERE s.org_id = $1 AND s.next_due_at <= clock_timestamp()
   AND (s.lease_until IS NULL OR s.lease_until < clock_timestamp())
   AND c.state IN ('active', 'degraded')
 ORDER BY s.next_due_at, s.connection_id, s.stream
"""


def main(settings: CollectorWorkerSettings) -> None:
    """Run the worker until SIGTERM or SIGINT."""

    def make(resources: Resources) -> Work:
        client = UpstreamClient(allow_private=settings.allow_private_vendors)
        return make_work(resources, client)

    work(settings, component="collector-worker", make=make)


def make_work(resources: Resources, client: UpstreamClient) -> Work:
    """Return the worker's tasks and sweep on the given resources."""
    initialize_series()
    database, queue = resources.database, resources.queue
    access = VendorAccess(database, client, resources.keyring)
    inbox = Inbox(database, queue, VendorReader(access))
    streams = StreamTask(database, StreamSync(access, queue))
    return Work(tasks={"sync": streams.run, "inbox": inbox.process}, sweep=DueWork(database).sweep)


class StreamTask:
    """Reads the due streams of an organization, a few at once."""

    def __init__(self, database: Database, sync: StreamSync) -> None:
        self._database = database
        self._sync = sync

    async def run(self, org_id: UUID) -> None:
        """Read every stream that is due now; those that others read meanwhile are left to them."""
        async with self._database.transaction(org_id) as connection:
            due = await connection.fetch(_DUE_STREAMS, org_id)
        slots = asyncio.Semaphore(_STREAMS_AT_ONCE)

        async def read(connection_id: UUID, stream: str) -> None:
            async with slots:
                await self._sync.run(org_id, connection_id, stream)

        async with asyncio.TaskGroup() as reading:
            for row in due:
                reading.create_task(read(row["connection_id"], row["stream"]))


class DueWork:
    """Finds due work of every organization, whether or not anybody announced it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sweep(self) -> Sequence[Due]:
        """Return what is due, longest waiting first, and measure how much waits."""
        async with self._database.transaction() as connection:
            streams = await connection.fetch("SELECT org_id FROM due_streams($1)", _MOST)
            inboxes = await connection.fetch(
                "SELECT org_id FROM orgs_with_waiting_deliveries($1)", _MOST
            )
            record_queue_depths(await connection.fetch("SELECT * FROM queue_depths()"))
            record_connection_states(await connection.fetch("SELECT * FROM connection_states()"))
            record_streams(await connection.fetch("SELECT * FROM polled_streams($1)", _LATE_AFTER))
        # Deliveries first: a vendor has just said that something changed.
        due = [("inbox", row["org_id"]) for row in inboxes]
        due += [("sync", row["org_id"]) for row in streams]
        return list(dict.fromkeys(due))


def record_queue_depths(rows: Iterable[asyncpg.Record]) -> None:
    """Set the gauges of waiting work; what has no row is empty."""
    found = {(row["queue"], row["state"]): row for row in rows}
    for queue in _QUEUES:
        for state in _STATES:
            row = found.get((queue, state))
            metrics.WORK_ITEMS.labels(queue, state).set(row["items"] if row else 0)
        ready = found.get((queue, "ready"))
        oldest = ready["oldest_ready_at"] if ready else None
        metrics.WORK_OLDEST_READY.labels(queue).set(oldest.timestamp() if oldest else 0)


def record_connection_states(rows: Iterable[asyncpg.Record]) -> None:
    """Set the gauges of configured connections; a state nobody is in is 0."""
    found = {(row["provider"], row["state"]): row["connections"] for row in rows}
    for provider in CONNECTORS:
        for state in _CONNECTION_STATES:
            metrics.COLLECTOR_CONNECTIONS.labels(provider, state).set(
                found.get((provider, state), 0)
            )


def record_streams(rows: Iterable[asyncpg.Record]) -> None:
    """Set how many streams are late, and when the one that is furthest behind last succeeded.

    A stream that no connection reads any more is back at 0: nothing is late there.
    """
    found = {(row["provider"], row["stream"]): row for row in rows}
    for provider, connector in CONNECTORS.items():
        for stream in connector.streams:
            row = found.get((provider, stream.name))
            last, all_, late = (
                (row["last_success_at"].timestamp(), row["streams"], row["late"])
                if row
                else (0, 0, 0)
            )
            metrics.COLLECTOR_LAST_SUCCESS.labels(provider, stream.name).set(last)
            metrics.COLLECTOR_STREAMS.labels(provider, stream.name, "current").set(all_ - late)
            metrics.COLLECTOR_STREAMS.labels(provider, stream.name, "late").set(late)
