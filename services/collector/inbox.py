"""Work off the inbox: from a kept delivery to facts in the ledger.

A webhook says only that something changed; what it became is read from the vendor. Deliveries of a
connection are taken together, so that many events about one object lead to one read. The read
happens outside any transaction; then the facts are appended and the deliveries marked done in one.

A delivery that cannot be understood is quarantined with its reason, and so is by itself an object
that deliveries name and that cannot be read or booked: what they say besides is booked. A delivery
that fails is tried again later, a limited number of times. None of them stops the others.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import asyncpg
import orjson
import structlog

from services.collector.booking import book
from services.collector.connectors.declaration import Item, Record
from services.collector.connectors.errors import Unreadable
from services.collector.digest import Digest
from services.collector.http.errors import (
    RateLimited,
    ReauthRequired,
    Refused,
    Transient,
    UpstreamError,
)
from services.collector.quarantine import kept_record
from services.collector.webhooks.store import REQUEST_ID
from shared.db import Database
from shared.errors import NotFound, SecretUnreadable
from shared.facts import Retraction
from shared.ledger import AppendResult, FactRejected, append
from shared.observability import metrics
from shared.orgs import load_org
from shared.queue import Queue

__all__ = ["MOST_ATTEMPTS", "Brought", "DeliveryReader", "Inbox"]

#: After so many tries a delivery waits for a person.
MOST_ATTEMPTS: Final = 8

_BATCH: Final = 100
# A claim lapses soon after its holder dies, and is renewed while it lives. Should two hold one at
# once after all, they book the same facts: the ledger takes them once.
_CLAIM: Final = timedelta(seconds=15)
_RENEW_SECONDS: Final = 5.0
# What has failed this often is taken alone: it may be what brings the others down.
_ALONE_AFTER: Final = 3
_FIRST_WAIT: Final = timedelta(seconds=10)
_LONGEST_WAIT: Final = timedelta(hours=1)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Brought:
    """What deliveries are about: pages of objects read now, each with the name of its stream, and
    what the deliveries withdraw themselves.
    """

    read: Sequence[tuple[str, Digest]]
    retractions: Sequence[Retraction]


class _NeverEnded(Exception):
    """No attempt has come to an end, not even to a failure: the process may end with it."""


class DeliveryReader(Protocol):
    """Turns deliveries of one connection into facts; talks to the vendor."""

    async def read(self, org_id: UUID, connection_id: UUID, bodies: Sequence[bytes]) -> Brought:
        """Return what the deliveries are about.

        Each object is read once, however many deliveries name it.

        Raises:
            Unreadable: a delivery is not one this product understands.
            UpstreamError: the vendor did not bring a usable answer.
        """
        ...

    async def read_again(
        self, org_id: UUID, connection_id: UUID, stream: str, record: Record
    ) -> Sequence[Item]:
        """Return the facts of a polled record that was put aside, by the mapping as it is now.

        Raises:
            Unreadable: it still cannot be understood.
            UpstreamError: the vendor did not say what the mapping must know.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A delivery in hand. ``attempts`` also guards it: a later claim has a higher number."""

    id: UUID
    connection_id: UUID
    origin: str
    stream: str
    headers: str
    body: bytes
    received_at: datetime
    attempts: int

    @property
    def is_polled(self) -> bool:
        """Tell whether this is a record of a poll, put aside once and now replayed."""
        return self.origin == "poll"

    def log(self, event: str, **fields: object) -> None:
        """Log what became of it, under the id of the request that brought it."""
        # A polled record's headers are its page's, and no request of ours brought it.
        brought = {} if self.is_polled else orjson.loads(self.headers)
        request = {"request_id": brought[REQUEST_ID]} if REQUEST_ID in brought else {}
        _log.info(event, delivery_id=str(self.id), attempts=self.attempts, **request, **fields)


# The claim counts as an attempt, so that a delivery that kills the process is given up, too. The
# number of attempts is the fence: what an earlier claim concludes no longer applies to a later one.
_CLAIM_WAITING = """
UPDATE inbox i
   SET attempts = i.attempts + 1, next_attempt_at = clock_timestamp() + $3::interval
  FROM (SELECT id FROM inbox
         WHERE org_id = $1 AND state = 'received'
           AND next_attempt_at <= clock_timestamp()
         ORDER BY next_attempt_at, id
         LIMIT $2
           FOR UPDATE SKIP LOCKED) AS waiting
 WHERE i.org_id = $1 AND i.id = waiting.id
