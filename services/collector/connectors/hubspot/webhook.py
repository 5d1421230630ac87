"""HubSpot's webhooks: the version 3 signature, and what the events of a delivery ask for."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.collector.connectors.webhooks import (
    MalformedDelivery,
    SignatureRejected,
    WebhookEvent,
    WebhookPlan,
)
from services.collector.documents import UnreadableJson, read_json
from shared.facts import Identity, Retraction

__all__ = ["events", "plan", "signature", "verify"]

_SIGNATURE: Final = "x-hubspot-signature-v3"
_TIMESTAMP: Final = "x-hubspot-request-timestamp"
_TOLERANCE_MS: Final = timedelta(minutes=5) // timedelta(milliseconds=1)
_DIGITS: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_MOST_EVENTS: Final = 100

# HubSpot signs the address with exactly these codes decoded, whatever else is encoded in it.
_DECODED: Final = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_CODE: Final = re.compile("|".join(_DECODED), re.IGNORECASE)

_TYPE_IDS: Final = {"0-1": "contact", "0-3": "deal"}
_STREAMS: Final = {"contact": "contacts", "deal": "deals"}
_KINDS: Final = {"contact": ("lead.created", "person.identified"), "deal": ("deal.changed",)}
_DELETIONS: Final = frozenset({"deletion", "privacyDeletion"})
_RESTORED: Final = "restore"
_ASSOCIATED: Final = "associationChange"
# HubSpot need not count these as modifications of the object.
_UNCOUNTED: Final = frozenset({_RESTORED, _ASSOCIATED})


def signature(method: str, url: str, body: bytes, timestamp: str, secret: str) -> str:
    """Return the version 3 signature: base64 of HMAC-SHA256 over method, address, body and time."""
    decoded = _CODE.sub(lambda code: _DECODED[code[0].upper()], url)
    text = method.encode() + decoded.encode() + body + timestamp.encode()
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def verify(
    headers: Mapping[str, str],
    method: str,
    public_url: str,
    body: bytes,
    secret: str,
    now: datetime,
) -> None:
    """Check that HubSpot sent ``body`` just now, to ``public_url`` as HubSpot called it.

    ``headers`` have lower-case names; ``public_url`` is the configured public address with the
    path and query of the request, because a proxy hides what HubSpot called.

    Raises:
        SignatureRejected: a header is missing or malformed, the time is more than five minutes off
            in either direction, or the signature is another.
    """
    given, timestamp = headers.get(_SIGNATURE), headers.get(_TIMESTAMP)
    if given is None or timestamp is None or not _DIGITS.fullmatch(timestamp):
        raise SignatureRejected("malformed")
    expected = signature(method, public_url, body, timestamp, secret)
    # Compared as bytes: a signature that is not ASCII is wrong, not an error.
    if not hmac.compare_digest(expected.encode(), given.encode(errors="replace")):
        raise SignatureRejected("bad_signature")
    sent_ms, now_ms = int(timestamp), int(now.timestamp() * 1000)
    if abs(now_ms - sent_ms) > _TOLERANCE_MS:
        raise SignatureRejected("stale")


def events(body: bytes) -> list[WebhookEvent]:
    """Split a delivery into its events; events of objects that are not followed are left out.

    Raises:
        MalformedDelivery: the body is not a list of at most a hundred events.
    """
    try:
        delivered = read_json(body)
    except UnreadableJson:
        raise MalformedDelivery("not JSON") from None
    if not isinstance(delivered, list) or len(delivered) > _MOST_EVENTS:
        raise MalformedDelivery("expected a list of at most 100 events")
    found = [event for entry in delivered for event in _events_of(entry)]
    return list({event.dedupe_key: event for event in found}.values())


def plan(events: Sequence[WebhookEvent], source: str) -> WebhookPlan:
    """Return what events ask for: deletions withdraw facts, everything else names what to read.

    An event older than the object's state does no harm: the object is read as it is now, and a
    retraction carries the time of the deletion as its revision. The deals of a contact that is gone
    belong to the one it was merged into, or to another of theirs; of one that was restored, to it.
    """
    retractions = tuple(
        Retraction(
            Identity(source, kind, event.object_id), revision=_milliseconds(event.occurred_at)
        )
        for event in events
        if event.kind in _DELETIONS
        for kind in _KINDS[event.object_type]
    )
    reads: dict[str, dict[str, None]] = {}
    changed_at: dict[str, dict[str, int]] = {}
    for event in events:
        stream = _STREAMS[event.object_type]
        if event.kind not in _DELETIONS:
            reads.setdefault(stream, {})[event.object_id] = None
        if event.kind in _UNCOUNTED:
            changed = changed_at.setdefault(stream, {})
            at = _milliseconds(event.occurred_at)
            changed[event.object_id] = max(at, changed.get(event.object_id, at))
    gone = [
        f"{source}:{one.identity.external_id}"
        for one in retractions
        if one.identity.kind == "lead.created"
    ]
    back = [e.object_id for e in events if e.kind == _RESTORED and e.object_type == "contact"]
    return WebhookPlan(
        retractions,
        {stream: tuple(ids) for stream, ids in reads.items()},
        _of_deals(gone),
        _of_deals(back),
        changed_at,
    )


def _of_deals(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    return {"deals": tuple(dict.fromkeys(names))} if names else {}


def _events_of(entry: Any) -> list[WebhookEvent]:
    """Return the event of an entry; a merge is one event per object it touched."""
    if not isinstance(entry, dict):
        raise MalformedDelivery("expected objects")
    named, _, kind = str(entry.get("subscriptionType", "")).partition(".")
    # The newer subscriptions say "object" and give the type by its number.
    object_type = _TYPE_IDS.get(str(entry.get("objectTypeId"))) if named == "object" else named
    if not kind:
        raise MalformedDelivery("subscriptionType: expected a type and an event")
    if kind == _ASSOCIATED:
        return _association(entry)
    if object_type not in _STREAMS:
        return []
    if kind == "merge":
        return _merge(entry, object_type)
    return [_event(entry, kind, object_type, _number(entry, "objectId"))]


def _merge(entry: dict[str, Any], object_type: str) -> list[WebhookEvent]:
    # The merged objects are gone for good; what they became is read.
    merged = entry.get("mergedObjectIds")
    if not isinstance(merged, list) or not all(_is_id(object_id) for object_id in merged):
        raise MalformedDelivery("mergedObjectIds: expected ids")
    primary = _number(entry, "primaryObjectId")
    survivor = _number(entry, "newObjectId") if "newObjectId" in entry else primary
    gone = [object_id for object_id in (*merged, primary) if object_id != survivor]
    return [
        *(_event(entry, "deletion", object_type, object_id) for object_id in gone),
        _event(entry, "merge", object_type, survivor),
    ]


def _association(entry: dict[str, Any]) -> list[WebhookEvent]:
    # It names two objects, and none of them as the one that it is about: the deal has the contacts.
    sides = dict(zip(_associated_types(entry), ("fromObjectId", "toObjectId"), strict=True))
    if sides.keys() != {"deal", "contact"}:
        return []
    return [_event(entry, _ASSOCIATED, "deal", _number(entry, sides["deal"]))]


def _associated_types(entry: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the types of both sides: of the newer subscriptions by their numbers."""
    if "fromObjectTypeId" in entry:
        names = ("fromObjectTypeId", "toObjectTypeId")
        source, target = (_TYPE_IDS.get(str(entry.get(name))) for name in names)
        return source, target
    source, _, target = str(entry.get("associationType", "")).lower().partition("_to_")
    if not target:
        raise MalformedDelivery("associationType: expected two types")
    return source, target


def _event(entry: dict[str, Any], kind: str, object_type: str, object_id: int) -> WebhookEvent:
    occurred_ms = _number(entry, "occurredAt")
    names = ("portalId", "subscriptionId", "eventId")
    # HubSpot's eventId alone is not unique.
    parts = [str(_number(entry, name)) for name in names]
    try:
        occurred_at = datetime.fromtimestamp(occurred_ms // 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        raise MalformedDelivery("occurredAt: expected milliseconds") from None
    return WebhookEvent(
        dedupe_key=":".join([*parts, str(occurred_ms), str(object_id)]),
        kind=kind,
        object_type=object_type,
        object_id=str(object_id),
        occurred_at=occurred_at + timedelta(milliseconds=occurred_ms % 1000),
    )


def _milliseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _number(entry: dict[str, Any], name: str) -> int:
    value = entry.get(name)
    if not _is_id(value):
        raise MalformedDelivery(f"{name}: expected a whole number")
    assert isinstance(value, int)
    return value


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
