"""What the cohort endpoint takes and answers."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from services.api.answers import IsPartial, Trust
from services.api.kpis.schemas import UsedAssumption
from services.api.model import DecimalText, Output
from services.api.periods import KnownQuery
from services.api.roi.queries import ChargingQuery
from services.api.roi.schemas import Cost, Maturity, Notice, Payback
from shared.facts.envelope import Channel
from shared.kpis.vocabulary import AttributionModel

__all__ = ["AgeUnit", "CohortPoint", "CohortQuery", "CohortRoi", "Expected", "HistoryUsed"]


class AgeUnit(StrEnum):
    """The steps in which a cohort grows older."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class CohortQuery(ChargingQuery, KnownQuery):
    """The touches of a period, and their value at every age."""

    channel: Channel = Field(
        default="employee_advocacy",
        description="The channel whose credit is set against the cost.",
        examples=["employee_advocacy"],
    )
    model: AttributionModel = Field(
        default=AttributionModel.LINEAR, description="Attribution model.", examples=["linear"]
    )
    age_unit: AgeUnit = Field(
        default=AgeUnit.MONTH, description="Steps of the curve.", examples=["month"]
    )


class CohortPoint(Output):
    """The cohort at one age."""

    age: int = Field(description="Age in the unit asked for.", examples=[4])
    day: date = Field(description="The day of that age.", examples=["2025-05-01"])
    cumulative: DecimalText = Field(
        description="Margin of deals closed up to and with this day.", examples=["22800.00"]
    )
    roi_percent: DecimalText | None = Field(
        description="Return on the cohort's cost at that age; null without a cost.",
        examples=["1.33"],
    )


class HistoryUsed(Output):
    """The history the expectation rests on: every lead of the organization, by how it ended."""

    won: int = Field(description="Leads that became a won deal.", examples=[6])
    lost: int = Field(description="Leads whose deal was lost.", examples=[4])
    open: int = Field(description="Undecided ones: counted for as long as known.", examples=[20])
    wins: int = Field(description="Wins with a touch of the channel.", examples=[5])
    longest_win_days: int | None = Field(
        description="The longest time from a lead to its win so far, in days: no win is expected"
        " later than that. Null while none is won.",
        examples=[164],
    )


class ExpectedPayback(Output):
    """When value is expected to cover cost."""

    day: date | None = Field(
        description="The day on which the expected value covers it; null: never.",
        examples=["2025-06-12"],
    )
    earliest: date | None = Field(
        description="Lower end of the interval; null: never.", examples=["2025-05-20"]
    )
    latest: date | None = Field(
        description="Upper end of the interval; null: never.", examples=[None]
    )
    chance_percent: DecimalText = Field(
        description="How likely it is ever covered.", examples=["72.50"]
    )


class Expected(Output):
    """What the cohort will have brought when all of it is decided."""

    value: DecimalText | None = Field(
        description="Expected margin of all wins that come within the longest time to a win that"
        " history has seen (`longest_win_days`); null with a reason.",
        examples=["24950.00"],
    )
    low: DecimalText | None = Field(description="Lower end of its interval.", examples=["22800.00"])
    high: DecimalText | None = Field(
        description="Upper end of its interval.", examples=["31200.00"]
    )
    roi_percent: DecimalText | None = Field(
        description="Return at the expected value.", examples=["10.89"]
    )
    roi_low_percent: DecimalText | None = Field(
        description="Return at the lower end.", examples=["1.33"]
    )
    roi_high_percent: DecimalText | None = Field(
        description="Return at the upper end.", examples=["38.67"]
    )
    level_percent: DecimalText = Field(description="Level of the intervals.", examples=["80"])
    method: str = Field(
        description="How expectation and interval are made.", examples=["aalen_johansen_bootstrap"]
    )
    replicates: int = Field(description="Replicates of the bootstrap.", examples=[400])
    seed: int = Field(
        description="Its seed: the same history gives the same interval.", examples=[20250101]
    )
    open_leads: int = Field(
        description="Undecided leads that may still be credited to the cohort.", examples=[9]
    )
    further_wins: DecimalText | None = Field(
        description="How many of them are expected to be won.", examples=["1.8"]
    )
    history: HistoryUsed = Field(description="What the expectation rests on.")
    payback: ExpectedPayback | None = Field(
        description="Expected payback; null if value has covered the cost already, or nothing is"
        " expected."
    )
    null_reason: str | None = Field(
        description="Why nothing is expected: `too_few_outcomes`, `missing:gross_margin`, or"
        " `missing:revenue` (no deal was ever reported).",
        examples=["too_few_outcomes"],
    )


class CohortRoi(Trust):
    """The cost of a period against the value of its touches, by age and in the end."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    is_partial: IsPartial
    today: date = Field(
        description="The day it is: that of `as_of`, if given.", examples=["2025-05-01"]
    )
    channel: Channel = Field(description="The channel.", examples=["employee_advocacy"])
    model: AttributionModel = Field(description="Attribution model.", examples=["linear"])
    currency: str = Field(description="Currency of every amount.", examples=["USD"])
    cost: Cost = Field(description="What the period cost.")
    realized: DecimalText | None = Field(
        description="Margin so far; null while no margin is stated, or no deal was ever reported.",
        examples=["22800.00"],
    )
    age_unit: AgeUnit = Field(description="Steps of the curve.", examples=["month"])
    curve: list[CohortPoint] = Field(description="Every age the cohort has reached.")
    maturity: Maturity = Field(description="How far its business is decided.")
    payback: Payback | None = Field(
        description="When margin first covered cost; null: not yet, or not known, where `realized`"
        " or the cost is null. A period without cost has paid back on its first day."
    )
    expected: Expected = Field(description="The end of it, as far as history tells.")
    assumptions: list[UsedAssumption] = Field(
        description="The margin that priced it: that of the period's last day."
    )
    notices: list[Notice] = Field(description="What to know before using the figures.")
