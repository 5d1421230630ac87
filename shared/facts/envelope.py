"""The envelope of every fact: who says it, under which identity, when and where it happened."""

from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from typing import Any, ClassVar, Literal
from zoneinfo import ZoneInfo

import orjson
from pydantic import BaseModel, ConfigDict, Field

from shared import clock
from shared.facts.fields import EmployeeRef, Instant, Ref, Slug, SourceName, Text
from shared.text import composed

__all__ = [
    "WHERE_COLUMNS",
    "Channel",
    "Fact",
    "Identity",
    "Retraction",
    "composed_and_hashed",
    "content_hash",
    "identity_key",
]

Channel = Literal["employee_advocacy", "brand", "paid", "organic", "direct", "other"]

# Stored beside the payload so that the fold never parses a payload to know who and where.
WHERE_COLUMNS = ("employee", "account", "network", "campaign", "content", "channel")
_ENVELOPE = frozenset({"kind", "source", "external_id", "occurred_at", "revision", *WHERE_COLUMNS})


def identity_key(source: str, kind: str, external_id: str) -> bytes:
    """Return the 16-byte key of an identity inside one organization (BLAKE2b-128)."""
    if not external_id.isascii():
        external_id = composed(external_id)
    return blake2b(f"{source}\0{kind}\0{external_id}".encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two deliveries the same fact, beside the organization."""

    source: str
    kind: str
    external_id: str

    @property
    def key(self) -> bytes:
        """Return the 16-byte key under which the ledger remembers this identity."""
        return identity_key(self.source, self.kind, self.external_id)


@dataclass(frozen=True, slots=True)
class Retraction:
    """A deletion at the source: the fact is withdrawn and nothing takes its place.

    ``revision`` orders it against versions of the same fact, as on :class:`Fact`.
    """

    identity: Identity
    revision: int | None = None


class Fact(BaseModel):
    """One thing that happened, as a source tells it.

    The identity of a fact is (organization, ``source``, ``kind``, ``external_id``). Saying the same
    again changes nothing; saying something else under the same identity restates it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Name of the field that says what the fact is about (a post, a deal, …), if any.
    subject_field: ClassVar[str | None] = None
    #: Names of the fields particular to the kind, sorted: the order of the canonical payload.
    body_fields: ClassVar[tuple[str, ...]] = ()

    kind: str
    source: SourceName = Field(
        description="Who says so: a connection's name or a partner's own system name.",
        examples=["hubspot", "acme-intranet"],
    )
    external_id: Text = Field(
        description="The source's own id of this fact; unique per source and kind.",
        examples=["deal-9001"],
    )
    occurred_at: Instant = Field(
        description="When it happened (RFC 3339 with offset), not when it was sent.",
        examples=["2025-03-31T22:30:00Z"],
    )
    revision: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        lt=2**62,
        description=(
            "The source's version of this fact, such as its modification time in milliseconds. "
            "The highest revision wins whatever the order of arrival; without one, the last "
            "delivery wins. Send one with every version of a fact, its deletion too, or with none: "
            "what cannot be compared with the version before is refused."
        ),
        examples=[1743460200000],
    )
    employee: EmployeeRef | None = Field(
        default=None,
        description="Opaque reference of the employee concerned; never an e-mail address.",
        examples=["E007"],
    )
    account: Ref | None = Field(
        default=None, description="Brand account concerned.", examples=["golden-ratio"]
    )
    network: Slug | None = Field(default=None, description="Social network.", examples=["linkedin"])
    campaign: Ref | None = Field(default=None, description="Campaign.", examples=["launch-2025"])
    content: Ref | None = Field(
        default=None, description="Content item that was shared.", examples=["article-12"]
    )
    channel: Channel | None = Field(
        default=None,
        description="Channel credited with the contact.",
        examples=["employee_advocacy"],
    )

    @property
    def identity(self) -> Identity:
        """Return the identity under which the ledger remembers this fact."""
        return Identity(self.source, self.kind, self.external_id)

    @property
    def subject(self) -> str | None:
        """Return the reference this fact is about: the key of keyed operators."""
        if self.subject_field is None:
            return None
        value: str | None = getattr(self, self.subject_field)
        return value

    def day_in(self, zone: ZoneInfo) -> date:
        """Return the day the organization books this fact on.

        A fact that is itself a daily total keeps the day its source gave it: a total cannot be
        cut again at another midnight.
        """
        return clock.local_day(self.occurred_at, zone)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.body_fields = tuple(sorted(cls.model_fields.keys() - _ENVELOPE))

    def payload(self) -> bytes:
        """Return what is particular to this kind, without nulls, as canonical JSON.

        That is: everything but the envelope; sorted keys, decimals as strings.
        """
        values = self.__dict__
        body = {name: value for name in self.body_fields if (value := values[name]) is not None}
        return orjson.dumps(body, default=str)

    def entry_columns(self, zone: ZoneInfo) -> tuple[Any, ...]:
        """Return the columns of this fact's ledger entry, from ``occurred_at`` to ``payload``."""
        values = self.__dict__
        return (
            values["occurred_at"],
            self.day_in(zone),
            values["kind"],
            values["source"],
            values["external_id"],
            values["employee"],
            values["account"],
            values["network"],
            values["campaign"],
            values["content"],
            values["channel"],
            None if self.subject_field is None else values[self.subject_field],
            self.payload().decode(),
        )


def content_hash(columns: tuple[Any, ...]) -> bytes:
    """Return 16 bytes that differ when anything but the revision differs (BLAKE2b-128)."""
    return _hashed(orjson.dumps(columns))


def composed_and_hashed(columns: tuple[Any, ...]) -> tuple[tuple[Any, ...], bytes]:
    """Return columns as they are kept, names and payload composed (NFC), and their content hash."""
    written = orjson.dumps(columns)
    if not written.isascii():
        *named, payload = columns
        body = orjson.dumps(composed(orjson.loads(payload))).decode()
        columns = (*composed(named), body)
        written = orjson.dumps(columns)
    return columns, _hashed(written)


def _hashed(written: bytes) -> bytes:
    return blake2b(written, digest_size=16).digest()
