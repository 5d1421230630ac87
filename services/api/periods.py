"""What is asked about: days from ``from`` up to, and without, ``to``, and which part of them."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.api.model import Name
from shared.facts.fields import DAY_BOUNDS, EARLIEST_DAY, LATEST_DAY
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Dimension

__all__ = ["Filters", "Known", "KnownQuery", "LocalDay", "PeriodQuery", "SlicedQuery"]

_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_MOST_FILTER_VALUES: Final = 100


def _iso_day(value: Any) -> Any:
    # Strings only, of this form only: an epoch number reads as a day too, and never the one meant.
    is_day = isinstance(value, str) and _ISO_DAY.fullmatch(value)
    if not (is_day or isinstance(value, date)):
        raise PydanticCustomError("date_form", "A day is written as YYYY-MM-DD.")
    return value


LocalDay = Annotated[
    date,
    Field(ge=EARLIEST_DAY, le=LATEST_DAY, json_schema_extra=DAY_BOUNDS),
    BeforeValidator(_iso_day),
]
_Values = Annotated[list[Name], Field(max_length=_MOST_FILTER_VALUES)]


class PeriodQuery(BaseModel):
    """The days asked about, in the organization's time zone."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    from_: LocalDay = Field(
        alias="from",
        description="First day, local to the organization.",
        examples=["2025-01-01"],
    )
    to: LocalDay = Field(description="The day after the last one.", examples=["2025-04-01"])

    @model_validator(mode="after")
    def _holds_days(self) -> Self:
        if self.from_ >= self.to:
            raise PydanticCustomError("empty_period", "`to` lies after `from`.")
        return self

    @property
    def period(self) -> Period:
        """Return the days as a period."""
        return Period(self.from_, self.to)


class Known(BaseModel):
    """As of when an answer is: who takes it calls :func:`services.api.lookback.look`."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    as_of: LocalDay | None = Field(
        default=None,
        description=(
            "Answer as it was known at the end of this day, local to the organization. Default: "
            "what was published if the days lie in a frozen period, otherwise the present."
        ),
        examples=["2025-04-30"],
    )
    live: bool = Field(
        default=False,
        description="Answer with the present figures even where the period is frozen.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _looks_one_way(self) -> Self:
        if self.live and self.as_of is not None:
            raise PydanticCustomError("as_of_and_live", "Give `as_of` or `live`, not both.")
        return self


class KnownQuery(Known, PeriodQuery):
    """A period, and as of when."""


class Filters(BaseModel):
    """Which part is asked about. Values of one filter are alternatives; filters narrow together."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    team: _Values = Field(default=[], description="Only these teams.", examples=[["sales"]])
    department: _Values = Field(
        default=[], description="Only these departments.", examples=[["commercial"]]
    )
    role: _Values = Field(default=[], description="Only these roles.", examples=[["leader"]])
    cohort: _Values = Field(
        default=[],
        description="Only who first joined the program in these months.",
        examples=[["2025-03"]],
    )
    employee: _Values = Field(
        default=[], description="Only these employee references.", examples=[["E007"]]
    )
    network: _Values = Field(
        default=[], description="Only these networks.", examples=[["linkedin"]]
    )
    campaign: _Values = Field(
        default=[], description="Only these campaigns.", examples=[["launch-2025"]]
    )
    content: _Values = Field(
        default=[], description="Only these content items.", examples=[["article-12"]]
    )
    channel: _Values = Field(
        default=[], description="Only these channels.", examples=[["employee_advocacy"]]
    )
    account: _Values = Field(
        default=[], description="Only these brand accounts.", examples=[["golden-ratio"]]
    )
    hashtag: _Values = Field(
        default=[], description="Only posts with this hashtag.", examples=[["hiring"]]
    )
    job: _Values = Field(
        default=[], description="Only these openings of recruiting.", examples=[["job-12"]]
    )
    market: _Values = Field(
        default=[],
        description="Only mentions of these markets, or surveys held there.",
        examples=[["de"]],
    )
    language: _Values = Field(
        default=[], description="Only mentions in these languages.", examples=[["de"]]
    )

    @property
    def filters(self) -> Mapping[str, frozenset[str]]:
        """Return the filters that were given, by dimension."""
        given = {dimension.value: getattr(self, dimension.value) for dimension in Dimension}
        return {name: frozenset(values) for name, values in given.items() if values}


class SlicedQuery(Filters, KnownQuery):
    """A period and the part of it that is asked about."""

    def listed(self) -> dict[str, Any]:
        """Return what decides the content of a list: what its cursors are bound to."""
        return self.model_dump(mode="json", exclude={"cursor", "limit"})
