"""CSV rows to facts (pure). One function per kind of file; a row says one thing.

The source of every imported fact is ``csv``. Its external id is built from the row's own key, so
that importing a file again changes nothing and importing a corrected file restates what changed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.collector.imports.csv_file import Layout
from shared.errors import FieldError
from shared.facts import (
    CostBooked,
    EmployeeRecorded,
    Fact,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    SsiRecorded,
)

__all__ = ["CSV_SOURCE", "KINDS", "ImportKind", "Kind", "Person", "RowError", "person_of_row"]

ImportKind = Literal["roster", "membership", "costs", "ssi"]
Cells = Mapping[str, str | None]

CSV_SOURCE: Final = "csv"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})", re.ASCII
)
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_NAME: Final = 200
_MEMBERSHIP: Final = {"invited": MemberInvited, "joined": MemberJoined, "left": MemberLeft}


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
class Person:
    """Personal data of an employee; it goes into the table of people and into no fact."""

    employee: str
    effective_on: date
    display_name: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its columns and what a row of it means."""

    layout: Layout
    fact_of: Callable[[Cells, ZoneInfo], Fact]


def roster_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return where an employee stands in the company from ``effective_on`` on."""
    effective_on = _day(cells, "effective_on")
    return _build(
        EmployeeRecorded,
        {"external_id": "employee", "occurred_at": "effective_on"},
        external_id=f"{_required(cells, 'employee')}@{effective_on}",
        occurred_at=_midnight(effective_on, zone),
        employee=_required(cells, "employee"),
        effective_on=effective_on,
        employed=_truth(cells, "employed"),
        team=cells["team"],
        role=cells["role"],
        linkedin_account=_truth(cells, "linkedin_account"),
    )


def membership_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return that an employee was invited to, joined or left the program."""
    model = _MEMBERSHIP.get(_required(cells, "event"))
    if model is None:
        raise RowError(("event", "choice", "must be invited, joined or left"))
    occurred_at = _instant(cells, "occurred_at")
    return _build(
        model,
        {"external_id": "employee"},
        external_id=f"{_required(cells, 'employee')}@{occurred_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        occurred_at=occurred_at,
        employee=_required(cells, "employee"),
    )


def cost_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return a cost over the days [``starts_on``, ``ends_on``); the note stays in the file."""
    starts_on = _day(cells, "starts_on")
    return _build(
        CostBooked,
        {"external_id": "cost_id", "occurred_at": "starts_on"},
        external_id=_required(cells, "cost_id"),
        occurred_at=_midnight(starts_on, zone),
        category=_required(cells, "category"),
        amount=_required(cells, "amount"),
        currency=_required(cells, "currency"),
        starts_on=starts_on,
        ends_on=_day(cells, "ends_on"),
        evidence=_required(cells, "evidence"),
        quantity=cells.get("quantity"),
        unit_rate=cells.get("unit_rate"),
    )


def ssi_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return the four pillars of an employee's Social Selling Index as read on a day."""
    observed_on = _day(cells, "observed_on")
    pillars = ("brand", "people", "insights", "relationships")
    return _build(
        SsiRecorded,
        {"external_id": "employee", "occurred_at": "observed_on"},
        external_id=f"{_required(cells, 'employee')}@{observed_on}",
        occurred_at=_midnight(observed_on, zone),
        employee=_required(cells, "employee"),
        **{pillar: _required(cells, pillar) for pillar in pillars},
    )


KINDS: Final[dict[ImportKind, Kind]] = {
    "roster": Kind(
        Layout(
            ("employee", "effective_on", "employed", "team", "role", "linkedin_account"),
            ("display_name", "email"),
        ),
        roster_fact,
    ),
    "membership": Kind(Layout(("employee", "event", "occurred_at")), membership_fact),
    "costs": Kind(
        Layout(
            ("cost_id", "category", "amount", "currency", "starts_on", "ends_on", "evidence"),
            ("quantity", "unit_rate", "note"),
        ),
        cost_fact,
    ),
    "ssi": Kind(
        Layout(("employee", "observed_on", "brand", "people", "insights", "relationships")),
        ssi_fact,
    ),
}


def person_of_row(cells: Cells) -> Person:
    """Return the personal data of a roster row.

    Raises:
        RowError: the name or the address is not one.
    """
    name, email = cells.get("display_name"), cells.get("email")
    problems = []
    if name is not None and (len(name) > _LONGEST_NAME or _CONTROL.search(name)):
        problems.append(("display_name", "text", "at most 200 printable characters"))
    if email is not None and not _EMAIL.fullmatch(email):
        problems.append(("email", "email", "must be one e-mail address"))
    if problems:
        raise RowError(*problems)
    return Person(_required(cells, "employee"), _day(cells, "effective_on"), name, email)


def _build(model: type[Fact], columns: Mapping[str, str], **values: Any) -> Fact:
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


def _required(cells: Cells, column: str) -> str:
    value = cells[column]
    if value is None:
        raise RowError((column, "required", "must not be empty"))
    return value


def _truth(cells: Cells, column: str) -> bool:
    value = _required(cells, column).lower()
    if value not in {"true", "false"}:
        raise RowError((column, "boolean", "must be true or false"))
    return value == "true"


def _day(cells: Cells, column: str) -> date:
    value = _required(cells, column)
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # well-formed, and in no calendar
    raise RowError((column, "date", "must be a day such as 2025-01-31"))


def _instant(cells: Cells, column: str) -> datetime:
    value = _required(cells, column)
    try:
        if _INSTANT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # well-formed, and in no calendar
    raise RowError((column, "instant", "must be an instant such as 2025-01-31T09:00:00+01:00"))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
