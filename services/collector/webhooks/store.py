"""Keep deliveries: many concurrent ones in one transaction, each identity once and for ever."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

import asyncpg

from shared.db import Database
from shared.ids import new_id

__all__ = ["CONFLICT", "REQUEST_ID", "Delivery", "Kept", "Outcome", "store_deliveries"]

Outcome = Literal["accepted", "duplicate", "conflict"]

#: Why a delivery is quarantined whose identity was used before for something else.
CONFLICT = "conflict"
#: Under which of the kept headers the id of the request stands that brought a delivery.
REQUEST_ID = "x-request-id"


class Kept(NamedTuple):
    """What became of a delivery, and the row that holds it, or the one before it that it repeats
    or contradicts."""

    outcome: Outcome
    delivery_id: UUID


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified delivery. ``key`` says which one it is, ``content_hash`` what it says (32 bytes
    each); both leave out what a vendor changes when it sends the same again."""

    connection_id: UUID
    key: bytes
    content_hash: bytes
    headers: str
    body: bytes
    received_at: datetime


# Sorted, so that two processes that store overlapping batches wait for each other instead of
# deadlocking; in order of arrival where one batch holds an identity twice.
_STORE = """
INSERT INTO inbox (org_id, id, connection_id, origin, delivery_key, body_hash, headers, body,
                   received_at, state, reason, next_attempt_at)
SELECT $1, id, connection_id, 'webhook', delivery_key, body_hash, headers, body, received_at,
       $9, $10, now()
  FROM unnest($2::uuid[], $3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::bytea[],
              $8::timestamptz[])
       WITH ORDINALITY AS d (id, connection_id, delivery_key, body_hash, headers, body,
                             received_at, place)
 ORDER BY connection_id, delivery_key, place
ON CONFLICT (org_id, connection_id, delivery_key) DO NOTHING
RETURNING id
"""
_KEPT = """
SELECT connection_id, delivery_key, body_hash, id
  FROM inbox
 WHERE org_id = $1
   AND (connection_id, delivery_key) IN (SELECT * FROM unnest($2::uuid[], $3::bytea[]))
"""


async def store_deliveries(
    database: Database, org_id: UUID, deliveries: Sequence[Delivery]
) -> Sequence[Kept]:
    """Store a batch in one transaction and return, once it has committed, what became of each.

    The first delivery of an identity is kept. The same one again is a duplicate. Another content
    under the same identity is a conflict: it is kept in quarantine and overwrites nothing.
    """
    async with database.transaction(org_id) as connection:
        inserted = await _insert(connection, org_id, deliveries)
        again = [item for item, new in zip(deliveries, inserted, strict=True) if new is None]
        before = await _kept_before(connection, org_id, again) if again else {}
        kept = [
            _compare(item, before) if new is None else Kept("accepted", new)
            for item, new in zip(deliveries, inserted, strict=True)
        ]
        conflicts = [
            _apart(item)
            for item, found in zip(deliveries, kept, strict=True)
            if found.outcome == "conflict"
        ]
        if conflicts:
            await _insert(connection, org_id, conflicts, state="quarantined", reason=CONFLICT)
    return kept


async def _insert(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    deliveries: Sequence[Delivery],
    *,
    state: str = "received",
    reason: str | None = None,
) -> list[UUID | None]:
    """Insert what is new; return the id of each new row, None for what was there."""
    ids = [new_id() for _ in deliveries]
    rows = await connection.fetch(
        _STORE,
        org_id,
        ids,
        [item.connection_id for item in deliveries],
        [item.key for item in deliveries],
        [item.content_hash for item in deliveries],
        [item.headers for item in deliveries],
        [item.body for item in deliveries],
        [item.received_at for item in deliveries],
        state,
        reason,
    )
    inserted = {row["id"] for row in rows}
    return [delivery_id if delivery_id in inserted else None for delivery_id in ids]


async def _kept_before(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, again: Sequence[Delivery]
) -> dict[tuple[UUID, bytes], tuple[bytes, UUID]]:
    rows = await connection.fetch(
        _KEPT, org_id, [item.connection_id for item in again], [item.key for item in again]
    )
    return {
        (row["connection_id"], row["delivery_key"]): (row["body_hash"], row["id"]) for row in rows
    }


def _compare(item: Delivery, before: dict[tuple[UUID, bytes], tuple[bytes, UUID]]) -> Kept:
    content_hash, delivery_id = before[item.connection_id, item.key]
    return Kept("duplicate" if content_hash == item.content_hash else "conflict", delivery_id)


def _apart(item: Delivery) -> Delivery:
    """Return the delivery under an identity of its own: kept once, beside the first."""
    key = hashlib.sha256(b"conflict\0" + item.key + item.content_hash).digest()
    return Delivery(
        item.connection_id, key, item.content_hash, item.headers, item.body, item.received_at
    )
