"""What the assumption endpoints take and answer."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from services.api.model import Cursor, DecimalText, Input, Output, Page
from services.api.periods import LocalDay
from shared.facts.fields import Text
from shared.kpis.vocabulary import Grade, Unit

__all__ = [
    "Assumption",
    "Assumptions",
    "Conversions",
    "ConversionsQuery",
    "NewStatement",
    "StatedValue",
    "StatedValues",
]


_RATE: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)


def _rate_text(value: Any) -> Any:
    # Strings only: a JSON number has lost digits before it gets here.
    if not isinstance(value, str) or not _RATE.fullmatch(value):
        raise PydanticCustomError(
            "decimal_text",
            "A value is a decimal string: at most 12 digits before the point and 8 after it.",
        )
    return value


RateText = Annotated[
    Decimal,
    BeforeValidator(_rate_text),
    WithJsonSchema({"type": "string", "pattern": f"^{_RATE.pattern}$"}),
]


class NewStatement(Input):
    """A value from a day on. It never changes an earlier day, and overwrites nothing."""

    effective_from: LocalDay = Field(
        description="The first day it holds, local to the organization.", examples=["2025-01-01"]
    )
    value: RateText = Field(
        description="The value in the unit of the key, as a decimal string: a ratio from 0 to 1, "
        "an amount in the organization's currency.",
        examples=["0.8"],
    )
    source: Text = Field(
        description="Where it comes from.", examples=["annual accounts 2024, finance"]
    )
    grade: Grade = Field(
        default=Grade.MEASURED, description="How well it is founded.", examples=["measured"]
    )


class StatedValue(Output):
    """One statement about a key."""

    effective_from: date = Field(description="The first day it holds.", examples=["2025-01-01"])
    version: int = Field(
        description="Counts the statements of a key; of one day, the last holds.", examples=[2]
    )
    value: DecimalText = Field(
        description="The value, in the unit of the key: an amount in the organization's currency.",
        examples=["0.80000000"],
    )
    source: str = Field(description="Where it comes from.", examples=["annual accounts 2024"])
    grade: Grade | Literal["default"] = Field(
        description="How well it is founded; default: by nothing but the product.",
        examples=["measured"],
    )
    recorded_at: datetime = Field(
        description="When it was stated.", examples=["2025-01-10T09:00:00Z"]
    )


class Assumption(Output):
    """A figure that formulas need and no event can tell."""

    key: str = Field(description="Its key.", examples=["gross_margin"])
    unit: Unit = Field(description="Its unit.", examples=["ratio"])
    description: str = Field(
        description="What it says.", examples=["gross margin as a part of revenue"]
    )
    default: DecimalText | None = Field(
        description="The product's own value; null if the company must state it. An amount was "
        "published in US dollars and is taken as it stands, whatever the organization's currency.",
        examples=["4400"],
    )
    default_source: str = Field(
        description="Where the default comes from.", examples=["stated by the company"]
    )
    default_grade: Grade = Field(
        description="How well the default is founded.", examples=["claimed"]
    )
    in_force: DecimalText | None = Field(
        description="The value of today; null: figures that need it are null.", examples=["0.8"]
    )
    is_fixed: bool = Field(
        description="Whether it is part of the organization's attribution, and not stated here.",
        examples=[False],
    )
    stated: StatedValue | None = Field(
        description="The statement in force today; null: the default is, or nothing."
    )


class Assumptions(Output):
    """Every assumption."""

    assumptions: list[Assumption] = Field(description="By key, in catalogue order.")


class StatedValues(Page):
    """What was ever stated about a key."""

    statements: list[StatedValue] = Field(
        description="This page's statements, the latest to begin first."
    )


class ConversionsQuery(BaseModel):
    """Which of the facts told in a currency are converted anew."""

    model_config = ConfigDict(frozen=True)

    cursor: Cursor = None
    limit: int = Field(
        default=1000, description="Most facts looked at.", ge=1, le=1000, examples=[1000]
    )


class Conversions(Page):
    """What became of the facts of a page."""

    key: str = Field(description="The exchange rate's key.", examples=["exchange_rate.EUR"])
    examined: int = Field(
        description="How many facts once told in the currency were looked at.", examples=[1000]
    )
    converted: int = Field(
        description="Of these, how many the rates of their days now make something else of: each"
        " is taken back and stated anew, as a correction is.",
        examples=[12],
    )
