"""What the cost statement answers."""

from datetime import date

from pydantic import Field

from services.api.answers import IsPartial, TrustOfList
from services.api.model import DecimalText, Output, Page
from services.api.roi.schemas import Cost
from shared.kpis.vocabulary import CostCategory

__all__ = ["ChargedLine", "CostStatement"]


class ChargedLine(Output):
    """One cost, as it was booked and as it is charged."""

    category: CostCategory = Field(description="What it was spent on.", examples=["platform"])
    amount: DecimalText = Field(description="The whole amount.", examples=["1200.00"])
    in_period: DecimalText = Field(
        description="The part charged to the period.", examples=["300.00"]
    )
    booked_from: date = Field(description="First day it was booked on.", examples=["2025-01-01"])
    booked_to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    charged_from: date = Field(description="First day it is charged to.", examples=["2025-01-01"])
    charged_to: date = Field(description="The day after the last one.", examples=["2026-01-01"])
    is_one_off: bool = Field(
        description="Whether it was paid once for a longer use.", examples=[True]
    )
    evidence: str = Field(description="What the amount rests on.", examples=["invoice"])
    owner: str | None = Field(
        description="Who answers for it; null if nobody said.", examples=["marketing"]
    )
    source: str = Field(description="Who said so.", examples=["acme-intranet"])
    external_id: str | None = Field(
        description="The source's id of it. Null for a cost of one employee unless the key has the"
        " scope people:read: such ids tell who it is.",
        examples=["cost-0001"],
    )
    position: int = Field(description="Its position in the ledger.", examples=[42])


class CostStatement(TrustOfList, Page):
    """What a period cost, line by line; ``in_period`` of all lines adds up to the total."""

    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    is_partial: IsPartial
    currency: str = Field(description="Currency of every amount.", examples=["USD"])
    cost: Cost = Field(description="The cost by category, and how it was charged.")
    lines_total: int = Field(description="How many lines there are in all.", examples=[7])
    lines: list[ChargedLine] = Field(description="Those of this page, by first day.")
