"""Records of polled pages that nobody could read, kept for people to see and to replay."""

import hashlib
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from services.collector.connectors.declaration import Record
from services.collector.digest import Rejected, record_bytes
from shared import clock
from shared.ids import new_id

__all__ = ["keep_rejected", "kept_record"]

# The key is made of the record itself: read again unchanged, it is the same row.
_KEEP: Final = """
INSERT INTO inbox (org_id, id, connection_id, origin, stream, delivery_key, body_hash, headers,
                   body, received_at, state, reason, next_attempt_at)
SELECT $1, id, $2, 'poll', $3, delivery_key, body_hash, headers, body, $4, 'quarantined', reason, $4
  FROM unnest($5::uuid[], $6::bytea[], $7::bytea[], $8::text[], $9::bytea[], $10::text[])
       AS r (id, delivery_key, body_hash, headers, body, reason)
 ORDER BY delivery_key
ON CONFLICT (org_id, connection_id, delivery_key) DO NOTHING
RETURNING id
"""


async def keep_rejected(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org_id: UUID,
    connection_id: UUID,
    stream: str,
    rejected: Sequence[Rejected],
) -> int:
    """Put rejected records into quarantine and return how many were not there yet."""
    if not rejected:
        return 0
    bodies = [record_bytes(entry.record) for entry in rejected]
    hashes = [hashlib.sha256(body).digest() for body in bodies]
    kept = await connection.fetch(
        _KEEP,
        org_id,
        connection_id,
        stream,
        clock.now(),
        [new_id() for _ in rejected],
        [
            hashlib.sha256(
                b"\0".join((b"poll", stream.encode(), entry.record.key.encode(), digest))
            ).digest()
            for entry, digest in zip(rejected, hashes, strict=True)
        ],
        hashes,
        [orjson.dumps({"key": entry.record.key}).decode() for entry in rejected],
        bodies,
        [entry.reason for entry in rejected],
    )
    return len(kept)


def kept_record(headers: str, body: bytes) -> Record:
    """Return the record that :func:`keep_rejected` put aside."""
    return Record(orjson.loads(headers)["key"], orjson.loads(body))
