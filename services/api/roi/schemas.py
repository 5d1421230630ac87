"""What the ROI endpoints answer; what they take is in :mod:`services.api.roi.queries`."""

from datetime import date
from typing import Final, Literal

from pydantic import Field

from services.api.answers import Trust
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
    ConversionKind,
    CostCategory,
    GlobalModel,
    Grade,
)
from shared.orgs import HalfLifeSource

__all__ = [
    "Asked",
    "BreakEven",
    "ChannelCredit",
    "Cost",
    "CostPart",
    "CurvePoint",
    "GroupCredit",
    "Maturity",
    "Media",
    "ModelParameters",
    "ModelResult",
    "Notice",
    "Overlap",
    "Payback",
    "Return",
    "RoiComparison",
    "RoiStatement",
    "ShareSpread",
    "Spread",
    "ValuePart",
]

_CONVERSIONS: Final = (
    "Credited conversions: each counts one, divided among its touches. Up to twelve digits, which"
    " add up exactly."
)


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
    """Where a form of ROI is zero."""

    form: RoiForm = Field(description="The form.", examples=["margin"])
    revenue: DecimalText = Field(
        description="The credited revenue that pays the cost exactly.", examples=["28125.00"]
    )
    share_percent: DecimalText | None = Field(
        description="Its part of all revenue with credit in the period.", examples=["46.875"]
    )


class Maturity(Output):
    """How much of the period's business is decided."""

    opened: int | None = Field(
        description="Deals its touches led to; null if no deal was ever reported.", examples=[9]
    )
    closed: int | None = Field(description="Of these, won or lost; likewise.", examples=[7])
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


class _Common(Trust, Asked):
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
    is_partial: bool = Field(
        description="Whether the period reaches beyond `complete_until`.", examples=[False]
    )
    assumptions: list[UsedAssumption] = Field(description="The rates that applied.")
    notices: list[Notice] = Field(description="What to know before using the figures.")


class RoiStatement(_Common):
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
    break_even: list[BreakEven] = Field(description="Where each form would be zero.")
    maturity: Maturity = Field(
        description="How far its business is decided: how much may yet come."
    )
    payback: Payback | None = Field(description="When margin first covered cost; null: not yet.")
    curve: list[CurvePoint] = Field(description="Margin as it came in, by day of close.")


class ChannelCredit(Output):
    """What one model credits to one channel."""

    channel: str = Field(description="The channel.", examples=["employee_advocacy"])
    amount: DecimalText | None = Field(
        description="Credited revenue; null where conversions are worth no money.",
        examples=["28500.00"],
    )
    conversions: DecimalText = Field(description=_CONVERSIONS, examples=["3"])
    rank: int = Field(
        description="1 for the channel with the most credit: money, or else conversions.",
        examples=[1],
    )


class GroupCredit(Output):
    """What one model credits to one group."""

    group: str | None = Field(
        description="The group; null for touches that have none.", examples=["Sales"]
    )
    amount: DecimalText | None = Field(
        description="Credited revenue; null if it is suppressed, and where conversions are worth no"
        " money.",
        examples=["28500.00"],
    )
    conversions: DecimalText | None = Field(
        description="Credited conversions; null if they are suppressed.", examples=["3"]
    )
    suppressed: bool = Field(
        description="Whether the credit is not shown, because the team holds too few people.",
        examples=[False],
    )
    merged: list[str] = Field(
        description="The small teams whose amount this is, if it is theirs together.",
        examples=[["it", "management"]],
    )


class ModelParameters(Output):
    """What a model was computed with; null where it has no such parameter."""

    half_life_days: DecimalText | None = Field(
        description="Days after which a touch weighs half.", examples=["7"]
    )
    half_life_source: HalfLifeSource | Literal["asked"] | None = Field(
        description="Who chose the half-life. `asked`: this question; `stated`: the organization;"
        " `measured`: nobody, it is half the median time from lead to won deal; `default`: nobody,"
        " and too few deals are won to measure it.",
        examples=["measured"],
    )
    half_life_deals: int | None = Field(
        description="The won deals a measured half-life was measured from.", examples=[42]
    )
    order: int | None = Field(
        description="How many channels back the chain remembers.", examples=[1]
    )
    game: Literal["sum"] | None = Field(
        description="What a set of channels is worth in the Shapley value. `sum`: the revenue of "
        "the journeys that used no others.",
        examples=["sum"],
    )


