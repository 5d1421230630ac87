"""What the endpoint that adds lines of value takes and answers."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from services.api.answers import IsPartial, Trust
from services.api.kpis.schemas import UsedAssumption
from services.api.roi.queries import BASIS, ValueQuery
from services.api.roi.repository import Basis
from services.api.roi.schemas import Cost, Return, ValuePart
from shared.facts.envelope import Channel
from shared.kpis.emv import EmvMethod
from shared.kpis.value import ValueKind
from shared.kpis.vocabulary import AttributionModel

__all__ = ["AddedValue", "AddingQuery", "ProgramLine"]


class ProgramLine(StrEnum):
    """A line of value of the program."""

    REVENUE = ValueKind.REVENUE.value
    MARGIN = ValueKind.MARGIN.value
    MEDIA = ValueKind.MEDIA.value
    RECRUITING_FLAT = ValueKind.RECRUITING_FLAT.value
    RECRUITING_COST_PER_HIRE = ValueKind.RECRUITING_COST_PER_HIRE.value
    RECRUITING_VACANCY = ValueKind.RECRUITING_VACANCY.value


class AddingQuery(ValueQuery):
    """Which lines of value are added up against the cost."""

    lines: list[ProgramLine] = Field(
        description="The lines; repeat the parameter.",
        min_length=1,
        max_length=len(ProgramLine),
        examples=[["margin", "recruiting_cost_per_hire"]],
    )
    model: AttributionModel = Field(
        default=AttributionModel.LINEAR, description="Attribution model.", examples=["linear"]
    )
    emv_method: EmvMethod = Field(
        default=EmvMethod.CPC, description="How media value is priced.", examples=["cpc"]
    )
    accept_overlaps: bool = Field(
        default=False,
        description="Add lines although they hold the same money, and have it flagged.",
        examples=[False],
    )


class AddedValue(Trust):
    """Lines of value added up, against the cost."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    is_partial: IsPartial
    basis: Basis = Field(description=BASIS, examples=["cohort"])
    channel: Channel = Field(description="The channel.", examples=["employee_advocacy"])
    model: AttributionModel = Field(description="Attribution model.", examples=["linear"])
    currency: str = Field(description="Currency of every amount.", examples=["USD"])
    cost: Cost = Field(description="What the period cost.")
    lines: list[ValuePart] = Field(description="Each line with its class and its evidence.")
    roi: Return = Field(description="(sum of lines - cost) / cost, and what is counted twice.")
    assumptions: list[UsedAssumption] = Field(description="The rates that applied.")
