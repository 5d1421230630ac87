"""Field types of facts: what a value may look like before it is allowed into the ledger.

Outside data is hostile until parsed. Money arrives as a decimal string, instants carry an offset
and lie in a plausible range, and references are short, printable and never an e-mail address.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, LiteralString

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    JsonValue,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from shared import clock
from shared.currencies import known_currency
from shared.money import exponent, round_money

__all__ = [
    "DAY_BOUNDS",
    "EARLIEST_DAY",
    "LATEST_AHEAD",
    "LATEST_DAY",
    "Amount",
    "Count",
    "Currency",
    "Day",
    "EmployeeRef",
    "Flag",
    "Hours",
    "Instant",
    "Ref",
    "Respondents",
    "Score",
    "Slug",
    "SourceName",
    "Text",
    "in_minor_units",
]

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
EARLIEST_DAY, LATEST_DAY = date(2000, 1, 1), date(2100, 1, 1)
#: How far ahead of its being told something may be said to happen.
LATEST_AHEAD = timedelta(hours=48)
#: JSON Schema itself has no bounds of days; these are the words that validators know for them.
DAY_BOUNDS: dict[str, JsonValue] = {
    "formatMinimum": EARLIEST_DAY.isoformat(),
    "formatMaximum": LATEST_DAY.isoformat(),
}
_IMPLAUSIBLE = "the instant must lie between 2000-01-01 and two days from now"
_LONG_PAST = datetime(2026, 1, 1, tzinfo=UTC)
_DECIMAL = re.compile(r"-?[0-9]{1,14}(\.[0-9]{1,4})?", re.ASCII)

# Character rules are patterns, not functions, so that they run inside pydantic's compiled core:
# no control, format, surrogate or unassigned character (\p{C}); a reference is not an e-mail.
_PLAIN = r"^[^\p{C}]+$"
_REFERENCE = r"^[^\p{C}@]+$"


def _decimal_text(value: Any) -> Any:
    """Accept decimals as strings only: a JSON number has already lost digits when it gets here."""
    if isinstance(value, Decimal):
        value = format(value, "f")
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise ValueError("expected a decimal string such as '1234.50' (at most 4 decimals)")
    return Decimal(value)


def _plausible(value: datetime) -> datetime:
    # Millions of facts pass here: an instant before this was written needs no look at the clock.
    if value.tzinfo is None:
        raise ValueError("the instant must carry its offset from UTC")
    try:
        instant = value.astimezone(UTC)
    except OverflowError:  # 9999-12-31 west of Greenwich is in no year that can be written
        raise ValueError(_IMPLAUSIBLE) from None
    if EARLIEST <= instant < _LONG_PAST or EARLIEST <= instant <= clock.now() + LATEST_AHEAD:
        return instant
    raise ValueError(_IMPLAUSIBLE)


@dataclass(frozen=True, slots=True)
class _Written:
    """How a day or an instant is written in JSON: a pattern, checked in the compiled core.

    Without it an epoch number is taken, in quotes: and nobody can tell whether it counts seconds
    or milliseconds.
    """

    pattern: str
    rule: LiteralString
    message: LiteralString

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        parsed = handler(source)
        text = core_schema.custom_error_schema(
            core_schema.str_schema(pattern=self.pattern),
            custom_error_type=self.rule,
            custom_error_message=self.message,
        )
        # What the pattern lets through is text, and no longer JSON: to read it is no laxity.
        read = core_schema.chain_schema([text, {**parsed, "strict": False}])
        return core_schema.json_or_python_schema(json_schema=read, python_schema=parsed)


Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_PLAIN)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=_REFERENCE)]
EmployeeRef = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_REFERENCE)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,63}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(known_currency)]
# Published as what is accepted: a string. pydantic would promise JSON numbers as well.
_DECIMAL_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{_DECIMAL.pattern}$"})
Amount = Annotated[Decimal, BeforeValidator(_decimal_text), _DECIMAL_SCHEMA]
Score = Annotated[Decimal, BeforeValidator(_decimal_text), Field(ge=0, le=25), _DECIMAL_SCHEMA]
Hours = Annotated[Decimal, BeforeValidator(_decimal_text), Field(ge=0, le=10_000), _DECIMAL_SCHEMA]
Count = Annotated[int, Field(strict=True, ge=0, le=10**12)]
#: The floor of k-anonymity holds at the door already: a smaller group never gets in.
Respondents = Annotated[int, Field(strict=True, ge=5, le=10**9)]
Instant = Annotated[
    datetime,
    Field(strict=True),
    _Written(
        r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", "instant_form", "An instant is written as in RFC 3339."
    ),
    AfterValidator(_plausible),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[
    date,
    Field(strict=True, ge=EARLIEST_DAY, le=LATEST_DAY),
    _Written(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "date_form", "A day is written as YYYY-MM-DD."),
    WithJsonSchema({"type": "string", "format": "date", **DAY_BOUNDS}),
]
#: Strict: "no" and 0 are refused, which some read as false, and others as something that is there.
Flag = Annotated[bool, Field(strict=True)]


def in_minor_units(amount: Decimal, currency: str) -> Decimal:
    """Return an amount as money: one that is finer than its currency's smallest unit is rounded."""
    rounded = round_money(amount, exponent(currency))
    return amount if rounded == amount else rounded