class ModelResult(Output):
    """What one model says."""

    model: AttributionModel | GlobalModel = Field(description="The model.", examples=["linear"])
    parameters: ModelParameters = Field(description="What it was computed with.")
    total: DecimalText | None = Field(
        description="Credit of all channels; the same under every model if every touch of the "
        "deals lies in the period. Null where conversions are worth no money.",
        examples=["60000.00"],
    )
    total_conversions: DecimalText = Field(
        description="Conversions credited to all channels, likewise.", examples=["6"]
    )
    channels: list[ChannelCredit] = Field(description="Every channel, the largest first.")
    groups: list[GroupCredit] | None = Field(
        description="The same credit by `group_by`, all channels together, adding up to `total`; "
        "null unless asked for."
    )
    credited_revenue: DecimalText | None = Field(
        description="Credit of the asked channel; null where conversions are worth no money.",
        examples=["28500.00"],
    )
    credited_conversions: DecimalText = Field(
        description="Conversions credited to the asked channel.", examples=["3"]
    )
    moved: RoiMove | None = Field(
        description="How far that moved since the period was published; null if it is not."
    )
    share_percent: DecimalText | None = Field(
        description="Its part of all revenue; of all conversions, where these are worth no money.",
        examples=["47.50"],
    )
    roi_on_revenue: Return = Field(description="Credited revenue against cost.")
    roi_on_margin: Return = Field(description="Margin of credited revenue against cost.")
    roi_cash: Return = Field(description="Margin and recruiting savings against cost.")


class Spread(Output):
    """How far apart the models are."""

    form: RoiForm = Field(description="The form of return.", examples=["margin"])
    lowest: DecimalText = Field(description="The lowest return, percent.", examples=["1.33"])
    highest: DecimalText = Field(description="The highest return, percent.", examples=["31.56"])
    points: DecimalText = Field(description="The distance, percentage points.", examples=["30.22"])
    sign_depends_on_model: bool = Field(
        description="Whether one model shows a loss where another does not.", examples=[False]
    )


class ShareSpread(Output):
    """How far apart the models are in what they credit to the asked channel."""

    lowest: DecimalText = Field(description="The smallest part, percent.", examples=["41.67"])
    highest: DecimalText = Field(description="The largest part, percent.", examples=["61.67"])
    points: DecimalText = Field(description="The distance, percentage points.", examples=["20.00"])


class RoiComparison(_Common):
    """All attribution models side by side.

    Leads, applications and hires are worth no money by themselves: their credit is counted, and
    there is no return, no break-even, and no sign for the model to decide.
    """

    conversion: ConversionKind = Field(description="What the touches led to.", examples=["deal"])
    total_conversions: int | None = Field(
        description="Conversions with any credit here; null where none was ever reported.",
        examples=[6],
    )
    window_days: int = Field(
        description="Look-back window of the paths, whole days, both ends included.", examples=[90]
    )
    models: list[ModelResult] = Field(
        description="One per model; empty where no such conversion was ever reported."
    )
    spread: list[Spread] = Field(description="By form of return.")
    share_spread: ShareSpread | None = Field(
        description="Of `share_percent`; null where nothing is credited."
    )
    break_even: list[BreakEven] = Field(description="Where each form would be zero.")
    sign_depends_on_model: bool = Field(
        description="Whether, in any form, the choice of model decides between gain and loss.",
        examples=[True],
    )
    ranking_depends_on_model: bool = Field(
        description="Whether the order of the channels differs between models.", examples=[True]
    )
