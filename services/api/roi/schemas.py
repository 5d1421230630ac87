"""What the statement of a return answers; what it takes is in :mod:`services.api.roi.queries`."""

from datetime import date

from pydantic import Field

from services.api.answers import IsPartial, Trust
from services.api.kpis.schemas import UsedAssumption
from services.api.model import DecimalText, Output
from services.api.roi.moves import RoiMove
from services.api.roi.queries import BASIS
from services.api.roi.repository import Basis
from shared.facts.envelope import Channel
from shared.kpis.costs import CostBasis
from shared.kpis.emv import EmvMethod
from shared.kpis.roi import RoiForm
from shared.kpis.value import ValueClass, ValueKind
from shared.kpis.vocabulary import (
    AttributionModel,
    CostCategory,
    Grade,
)

__all__ = [
    "Asked",
    "BreakEven",
    "Common",
    "Cost",
    "CostPart",
    "CurvePoint",
    "Maturity",
    "Media",
    "Notice",
    "Overlap",
    "Payback",
    "Return",
    "RoiStatement",
    "ValuePart",
]


class Notice(Output):
    """Something a reader has to know before using the figures."""

    code: str = Field(description="Stable name.", examples=["no_close_in_period"])
    message: str = Field(
        description="The same in words.", examples=["No deal closed in the period."]
    )


class CostPart(Output):
    """The cost of one category."""

    category: CostCategory = Field(description="What it was spent on.", examples=["training"])
    amount: DecimalText = Field(description="Amount.", examples=["3600.00"])


class Cost(Output):
    """The cost of the period."""

    total: DecimalText | None = Field(
        description="All categories; null if no cost was ever booked.", examples=["22500.00"]
    )
    by_category: list[CostPart] = Field(description="Categories with a cost.")
    basis: CostBasis = Field(
        description="full: with working time; cash: only what was paid out.", examples=["full"]
    )
    amortize_months: int | None = Field(
        description="Months that one-off costs are spread over; null: expensed as booked.",
        examples=[None],
    )

    @property
    def can_be_returned(self) -> bool:
        """Tell whether it is a cost that value can be set against: there is one, above 0."""
        return self.total is not None and self.total > 0


class ValuePart(Output):
    """A line of value."""

    kind: ValueKind = Field(description="What it is made of.", examples=["margin"])
    amount: DecimalText | None = Field(
        description="Amount; null if an input is missing.", examples=["22800.00"]
    )
    value_class: ValueClass = Field(
        description="Money in the bank, or cost avoided.", examples=["cash"]
    )
    grade: Grade = Field(description="How well it is founded.", examples=["modelled"])
    formula: str = Field(description="Its formula.", examples=["revenue * gross_margin"])
    arithmetic: str = Field(description="The computation.", examples=["28500 * 0.8 = 22800"])
    null_reason: str | None = Field(
        description="Why there is no amount.", examples=["missing:gross_margin"]
    )


class Overlap(Output):
    """Two lines that hold the same money."""

    one: ValueKind = Field(description="A kind of value.", examples=["margin"])
    other: ValueKind = Field(description="Another one.", examples=["media_value"])
    reason: str = Field(
        description="Why they overlap.", examples=["margin comes from the same clicks"]
    )


class Return(Output):
    """(value - cost) / cost."""

    form: RoiForm = Field(description="Which value was counted.", examples=["margin"])
    percent: DecimalText | None = Field(
        description="The return in percent; null with a reason.", examples=["1.33"]
    )
    value: DecimalText | None = Field(description="The value counted.", examples=["22800.00"])
    arithmetic: str = Field(
        description="The computation.", examples=["(22800 - 22500) / 22500 ≈ 1.33 %"]
    )
    grade: Grade = Field(description="That of its weakest line.", examples=["modelled"])
    counted_twice: list[Overlap] = Field(description="Lines that hold the same money.")
    null_reason: str | None = Field(
        description="Why there is no return.", examples=["missing:gross_margin"]
    )


class Media(Output):
    """What the attention would have cost, by one published method."""

    method: EmvMethod = Field(description="The method.", examples=["cpc"])
    amount: DecimalText | None = Field(description="Media value.", examples=["3120.00"])
    arithmetic: str = Field(description="The computation.", examples=["624 * 5 = 3120"])
    roi_media: Return = Field(description="Its return, alone: never added to the others.")


