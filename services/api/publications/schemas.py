"""What the publication endpoints take and answer."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.api.model import Input, Output, Page
from services.api.periods import LocalDay

__all__ = ["NewPublication", "Publication", "Publications", "Withdrawal"]

_AT = "2025-05-02T08:00:00Z"
_KEY = "7Ka2bQ9z"
_Note = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class NewPublication(Input):
    """A period whose figures are to be frozen."""

    from_: LocalDay = Field(alias="from", description="First day.", examples=["2025-01-01"])
    to: LocalDay = Field(
        description="The day after the last one; it lies no later than today.",
        examples=["2025-04-01"],
    )
    as_of: LocalDay | None = Field(
        default=None,
        description="Freeze what was known at the end of this past day. Default: what is known.",
        examples=["2025-04-30"],
    )
    note: _Note = Field(description="Why, and for whom.", examples=["Q1 as reported to the board"])

    @model_validator(mode="after")
    def _holds_days(self) -> Self:
        if self.from_ >= self.to:
            raise PydanticCustomError("empty_period", "`to` lies after `from`.")
        return self


class Withdrawal(Input):
    """Why a publication no longer holds."""

    note: _Note = Field(description="Why.", examples=["Costs of March were booked late"])


class Publication(Output):
    """A period frozen at a position of the ledger, by whom and when, and until when it held."""

    id: UUID = Field(description="Its id.", examples=["0197c1a4-3f5e-7000-8000-000000000001"])
    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-01-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-04-01"])
    position: int = Field(
        description="The last ledger entry that counts in its figures.", examples=[1842]
    )
    known_until: datetime = Field(
        description="Rates stated before this moment price its figures.", examples=[_AT]
    )
    published_at: datetime = Field(description="When it was published.", examples=[_AT])
    published_by: str = Field(
        description="The public part of the key that published it.", examples=[_KEY]
    )
    note: str = Field(description="Why, and for whom.", examples=["Q1 as reported to the board"])
    is_active: bool = Field(
        description="Whether it holds: answers about its days are frozen.", examples=[True]
    )
    withdrawn_at: datetime | None = Field(
        description="When it was withdrawn; null while it holds.", examples=[None]
    )
    withdrawn_by: str | None = Field(
        description="The public part of the key that withdrew it.", examples=[None]
    )
    withdrawal_note: str | None = Field(description="Why it was withdrawn.", examples=[None])
    repaired_at: datetime | None = Field(
        description="When `earned verify --repair` last put right values of its days that were"
        " stored wrong when it was published: its figures have been answered without them from then"
        " on. `repairs` of a figure's restatements tells them. Null if there were none.",
        examples=[None],
    )


class Publications(Page):
    """Every publication ever made, the newest first."""

    publications: list[Publication] = Field(
        description="This page's publications, withdrawn ones included."
    )
