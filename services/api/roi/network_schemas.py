"""What the internal network's statement takes and answers."""

from datetime import date, timedelta

from pydantic import Field

from services.api.answers import Trust
from services.api.kpis.schemas import UsedAssumption
from services.api.model import DecimalText
from services.api.periods import Known, LocalDay
from services.api.roi.schemas import Return, ValuePart
from shared.kpis.esn import EsnLine
from shared.kpis.periods import Period
from shared.kpis.value import Overlaps

__all__ = ["NetworkQuery", "NetworkStatement"]


class NetworkQuery(Known):
    """A year of the internal network."""

    on: LocalDay = Field(
        description="The day whose rates count; amounts are those of a year.",
        examples=["2025-01-01"],
    )
    lines: list[EsnLine] | None = Field(
        default=None,
        description="The savings to count; repeat the parameter. Default: leavers avoided and time"
        " saved, and ideas where `esn.ideas_value` is stated. Mail avoided holds saved time.",
        min_length=1,
        max_length=len(EsnLine),
        examples=[["leavers_avoided", "time_saved"]],
    )
    accept_overlaps: bool = Field(
        default=False,
        description="Add lines although they hold the same time, and have it flagged.",
        examples=[False],
    )

    @property
    def period(self) -> Period:
        """Return the day as a period: it is published with the period that it lies in."""
        return Period(self.on, self.on + timedelta(days=1))

    @property
    def overlaps(self) -> Overlaps:
        """Return whether overlapping lines are added."""
        return Overlaps.ACCEPTED if self.accept_overlaps else Overlaps.REFUSED


class NetworkStatement(Trust):
    """What an internal network saves in a year. Nothing in it is measured by itself."""

    on: date = Field(description="The day whose rates count.", examples=["2025-01-01"])
    currency: str = Field(description="Currency of every amount.", examples=["USD"])
    lines: list[ValuePart] = Field(description="The savings counted, each with its evidence.")
    cost: DecimalText | None = Field(
        description="Licenses, time and moderation of the year; null while not stated.",
        examples=["3600"],
    )
    roi: Return = Field(description="(saving - cost) / cost.")
    claims: list[ValuePart] = Field(
        description="Claim, unverified: what others publish. Shown for context, never counted.",
    )
    assumptions: list[UsedAssumption] = Field(description="The rates in force on the day.")
