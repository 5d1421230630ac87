"""What the ROI endpoints take."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from services.api.model import Cursor, Limit
from services.api.periods import KnownQuery, LocalDay
from services.api.roi.repository import Basis
from shared.attribution.markov import MOST_ORDER
from shared.facts.envelope import Channel
from shared.kpis.costs import CostBasis
from shared.kpis.emv import EmvMethod
from shared.kpis.recruiting import RecruitingMethod
from shared.kpis.vocabulary import AttributionModel, ConversionKind, Dimension

__all__ = [
    "BASIS",
    "ChargingQuery",
    "ComparisonQuery",
    "CostQuery",
    "ExplainQuery",
    "Form",
    "GroupBy",
    "MarkovQuery",
    "ModelsQuery",
    "StatementQuery",
    "ValueQuery",
]

BASIS: Final = (
    "cohort: the value of the touches made in the period, whenever their deals closed; "
    "period: the value of the deals closed in it. Costs are those of the period either way."
)
_CONVERSION: Final = (
    "What the touches led to: won deals, which are worth money, or leads, applications or hires,"
    " which are counted; there, what is said of deals holds for these."
)
_RECRUITING_TO: Final = (
    "Referral hires count from `from` up to, and without, this day. Default: the day after today "
    "for the cohort basis, because hires come late, and `to` for the period basis."
)
_RECRUITING_METHOD: Final = (
    "R1: a flat sum per hire, an upper bound; R2: what a referral hire costs less; R3: what the"
    " shorter vacancy saves, from first contact to acceptance; R2+R3: both, they do not overlap."
    " R1 replaces both."
)
_HALF_LIFE: Final = (
    "Half-life of the model `time_decay`, in days, or `measured`: half the median time from lead to"
    " won deal among the deals won before `to`, at least one day. Default: what the stored credit"
    " is computed with."
)
_WINDOW: Final = (
    "Look-back window in whole days, both ends included. Default: what the stored credit is"
    " computed with."
)
_ORDER: Final = "How many channels back the model `markov` remembers."

HalfLife = Annotated[
    Decimal,
    Field(ge=1, le=3650, decimal_places=2),
    # In an address a number loses no digits; pydantic would promise that any text is taken.
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": 3650}),
]
Window = Annotated[int, Field(ge=0, le=3650)]
Order = Annotated[int, Field(ge=1, le=MOST_ORDER)]
Conversion = Annotated[ConversionKind, Field(description=_CONVERSION, examples=["lead"])]
GroupBy = Literal[
    Dimension.EMPLOYEE,
    Dimension.TEAM,
    Dimension.NETWORK,
    Dimension.CAMPAIGN,
    Dimension.CONTENT,
    Dimension.CHANNEL,
]


class Form(StrEnum):
    """The return that a caller wants as the single figure."""

    REVENUE = "revenue"
    MARGIN = "margin"
    CASH = "cash"
    MEDIA = "media"
    BLENDED = "blended"


class ChargingQuery(BaseModel):
    """How costs are charged to the period."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    cost_basis: CostBasis = Field(
        default=CostBasis.FULL,
        description="full: with working time; cash: only what was paid out.",
        examples=["full"],
    )
    amortize_months: int | None = Field(
        default=None,
        ge=1,
        le=120,
        description="Spread one-off costs straight over so many months from their first day."
        " Without it they are expensed over the days they were booked on.",
        examples=[12],
    )


class CostQuery(ChargingQuery, KnownQuery):
    """The costs of a period, line by line."""

    cursor: Cursor = None
    limit: Limit = 50


class ValueQuery(ChargingQuery, KnownQuery):
    """The value of a channel against the cost."""

    basis: Basis = Field(default=Basis.COHORT, description=BASIS, examples=["cohort"])
    channel: Channel = Field(
        default="employee_advocacy",
        description="The channel whose credit is set against the cost. Referral hires and media"
        " value are those of `employee_advocacy`: of another channel there are none.",
        examples=["employee_advocacy"],
    )
    recruiting_to: LocalDay | None = Field(
        default=None, description=_RECRUITING_TO, examples=["2025-07-01"]
    )


class ModelsQuery(ValueQuery):
    """The same under attribution models, with the recruiting savings of one method."""

    recruiting_method: RecruitingMethod = Field(
        default=RecruitingMethod.COST_PER_HIRE,
        description=_RECRUITING_METHOD,
        examples=["R2"],
    )


class ComparisonQuery(ModelsQuery):
    """All models side by side, with their parameters."""

    conversion: Conversion = ConversionKind.DEAL
    half_life_days: Literal["measured"] | HalfLife | None = Field(
        default=None, description=_HALF_LIFE, examples=[30]
    )
    window_days: Window | None = Field(default=None, description=_WINDOW, examples=[60])
    order: Order = Field(default=1, description=_ORDER, examples=[1])
    group_by: GroupBy | None = Field(
        default=None,
        description="Also divide each model's credit by this. Totals never depend on it.",
        examples=["team"],
    )


class MarkovQuery(KnownQuery):
    """The removal effects behind the model `markov`."""

    conversion: Conversion = ConversionKind.DEAL
    basis: Basis = Field(default=Basis.COHORT, description=BASIS, examples=["cohort"])
    window_days: Window | None = Field(default=None, description=_WINDOW, examples=[60])
    order: Order = Field(default=1, description=_ORDER, examples=[1])


class StatementQuery(ModelsQuery):
    """The statement of one model."""

    model: AttributionModel = Field(
        default=AttributionModel.LINEAR, description="Attribution model.", examples=["linear"]
    )
    form: Form = Field(
        default=Form.CASH, description="Which return is the headline.", examples=["cash"]
    )
    emv_method: EmvMethod = Field(
        default=EmvMethod.CPC,
        description="The media value of a headline `media`, and in the blended return.",
        examples=["cpc"],
    )
    include_blended: bool = Field(
        default=False,
        description="Also add media value to cash, although both count the same clicks.",
        examples=[False],
    )


class ExplainQuery(KnownQuery):
    """Where credit and cost come from."""

    conversion: Conversion = ConversionKind.DEAL
    basis: Basis = Field(default=Basis.COHORT, description=BASIS, examples=["cohort"])
    model: AttributionModel = Field(
        default=AttributionModel.LINEAR, description="Attribution model.", examples=["linear"]
    )
    channel: Channel = Field(
        default="employee_advocacy",
        description="The channel whose credit is explained.",
        examples=["employee_advocacy"],
    )
    cursor: Cursor = None
    limit: Limit = 50
