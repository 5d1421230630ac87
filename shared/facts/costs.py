"""Facts about what the program costs."""

from datetime import date
from decimal import Decimal
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from shared.facts.envelope import Fact
from shared.facts.fields import Amount, Currency, Day, Flag, Ref
from shared.money import InvalidCurrency, exponent

__all__ = ["CostBooked"]

CostCategory = Literal[
    "platform",
    "infrastructure",
    "training",
    "employee_time",
    "manager_time",
    "content",
    "rewards",
    "agency",
    "expert",
    "paid_boost",
    "other",
]
Evidence = Literal["invoice", "payroll", "timesheet", "estimate", "claimed"]

_LONGEST_DAYS = 3660
_CENT = Decimal("0.01")


class CostBooked(Fact):
    """A cost of the program, spread evenly over the days of [``starts_on``, ``ends_on``).

    With the channel ``brand`` it is one of the brand's own social media, and none of the program.
    """

    kind: Literal["cost.booked"] = Field(
        default="cost.booked", description="Kind of fact.", examples=["cost.booked"]
    )
    category: CostCategory = Field(description="What was paid for.", examples=["training"])
    amount: Amount = Field(description="The whole amount.", examples=["3600.00"])
    currency: Currency = Field(description="Its currency (ISO 4217).", examples=["USD"])
    starts_on: Day = Field(description="First day it covers.", examples=["2025-01-01"])
    ends_on: Day = Field(description="First day it no longer covers.", examples=["2025-04-01"])
    evidence: Evidence = Field(
        default="estimate", description="What the amount rests on.", examples=["invoice"]
    )
    is_one_off: Flag = Field(
        default=False,
        description="Whether it was paid once for a longer use, such as a setup or a first"
        " training. A statement may spread it over months from ``starts_on``.",
        examples=[False],
    )
    owner: Ref | None = Field(
        default=None,
        description="Who answers for it, such as a cost center; never a person's address.",
        examples=["marketing"],
    )
    quantity: Amount | None = Field(
        default=None, description="How much, if the amount is a product.", examples=["120"]
    )
    unit_rate: Amount | None = Field(
        default=None, description="Price of one unit of ``quantity``.", examples=["30.00"]
    )

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if not self.starts_on < self.ends_on:
            raise ValueError("ends_on is the first day after the cost and lies after starts_on")
        if (self.ends_on - self.starts_on).days > _LONGEST_DAYS:
            raise ValueError("a cost covers at most ten years")
        if (self.quantity is None) != (self.unit_rate is None):
            raise ValueError("quantity and unit_rate go together")
        if self.quantity is not None and self.unit_rate is not None:
            difference = abs(self.quantity * self.unit_rate - self.amount)
            if difference >= _smallest_unit(self.currency):
                raise ValueError("amount is not quantity × unit_rate")
        return self

    def day_in(self, zone: ZoneInfo) -> date:
        return self.starts_on


def _smallest_unit(currency: str) -> Decimal:
    """Return what an amount is less than away from its product: an invoice has whole yen, say."""
    try:
        return max(_CENT, Decimal(1).scaleb(-exponent(currency)))
    except InvalidCurrency:  # refused where it is compared with the organization's currency
        return _CENT
