"""The shapes every answer and every request body is built from.

Output models have no defaults: an absent value is an explicit null, so a client's generated type
never guesses. Decimals travel as strings, because a JSON number has lost digits before anyone can
read it.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from shared.kpis.expressions import exact_text
from shared.text import composed

__all__ = [
    "Cursor",
    "DecimalText",
    "Input",
    "Limit",
    "Name",
    "Output",
    "Page",
    "PageQuery",
    "exact",
    "plain",
]

LARGEST_PAGE: Final = 200

_DECIMAL_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "format": "decimal",
    "pattern": r"^-?\d+(\.\d+)?$",
}


def plain(value: Decimal) -> str:
    """Write a decimal without an exponent: ``22500.00``, never ``2.25E+4``."""
    return format(value, "f")


def exact(value: Fraction | Decimal | int | None) -> Decimal | None:
    """Return an exact number as a decimal without trailing zeros, cut at twelve digits."""
    return None if value is None else Decimal(exact_text(Fraction(value)))


#: A team, an employee, a campaign … as it is asked about.
Name = Annotated[str, StringConstraints(max_length=128), AfterValidator(composed)]

DecimalText = Annotated[
    Decimal,
    PlainSerializer(plain, return_type=str, when_used="json"),
    WithJsonSchema(_DECIMAL_SCHEMA, mode="serialization"),
]


class Output(BaseModel):
    """The base of answers: frozen, no defaults, readable from dataclasses."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Input(BaseModel):
    """The base of request bodies: a field that is not declared is refused, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Page(Output):
    """What every list says about its continuation."""

    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null on the last one.",
        examples=["kJ3s0mP1v8Qx2nW5yT7aBcDeFgHiJkLmNoPqRsTuVwXyZ0"],
    )


Cursor = Annotated[
    str | None,
    Field(
        description="`next_cursor` of the page before; valid for the same query only.",
        max_length=2048,
        examples=["kJ3s0mP1v8Qx2nW5yT7aBcDeFgHiJkLmNoPqRsTuVwXyZ0"],
    ),
]
Limit = Annotated[
    int, Field(description="Most items of one page.", ge=1, le=LARGEST_PAGE, examples=[50])
]


class PageQuery(BaseModel):
    """A page of a list."""

    model_config = ConfigDict(frozen=True)

    cursor: Cursor = None
    limit: Limit = 50
