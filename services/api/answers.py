"""What every figure's answer says about itself: zone, completeness, sources."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from services.api.freshness import Freshness, SourceFreshness
from services.api.model import Output
from shared import clock
from shared.connections import ConnectionState
from shared.rollups.known import Knowledge

__all__ = [
    "IsPartial",
    "Source",
    "Trust",
    "TrustOfList",
    "is_partial",
    "known_fields",
    "sources_of",
    "trust_of",
]

_COMPLETE_UNTIL = (
    "Until when everything is known: the earliest last success of the active connections' streams, "
    "and, while the fold is behind, the time up to which it has come. Null if a stream has never "
    "been read."
)
IsPartial = Annotated[
    bool,
    Field(description="Whether the period reaches beyond `complete_until`.", examples=[False]),
]


class Source(Output):
    """How far the connections of one vendor that are in one state have been read."""

    provider: str = Field(description="The vendor.", examples=["linkedin"])
    state: ConnectionState = Field(description="Their state.", examples=["active"])
    connections: int = Field(
        description="How many connections of this vendor are in this state.", examples=[25]
    )
    never_read: int = Field(
        description="Of these, with a stream that has never been read.", examples=[0]
    )
    furthest_behind: str = Field(
        description="The one of them that is furthest behind, by its name in facts; by its vendor"
        " if it is an employee's own.",
        examples=["linkedin-e007"],
    )
    complete_until: datetime | None = Field(
        description="The earliest last success of all their streams; null if one has never been"
        " read.",
        examples=["2025-04-30T06:00:00Z"],
    )
    newest_at: datetime | None = Field(
        description="The newest event that any of them has told of, in an answer about the past by"
        " then; null if none has told any, or they are the connections of too few people. A source"
        " that was read just now may have had nothing to tell for weeks.",
        examples=["2025-04-29T14:12:00Z"],
    )


class Known(Output):
    """What was known of a figure, and until when."""

    time_zone: str = Field(
        description="The zone that cuts the organization's days.", examples=["Europe/Warsaw"]
    )
    complete_until: datetime | None = Field(
        description=_COMPLETE_UNTIL, examples=["2025-04-30T06:00:00Z"]
    )
    as_of: date | None = Field(
        description="The day at whose end this was known; null for the present, and for figures "
        "of a published period.",
        examples=["2025-04-30"],
    )
    known_position: int = Field(
        description="The last ledger entry that counts: everything up to it is in the figures.",
        examples=[1842],
    )
    is_final: bool = Field(
        description="Whether nothing that is recorded from now on changes the answer: `as_of` is "
        "over, or the period is frozen. Another attribution window or half-life, which takes a "
        "rebuild, still credits a past day otherwise, never a frozen period. The present is never "
        "final.",
        examples=[True],
    )
    frozen: bool = Field(
        description="Whether the figures are those published for a period, whatever came later.",
        examples=[False],
    )
    publication_id: UUID | None = Field(
        description="The publication the figures were frozen by.",
        examples=["0197c1a4-3f5e-7000-8000-000000000001"],
    )


class Trust(Known):
    """What a reader needs to know before believing a figure."""

    sources: list[Source] = Field(
        description="How far the connections have been read, one entry for each vendor and state,"
        " however many they are. Connections made after the moment looked back to are not in it."
    )


class TrustOfList(Known):
    """What a reader of a list needs to know before believing it, as it was at its first page."""

    sources: list[Source] | None = Field(
        description="How far the connections had been read, one entry for each vendor and state."
        " Told by the first page; null on further ones, which are as of the moment of the first."
    )


def trust_of(freshness: Freshness, zone: ZoneInfo) -> Trust:
    """Return the freshness as an answer shows it."""
    known, until = freshness.known, freshness.complete_until
    return Trust(
        **known_fields(known, freshness.folded_position, until, zone),
        sources=sources_of(freshness.sources),
    )


def known_fields(
    known: Knowledge | None, position: int, complete_until: datetime | None, zone: ZoneInfo
) -> dict[str, Any]:
    """Return the fields of :class:`Known`; ``position`` is that of the last entry that counts."""
    publication = known.publication if known else None
    is_of_a_day = known is not None and publication is None and not known.is_present
    return {
        "time_zone": zone.key,
        "complete_until": complete_until,
        "as_of": known.day if known and is_of_a_day else None,
        "known_position": position,
        "is_final": known is not None and known.is_final,
        "frozen": publication is not None,
        "publication_id": publication,
    }


def sources_of(sources: Iterable[SourceFreshness]) -> list[Source]:
    """Return sources as an answer shows them."""
    return [Source.model_validate(source) for source in sources]


def is_partial(end: date, complete_until: datetime | None, zone: ZoneInfo) -> bool:
    """Tell whether the days up to ``end`` (exclusive) may still gain facts that exist already."""
    return complete_until is None or clock.local_day(complete_until, zone) < end
