"""What the explanation of an ROI answers."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.api.answers import IsPartial, TrustOfList
from services.api.facts.lines import FactLine
from services.api.model import DecimalText, Output
from services.api.roi.schemas import Asked
from shared.kpis.vocabulary import AttributionModel, ConversionKind

__all__ = ["CreditedTouch", "FactRef", "RoiExplanation"]


class FactRef(Output):
    """A fact in the ledger."""

    source: str = Field(description="Who said so.", examples=["hubspot"])
    external_id: str | None = Field(
        description="The source's id of it; null for an employee's touch, and for an application or"
        " a hire that an employee referred, unless the key has the scope people:read.",
        examples=["deal-9001"],
    )
    position: int = Field(description="Its position in the ledger.", examples=[812])


class CreditedTouch(Output):
    """The credit of one conversion to one touch."""

    conversion: str = Field(description="The lead, the deal or the application.", examples=["9001"])
    conversion_fact: FactRef = Field(
        description="The fact that tells it; of a deal, the one that tells its present state."
    )
    touch_fact: FactRef = Field(description="The fact that tells the touch.")
    touch_day: date = Field(description="Day of the touch.", examples=["2025-01-20"])
    converted_day: date = Field(
        description="Day of the conversion; of a deal, that of its close.", examples=["2025-04-10"]
    )
    share: DecimalText = Field(
        description="Part of the conversion, up to twelve digits.", examples=["0.333333333333"]
    )
    amount: DecimalText | None = Field(
        description="Credited amount; null where the conversion is worth no money by itself.",
        examples=["4000.00"],
    )
    channel: str = Field(description="Channel.", examples=["employee_advocacy"])
    employee: str | None = Field(
        description="Employee reference; null unless the key has the scope people:read.",
        examples=["E007"],
    )
    network: str | None = Field(description="Network.", examples=["linkedin"])
    campaign: str | None = Field(description="Campaign.", examples=["launch-2025"])
    content: str | None = Field(description="Content item.", examples=["article-12"])


class RoiExplanation(TrustOfList, Asked):
    """The credits that add up to what a channel is credited with, and the facts behind the cost.

    Follow ``next_cursor`` until it is null: each list ends when it is empty.
    """

    is_partial: IsPartial
    model: AttributionModel = Field(description="Attribution model.", examples=["linear"])
    conversion: ConversionKind = Field(description="What the touches led to.", examples=["deal"])
    credited_revenue: DecimalText | None = Field(
        description="What the credits of all pages add up to; null without deals at all, and where"
        " conversions are worth no money by themselves.",
        examples=["28500.00"],
    )
    credited_conversions: DecimalText | None = Field(
        description="What the shares of all pages add up to; null where no such conversion was ever"
        " reported.",
        examples=["3"],
    )
    cost: DecimalText | None = Field(
        description="What the cost lines of all pages add up to.", examples=["22500.00"]
    )
    credits: list[CreditedTouch] = Field(description="Conversion by conversion, touch by touch.")
    costs: list[FactLine] = Field(description="Cost facts, day by day.")
    next_cursor: Annotated[
        str | None, Field(description="For the next page; null on the last one.", examples=[None])
    ]