class BreakEven(Output):
    """Where a form of ROI is no loss any more."""

    form: RoiForm = Field(description="The form.", examples=["margin"])
    revenue: DecimalText = Field(
        description="The least credited revenue that pays the cost, rounded up to the minor unit; 0"
        " if savings alone do.",
        examples=["28125.00"],
    )
    share_percent: DecimalText | None = Field(
        description="Its part of all revenue with credit in the period.", examples=["46.875"]
    )


class Maturity(Output):
    """How much of the period's business is decided."""

    opened: int | None = Field(
        description="Deals its touches led to; null if no deal was ever reported.", examples=[9]
    )
    closed: int | None = Field(
        description="Of these, won or lost; null where `opened` is.", examples=[7]
    )
    percent: DecimalText | None = Field(
        description="The decided part; null without deals.", examples=["77.78"]
    )


class CurvePoint(Output):
    """The state on a day on which value came in."""

    day: date = Field(description="Day of close.", examples=["2025-04-20"])
    age_days: int = Field(description="Days since the start of the period.", examples=[109])
    cumulative: DecimalText = Field(
        description="Margin up to and with this day.", examples=["22800.00"]
    )
    roi_percent: DecimalText | None = Field(
        description="Return on margin so far.", examples=["1.33"]
    )


class Payback(Output):
    """When margin first covered cost."""

    day: date = Field(description="The day.", examples=["2025-04-20"])
    age_days: int = Field(description="Days since the start of the period.", examples=[109])


class Asked(Output):
    """What was asked about."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    basis: Basis = Field(description=BASIS, examples=["cohort"])
    channel: Channel = Field(
        description="The channel whose credit is set against the cost.",
        examples=["employee_advocacy"],
    )
    currency: str = Field(description="Currency of every amount.", examples=["USD"])


class Common(Trust, Asked):
    """What the statement of one model and the comparison of all both say."""

    recruiting_to: date = Field(
        description="Referral hires count up to, and without, this day.", examples=["2025-07-01"]
    )
    hires: int | None = Field(
        description="Referral hires counted; null if hires are not reported at all.",
        examples=[2],
    )
    cost: Cost = Field(description="What the period cost, by category.")
    total_revenue: DecimalText | None = Field(
        description="Full amounts of the deals with any credit here; null without deals at all, and"
        " of other conversions.",
        examples=["60000.00"],
    )
    is_partial: IsPartial
    assumptions: list[UsedAssumption] = Field(description="The rates that applied.")
    notices: list[Notice] = Field(description="What to know before using the figures.")


class RoiStatement(Common):
    """The ROI of a period under one model."""

    model: AttributionModel = Field(description="Attribution model.", examples=["linear"])
    credited_revenue: DecimalText | None = Field(
        description="Revenue credited to the channel.", examples=["28500.00"]
    )
    moved: RoiMove | None = Field(
        description="How far it moved since its period was published; null if it is not."
    )
    credited_wins: DecimalText | None = Field(
        description="Won deals credited, in shares of a deal, to six digits.", examples=["3"]
    )
    value_lines: list[ValuePart] = Field(description="What the cash return counts.")
    headline: Return = Field(description="The return asked for by `form`.")
    roi_cash: Return = Field(description="Margin and recruiting savings against cost.")
    roi_on_revenue: Return = Field(description="Credited revenue against cost.")
    roi_on_margin: Return = Field(description="Margin of credited revenue against cost.")
    media: list[Media] = Field(description="Media value by each method, each with its return.")
    roi_blended: Return | None = Field(
        description="Cash plus media value, on request only: it counts the same clicks twice."
    )
    break_even: list[BreakEven] = Field(
        description="Where each form would be zero: those that could have a return."
    )
    maturity: Maturity = Field(
        description="How far its business is decided: how much may yet come."
    )
    payback: Payback | None = Field(
        description="When margin first covered cost; null: not yet, or not known, where the return"
        " on margin is null. A period without cost has paid back on its first day."
    )
    curve: list[CurvePoint] = Field(description="Margin as it came in, by day of close.")