RETURNING i.id, i.connection_id, i.origin, i.stream, i.headers, i.body, i.received_at, i.attempts
"""
_FINISH = """
UPDATE inbox i
   SET state = 'done', reason = NULL, processed_at = clock_timestamp()
  FROM unnest($2::uuid[], $3::integer[]) AS mine (id, attempts)
 WHERE i.org_id = $1 AND i.id = mine.id AND i.attempts = mine.attempts AND i.state = 'received'
"""
_PUT_OFF = """
UPDATE inbox i
   SET state = CASE WHEN $4 THEN 'quarantined' ELSE 'received' END,
       reason = $5,
       attempts = CASE WHEN $7 THEN 0 ELSE i.attempts END,
       next_attempt_at = clock_timestamp() + mine.wait
  FROM unnest($2::uuid[], $3::integer[], $6::interval[]) AS mine (id, attempts, wait)
 WHERE i.org_id = $1 AND i.id = mine.id AND i.attempts = mine.attempts AND i.state = 'received'
"""
_RENEW = """
UPDATE inbox i
   SET next_attempt_at = greatest(i.next_attempt_at, clock_timestamp() + $4::interval)
  FROM unnest($2::uuid[], $3::integer[]) AS mine (id, attempts)
 WHERE i.org_id = $1 AND i.id = mine.id AND i.attempts = mine.attempts AND i.state = 'received'
