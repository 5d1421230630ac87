"""What the comparison of all attribution models answers."""

from typing import Final, Literal

from pydantic import Field

from services.api.model import DecimalText, Output
from services.api.roi.moves import RoiMove
from services.api.roi.schemas import BreakEven, Common, Return
from shared.kpis.roi import RoiForm
from shared.kpis.vocabulary import AttributionModel, ConversionKind, GlobalModel
from shared.orgs import HalfLifeSource

__all__ = [
    "ChannelCredit",
    "GroupCredit",
    "ModelParameters",
    "ModelResult",
    "RoiComparison",
    "ShareSpread",
    "Spread",
]

_CONVERSIONS: Final = (
    "Credited conversions: each counts one, divided among its touches. Up to twelve digits, which"
    " add up exactly."
)


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
        description="Conversions credited to all channels: as `total`, the same under every model.",
        examples=["6"],
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


class RoiComparison(Common):
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
    break_even: list[BreakEven] = Field(
        description="Where each form would be zero: those that could have a return."
    )
    sign_depends_on_model: bool = Field(
        description="Whether, in any form, the choice of model decides between gain and loss.",
        examples=[True],
    )
    ranking_depends_on_model: bool = Field(
        description="Whether the order of the channels differs between models.", examples=[True]
    )
