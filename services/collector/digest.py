"""From a page to facts: each record by itself, so that one bad record does not spoil the others."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from services.collector.connectors.declaration import Item, Page, Record, Stream
from services.collector.connectors.errors import Unreadable

__all__ = ["Digest", "Rejected", "digest", "first_rule", "record_bytes"]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be booked, and why: ``unreadable: …`` or ``rejected: …``."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Digest:
    """What a page holds.

    ``origins`` names the record of each item; ``fingerprint`` is equal for equal records and empty
    for none; ``high_water`` is the latest modification on the page.
    """

    items: tuple[Item, ...]
    origins: tuple[Record, ...]
    rejected: tuple[Rejected, ...]
    high_water: datetime | None
    fingerprint: bytes

    def without_record_of(self, index: int, code: str) -> "Digest":
        """Return this digest with the record of one item, which the ledger refuses for ``code``,
        moved to the rejected ones.
        """
        record = self.origins[index]
        kept = [
            (item, origin)
            for item, origin in zip(self.items, self.origins, strict=True)
            if origin is not record
        ]
        return replace(
            self,
            items=tuple(item for item, _ in kept),
            origins=tuple(origin for _, origin in kept),
            rejected=(*self.rejected, Rejected(record, f"rejected: {code}")),
        )


def digest(stream: Stream[Any, Any], page: Page, context: Any) -> Digest:
    """Map every record of a page (pure).

    Raises:
        BadPayload: the page cannot be split into records.
    """
    items: list[Item] = []
    origins: list[Record] = []
    rejected: list[Rejected] = []
    records = stream.records(page)
    for record in records:
        try:
            found = stream.to_facts(record, context)
        except Unreadable as error:
            rejected.append(Rejected(record, f"unreadable: {error.args[0]}"))
        except ValidationError as error:
            rejected.append(Rejected(record, f"unreadable: {first_rule(error)}"))
        else:
            items.extend(found)
            origins.extend(record for _ in found)
    return Digest(
        tuple(items),
        tuple(origins),
        tuple(rejected),
        _high_water(stream, records),
        _fingerprint(records),
    )


def record_bytes(record: Record) -> bytes:
    """Return a record as JSON, in one spelling."""
    return orjson.dumps(record.content, option=orjson.OPT_SORT_KEYS)


def first_rule(error: ValidationError) -> str:
    """Return the first rule a fact breaks, without the value: it may be personal."""
    found = error.errors(include_input=False, include_context=False, include_url=False)[0]
    # A rule about several fields has no place of its own.
    rule = str(found["msg"]).removeprefix("Value error, ")
    return ": ".join([*filter(None, [".".join(map(str, found["loc"]))]), rule])[:200]


def _high_water(stream: Stream[Any, Any], records: Sequence[Record]) -> datetime | None:
    instants = (stream.modified_at(record) for record in records)
    return max((instant for instant in instants if instant is not None), default=None)


def _fingerprint(records: Sequence[Record]) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    for record in records:
        hashed.update(record.key.encode(errors="replace") + b"\0" + record_bytes(record) + b"\n")
    return hashed.digest() if records else b""
