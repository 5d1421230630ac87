"""What makes two deliveries the same, and what makes them say the same (pure).

Both are taken from signed material only. The identity is made of the events a delivery carries, in
any order, because vendors that retry send the same events again; the content is the whole document,
without what a vendor changes from one attempt to the next.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from services.collector.connectors.webhooks import MalformedDelivery, Webhooks
from services.collector.documents import UnreadableJson, read_json

__all__ = ["DeliveryIdentity", "UnreadableBody", "identify"]


class UnreadableBody(ValueError):
    """The body is no JSON document, or none that can be kept."""


@dataclass(frozen=True, slots=True)
class DeliveryIdentity:
    """Which delivery it is and what it says: two SHA-256 digests."""

    key: bytes
    content_hash: bytes


def identify(webhooks: Webhooks, body: bytes) -> DeliveryIdentity:
    """Return the identity of a verified delivery.

    A document that the connector does not understand has no events to go by: it is its own
    identity, and is kept for the inbox to put into quarantine.

    Raises:
        UnreadableBody: the body is not a JSON object or array.
    """
    content_hash = _content_hash(_document(body), webhooks.of_the_attempt)
    try:
        keys = sorted(event.dedupe_key for event in webhooks.events(body))
    except MalformedDelivery:
        keys = []
    if not keys:
        return DeliveryIdentity(content_hash, content_hash)
    return DeliveryIdentity(hashlib.sha256(orjson.dumps(keys)).digest(), content_hash)


def _document(body: bytes) -> Any:
    try:
        document = read_json(body)
    except UnreadableJson:
        raise UnreadableBody from None
    if not isinstance(document, dict | list):
        raise UnreadableBody
    return document


def _content_hash(document: Any, of_the_attempt: Collection[str]) -> bytes:
    entries = document if isinstance(document, list) else [document]
    spelled = sorted(
        orjson.dumps(_without(entry, of_the_attempt), option=orjson.OPT_SORT_KEYS)
        for entry in entries
    )
    digest = hashlib.sha256()
    for entry in spelled:
        digest.update(len(entry).to_bytes(8, "big") + entry)
    return digest.digest()


def _without(entry: Any, names: Collection[str]) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {name: value for name, value in entry.items() if name not in names}
