"""What a vendor's webhooks have in common: the seam between the inbox and the connectors.

The inbox calls, in this order: ``verify`` on the raw bytes before anything is stored, ``events`` to
split the delivery, ``plan`` to learn what it means. Deletions are facts by themselves; everything
else only names objects, which are read afterwards (:mod:`services.collector.hydration`),
because a notice carries too little to book and may be older than the object.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from services.collector.connectors.errors import Unreadable
from shared.facts import Retraction

__all__ = [
    "MalformedDelivery",
    "SignatureRejected",
    "WebhookEvent",
    "WebhookPlan",
    "Webhooks",
]


class SignatureRejected(Exception):
    """A delivery does not prove its origin; ``reason`` is the label of the deliveries metric."""

    def __init__(self, reason: Literal["bad_signature", "stale", "malformed"]) -> None:
        super().__init__(reason)
        self.reason: Literal["bad_signature", "stale", "malformed"] = reason


class MalformedDelivery(Unreadable):
    """A delivery of proven origin whose body is not what the vendor's contract says."""


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event of a delivery. ``dedupe_key`` is equal for repetitions of the same event."""

    dedupe_key: str
    kind: str
    object_type: str
    object_id: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookPlan:
    """What events ask for: facts withdrawn now, and per stream the objects to read.

    ``orphaning`` are, per stream, the leads withdrawn: its deals that name one of them are read
    too. The vendor has moved them to another lead, or to none, without a word about the deals.
    ``returning`` are, per stream, objects of another that were restored: what of the stream belongs
    to them is read, too. ``changed_at`` are, per stream, the objects among ``reads`` that changed
    without the vendor counting it as a change of theirs, and when.
    """

    retractions: tuple[Retraction, ...]
    reads: Mapping[str, tuple[str, ...]]
    orphaning: Mapping[str, tuple[str, ...]]
    returning: Mapping[str, tuple[str, ...]]
    changed_at: Mapping[str, Mapping[str, int]]


class _Verify(Protocol):
    def __call__(
        self,
        headers: Mapping[str, str],
        method: str,
        public_url: str,
        body: bytes,
        secret: str,
        now: datetime,
    ) -> None: ...


class _Plan(Protocol):
    def __call__(self, events: Sequence[WebhookEvent], source: str) -> WebhookPlan: ...


class _Events(Protocol):
    def __call__(self, body: bytes) -> list[WebhookEvent]: ...


@dataclass(frozen=True, slots=True)
class Webhooks:
    """A vendor's webhook rules.

    ``verify`` takes header names in lower case and raises :class:`SignatureRejected`; ``events``
    raises :class:`MalformedDelivery`; ``plan`` is given the connection's source.
    ``of_the_attempt`` are the fields of an event that differ between two attempts to deliver it.
    """

    verify: _Verify
    events: _Events
    plan: _Plan
    of_the_attempt: Collection[str] = ()
