"""Cells of a row, read one way only, and the fact they make (pure)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.collector.imports.csv_file import Layout
from shared.errors import FieldError
from shared.facts import Fact
from shared.facts.fields import EARLIEST_DAY, LATEST_DAY

__all__ = [
    "CSV_SOURCE",
    "Cells",
    "Kind",
    "RowError",
    "build",
    "count",
    "day",
    "instant",
    "midnight",
    "required",
    "truth",
]

Cells = Mapping[str, str | None]

CSV_SOURCE: Final = "csv"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NO_SUCH_DAY: Final = f"the day must lie between {EARLIEST_DAY} and {LATEST_DAY}"
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII
)
_COUNT: Final = re.compile(r"\d{1,12}", re.ASCII)


class RowError(ValueError):
    """A row is not what its columns promise; ``problems`` are (column, rule, message)."""

    def __init__(self, *problems: tuple[str, str, str]) -> None:
        super().__init__(problems[0][2])
        self.problems = problems

    def at(self, line: int) -> list[FieldError]:
        """Return the problems as errors of the line the row starts on."""
        return [
            FieldError(field=f"lines.{line}.{column}".rstrip("."), rule=rule, message=message)
            for column, rule, message in self.problems
        ]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its columns and what a row of it means."""

    layout: Layout
    fact_of: Callable[[Cells, ZoneInfo], Fact]


def build(model: type[Fact], columns: Mapping[str, str], **values: Any) -> Fact:
    """Return the fact; ``columns`` names the column that a field with another name comes from."""
    try:
        return model(source=CSV_SOURCE, **values)
    except ValidationError as error:
        problems = [_problem(details, columns) for details in error.errors()]
        # One per column: an id that is made of a wrong cell is wrong for the same reason.
        raise RowError(*{problem[0]: problem for problem in reversed(problems)}.values()) from None


def _problem(details: Any, columns: Mapping[str, str]) -> tuple[str, str, str]:
    # Only the place, the rule and the rule's wording: never the value, which may be personal.
    field = str(details["loc"][0]) if details["loc"] else ""
    column, rule = columns.get(field, field), str(details["type"])
    if rule == "string_pattern_mismatch":
        return column, "characters", "holds characters that are not allowed here"
    return column, rule, str(details["msg"]).removeprefix("Value error, ")


def required(cells: Cells, column: str) -> str:
    """Return what a cell holds; raises :class:`RowError` when it is empty."""
    value = cells[column]
    if value is None:
        raise RowError((column, "required", "must not be empty"))
    return value


def truth(cells: Cells, column: str) -> bool:
    """Return a yes or no; raises :class:`RowError`."""
    value = required(cells, column).lower()
    if value not in {"true", "false"}:
        raise RowError((column, "boolean", "must be true or false"))
    return value == "true"


def day(cells: Cells, column: str) -> date:
    """Return a day; raises :class:`RowError`."""
    value = required(cells, column)
    try:
        found = date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:
        found = None  # well-formed, and in no calendar
    if found is None:
        raise RowError((column, "date", "must be a day such as 2025-01-31"))
    # Before anything is computed with it: at the calendar's ends there is no other zone.
    if not EARLIEST_DAY <= found <= LATEST_DAY:
        raise RowError((column, "value_error", _NO_SUCH_DAY))
    return found


def instant(cells: Cells, column: str) -> datetime:
    """Return an instant in UTC; raises :class:`RowError`."""
    value = required(cells, column)
    try:
        if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # well-formed, and in no calendar
    raise RowError((column, "instant", "must be an instant such as 2025-01-31T09:00:00+01:00"))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant at which a day begins in the organization's zone."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def count(cells: Cells, column: str) -> int | None:
    """Return a whole number; None where the column is missing or empty.

    Raises:
        RowError: it is not one.
    """
    value = cells.get(column)
    if value is None:
        return None
    if not _COUNT.fullmatch(value):
        raise RowError((column, "count", "must be a whole number such as 42"))
    return int(value)
