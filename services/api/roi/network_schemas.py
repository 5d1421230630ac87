"""What the internal network's statement takes and answers."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from services.api.kpis.schemas import UsedAssumption
from services.api.model import DecimalText, Output
from services.api.periods import LocalDay
from services.api.roi.schemas import Return, ValuePart
from shared.kpis.esn import DEFAULT_LINES, EsnLine
from shared.kpis.value import Overlaps

__all__ = ["NetworkQuery", "NetworkStatement"]


class NetworkQuery(BaseModel):
    """A year of the internal network."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    on: LocalDay = Field(
        description="The day whose rates count; amounts are those of a year.",
        examples=["2025-01-01"],
    )
    lines: list[EsnLine] = Field(
        default=list(DEFAULT_LINES),
        description="The savings to count; repeat the parameter.",
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
    def overlaps(self) -> Overlaps:
        """Return whether overlapping lines are added."""
        return Overlaps.ACCEPTED if self.accept_overlaps else Overlaps.REFUSED


class NetworkStatement(Output):
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
