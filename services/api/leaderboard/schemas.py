"""What the leaderboard takes and answers."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from services.api.answers import IsPartial, Trust
from services.api.model import DecimalText, Limit, Name, Output
from services.api.periods import KnownQuery
from shared.kpis.vocabulary import AttributionModel, Unit

__all__ = ["Leaderboard", "LeaderboardQuery", "Place", "RankedBy"]


class RankedBy(StrEnum):
    """What people are ranked by."""

    SHARES = "shares"
    ENGAGEMENTS = "engagements"
    IMPRESSIONS = "impressions"
    CLICKS = "clicks"
    REVENUE = "revenue"


class LeaderboardQuery(KnownQuery):
    """Who is ranked, and by what."""

    by: RankedBy = Field(
        default=RankedBy.SHARES, description="What people are ranked by.", examples=["shares"]
    )
    model: AttributionModel = Field(
        default=AttributionModel.LINEAR,
        description="Attribution model, when ranked by revenue.",
        examples=["linear"],
    )
    team: list[Name] = Field(
        default=[],
        description="Only people of these teams, on the day of what counts.",
        max_length=100,
        examples=[["sales"]],
    )
    limit: Limit = 10


class Place(Output):
    """One person's place."""

    rank: int = Field(description="Equal values share a rank.", examples=[1])
    employee: str = Field(description="Opaque employee reference.", examples=["E007"])
    name: str | None = Field(
        description="Display name; null if none is known.",
        examples=["Maria Curie"],
    )
    value: DecimalText = Field(description="What `by` counts, in `unit`.", examples=["52"])


class Leaderboard(Trust):
    """People by what they did."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    is_partial: IsPartial
    by: RankedBy = Field(description="The figure they are ranked by.", examples=["shares"])
    kpi: str = Field(description="The KPI behind it: ask its explanation.", examples=["shares"])
    unit: Unit = Field(description="Unit of the values.", examples=["posts"])
    currency: str | None = Field(
        description="Currency of the values, if they are money.", examples=["USD"]
    )
    people: int = Field(description="How many people have a place.", examples=[24])
    places: list[Place] = Field(description="The first ones, best first.")
