"""What the organization endpoints answer."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.api.answers import Trust
from services.api.freshness import MOST_AGES, MOST_SOURCES
from services.api.model import Input, Output
from shared.kpis.privacy import FLOOR, WORKS_COUNCIL
from shared.orgs import HalfLifeSource

__all__ = ["ConnectionStates", "DataHealth", "FactAge", "Organization", "Privacy"]


class Organization(Output):
    """The organization a key belongs to."""

    id: UUID = Field(description="Its id.", examples=["0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"])
    name: str = Field(description="Its name.", examples=["Golden Ratio"])
    time_zone: str = Field(description="The zone that cuts its days.", examples=["Europe/Warsaw"])
    currency: str = Field(description="What its amounts are in.", examples=["USD"])
    attribution_window_days: int = Field(
        description="How far before a close a touch still counts, both ends included.",
        examples=[90],
    )
    attribution_half_life_days: int = Field(
        description="Half-life of the time-decay model, as stored credit is computed with it.",
        examples=[7],
    )
    attribution_half_life_source: HalfLifeSource = Field(
        description="Who chose it. `stated`: the organization; `measured`: nobody, it is half the"
        " median time from lead to won deal; `default`: nobody, and too few deals are won yet.",
        examples=["measured"],
    )
    attribution_half_life_deals: int | None = Field(
        description="The won deals it was measured from, if it was.", examples=[42]
    )
    smallest_group: int = Field(
        description="The fewest people a figure of a team is shown for.", examples=[5]
    )


class Privacy(Input):
    """How small a group of people may be to be shown."""

    smallest_group: int = Field(
        strict=True,
        ge=FLOOR,
        le=1000,
        description="The fewest people a figure of a team is shown for. 5 is the floor; 10 is what"
        " is usually agreed with a works council.",
        examples=[WORKS_COUNCIL],
    )


class ConnectionStates(Output):
    """How many connections are in which state."""

    active: int = Field(description="Working.", examples=[3])
    degraded: int = Field(description="Failing, and tried again.", examples=[0])
    reauth_required: int = Field(description="A person has to grant access again.", examples=[0])
    paused: int = Field(description="Paused by a person.", examples=[0])


class FactAge(Output):
    """How old the newest fact of a source is."""

    source: str = Field(description="The source, by its name in facts.", examples=["hubspot"])
    newest_at: datetime = Field(
        description="When the newest event it told of happened; an event that is told ahead of its"
        " time counts as of then.",
        examples=["2025-04-29T14:12:00Z"],
    )
    age_seconds: int = Field(description="How long ago that is.", examples=[57_060])


class DataHealth(Trust):
    """Whether the figures are up to date, and if not, what keeps them."""

    ledger_position: int = Field(description="Position of the newest fact.", examples=[8123])
    folded_position: int = Field(
        description="Position up to which figures hold the facts.", examples=[8123]
    )
    unfolded: int = Field(description="Facts the figures do not hold yet.", examples=[0])
    folded_at: datetime = Field(
        description="When the figures last moved.", examples=["2025-04-30T06:00:01Z"]
    )
    quarantined: int = Field(description="Deliveries nobody could read.", examples=[0])
    waiting: int = Field(description="Deliveries waiting to be read.", examples=[0])
    connections: ConnectionStates = Field(description="Connections by state.")
    ages: list[FactAge] = Field(
        description="How old the newest fact of each source is, connected or not: the oldest first,"
        f" {MOST_AGES} at most. Connections of one employee need the scope people:read."
    )
    fact_sources: int = Field(
        description=f"How many such sources there are. {MOST_SOURCES:,} at most are looked at, the"
        " first by name.",
        examples=[3],
    )