"""
_PROVIDER = "SELECT provider FROM connection WHERE org_id = $1 AND id = $2"


class Inbox:
    """Brings the waiting deliveries of an organization into the ledger."""

    def __init__(self, database: Database, queue: Queue, reader: DeliveryReader) -> None:
        self._database = database
        self._queue = queue
        self._reader = reader

    async def process(self, org_id: UUID) -> None:
        """Work until nothing of the organization waits. May run twice, or die halfway."""
        while claimed := await self._claim(org_id):
            async with self._held(org_id, claimed):
                for deliveries in _groups(claimed):
                    if deliveries[0].attempts > MOST_ATTEMPTS:
                        await self._put_off(org_id, deliveries, _NeverEnded())
                    else:
                        await self._settle(org_id, deliveries)

    async def _claim(self, org_id: UUID) -> list[_Claimed]:
        async with self._database.transaction(org_id) as connection:
            rows = await connection.fetch(_CLAIM_WAITING, org_id, _BATCH, _CLAIM)
        return [_Claimed(**row) for row in rows]

    @asynccontextmanager
    async def _held(self, org_id: UUID, claimed: Sequence[_Claimed]) -> AsyncIterator[None]:
        renewal = asyncio.create_task(self._renew(org_id, claimed))
        try:
            yield
        finally:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)

    async def _renew(self, org_id: UUID, claimed: Sequence[_Claimed]) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                async with self._database.transaction(org_id) as connection:
                    await connection.execute(_RENEW, org_id, *_columns(claimed), _CLAIM)
            except Exception as error:
                # Then the claim lapses and the work is done twice, to the same end.
                _log.warning("inbox.renewal_failed", error=type(error).__name__)

    async def _settle(self, org_id: UUID, deliveries: Sequence[_Claimed]) -> None:
        """Book deliveries of one connection; find the one to blame if that fails."""
        try:
            result = await self._book(org_id, deliveries)
        except (Transient, RateLimited, ReauthRequired) as error:
            # The vendor is to blame: asking again for each delivery would only make it worse.
            await self._put_off(org_id, deliveries, error)
        except Exception as error:
            if len(deliveries) == 1:
                await self._put_off(org_id, deliveries, error)
                return
            for delivery in deliveries:
                await self._settle(org_id, [delivery])
        else:
            _log.info("inbox.booked", deliveries=len(deliveries), changed=result.changed)
            for delivery in deliveries:
                delivery.log("delivery.booked", **result.stretch)
            if result.changed:
                await self._queue.wake("fold", org_id)

    async def _book(self, org_id: UUID, deliveries: Sequence[_Claimed]) -> AppendResult:
        first = deliveries[0]
        if first.is_polled:
            return await self._book_again(org_id, first)
        brought = await self._reader.read(
            org_id, first.connection_id, [delivery.body for delivery in deliveries]
        )
        async with self._database.transaction(org_id) as connection:
            await connection.execute(_FINISH, org_id, *_columns(deliveries))
            provider = await connection.fetchval(_PROVIDER, org_id, first.connection_id)
            org = await load_org(connection, org_id)
            result, quarantined = await book(
                connection, org, first.connection_id, brought.read, brought.retractions
            )
        metrics.SCHEMA_DRIFT.labels(provider).inc(quarantined)
        return result

    async def _book_again(self, org_id: UUID, kept: _Claimed) -> AppendResult:
        record = kept_record(kept.headers, kept.body)
        items = await self._reader.read_again(org_id, kept.connection_id, kept.stream, record)
        async with self._database.transaction(org_id) as connection:
            await connection.execute(_FINISH, org_id, *_columns([kept]))
            org = await load_org(connection, org_id)
            # What a kept record says, it said when it was read.
            return await append(connection, org, items, said_at=kept.received_at)

    async def _put_off(
        self, org_id: UUID, deliveries: Sequence[_Claimed], error: Exception
    ) -> None:
        reason, is_permanent = _judge(error)
        # A limit of the vendor ends, and says nothing about what is asked: it is no attempt.
        is_limit = isinstance(error, RateLimited)
        spent = [
            delivery
            for delivery in deliveries
            if is_permanent or (delivery.attempts >= MOST_ATTEMPTS and not is_limit)
        ]
        others = [d for d in deliveries if d not in spent]
        async with self._database.transaction(org_id) as connection:
            await _update(connection, org_id, spent, error, reason, is_over=True)
            await _update(connection, org_id, others, error, reason, is_over=False)
            if spent and isinstance(error, Unreadable | FactRejected):
                # As of what is polled: what was put aside is not what the contract says.
                provider = await connection.fetchval(_PROVIDER, org_id, spent[0].connection_id)
                metrics.SCHEMA_DRIFT.labels(provider).inc(len(spent))
        _log.warning(
            "inbox.put_off",
            reason=reason,
            quarantined=len(spent),
            retried=len(others),
            # Only what nobody expected needs its traceback.
            exc_info=error if reason == _UNEXPECTED else None,
        )
        for delivery in deliveries:
            delivery.log("delivery.put_off", reason=reason, is_quarantined=delivery in spent)


def _groups(claimed: Sequence[_Claimed]) -> Iterable[Sequence[_Claimed]]:
    """Split what was claimed into what is read together: webhooks of one connection, unless one
    is suspicious.
    """
    together: dict[UUID, list[_Claimed]] = defaultdict(list)
    for delivery in claimed:
        if delivery.is_polled or delivery.attempts > _ALONE_AFTER:
            yield [delivery]
        else:
            together[delivery.connection_id].append(delivery)
    yield from together.values()


_UNEXPECTED: Final = "unexpected"


def _judge(error: Exception) -> tuple[str, bool]:
    """Return the reason to record and whether trying again is pointless."""
    match error:
        case Unreadable():
            return f"unreadable: {error.args[0]}", True
        case FactRejected():
            return f"rejected: {error.code}", True
        case Refused():
            return f"refused: {error.reason}", True
        case NotFound():
            return "connection_unusable", True
        case SecretUnreadable():
            return error.code, False
        case UpstreamError():
            return f"upstream: {error.reason}", False
    metrics.UNHANDLED_EXCEPTIONS.labels("collector-worker").inc()
    return _UNEXPECTED, False


async def _update(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    deliveries: Sequence[_Claimed],
    error: Exception,
    reason: str,
    *,
    is_over: bool,
) -> None:
    if not deliveries:
        return
    waits = [_wait(delivery.attempts, error) for delivery in deliveries]
    is_limit = isinstance(error, RateLimited)
    await connection.execute(
        _PUT_OFF, org_id, *_columns(deliveries), is_over, reason, waits, is_limit
    )


def _wait(attempts: int, error: Exception) -> timedelta:
    """Return how long to wait: three times longer each time, never shorter than the vendor asks."""
    ceiling = min(_FIRST_WAIT * 3 ** (attempts - 1), _LONGEST_WAIT)
    asked: timedelta = getattr(error, "wait", None) or timedelta()
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 — spreads load, guards nothing
    wait: timedelta = max(ceiling * jitter, min(asked, _LONGEST_WAIT))
    return wait


def _columns(deliveries: Sequence[_Claimed]) -> tuple[list[UUID], list[int]]:
    return [delivery.id for delivery in deliveries], [delivery.attempts for delivery in deliveries]
