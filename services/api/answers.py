"""What every figure's answer says about itself: zone, completeness, sources."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import Field

from services.api.freshness import Freshness
from services.api.model import Output
from shared import clock

__all__ = ["Source", "Trust", "is_partial", "trust_of"]

_COMPLETE_UNTIL = (
    "Until when everything is known: the earliest last success of the active connections' streams, "
    "and, while the fold is behind, the time up to which it has come. Null if a stream has never "
    "been read."
)


class Source(Output):
    """How far one connection has been read."""

    source: str = Field(description="The connection's name in facts.", examples=["hubspot"])
    provider: str = Field(description="The vendor.", examples=["hubspot"])
    state: str = Field(
        description="active, degraded, reauth_required or paused.", examples=["active"]
    )
    complete_until: datetime | None = Field(
        description="The earliest last success of its streams; null if one never succeeded.",
        examples=["2025-04-30T06:00:00Z"],
    )


class Trust(Output):
    """What a reader needs to know before believing a figure."""

    time_zone: str = Field(
        description="The zone that cuts the organization's days.", examples=["Europe/Warsaw"]
    )
    complete_until: datetime | None = Field(
        description=_COMPLETE_UNTIL, examples=["2025-04-30T06:00:00Z"]
    )
    sources: list[Source] = Field(description="How far each connection has been read.")


def trust_of(freshness: Freshness, zone: ZoneInfo) -> Trust:
    """Return the freshness as an answer shows it."""
    return Trust(
        time_zone=zone.key,
        complete_until=freshness.complete_until,
        sources=[Source.model_validate(source) for source in freshness.sources],
    )


def is_partial(end: date, freshness: Freshness, zone: ZoneInfo) -> bool:
    """Tell whether the days up to ``end`` (exclusive) may still gain facts that exist already."""
    until = freshness.complete_until
    return until is None or clock.local_day(until, zone) < end
