"""CSV rows to facts (pure). One function per kind of file; a row says one thing.

The source of every imported fact is ``csv``. Its external id is built from the row's own key, so
that importing a file again changes nothing and importing a corrected file restates what changed.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from zoneinfo import ZoneInfo

from services.collector.imports import company
from services.collector.imports.cells import (
    CSV_SOURCE,
    Cells,
    Kind,
    RowError,
    build,
    day,
    instant,
    midnight,
    required,
    truth,
)
from services.collector.imports.csv_file import Layout
from shared.facts import (
    CostBooked,
    EmployeeRecorded,
    Fact,
    MemberInvited,
    MemberJoined,
    MemberLeft,
    SsiRecorded,
)
from shared.text import composed

__all__ = ["CSV_SOURCE", "KINDS", "ImportKind", "Kind", "Person", "RowError", "person_of_row"]

ImportKind = Literal[
    "roster",
    "membership",
    "costs",
    "ssi",
    "surveys",
    "figures",
    "quotas",
    "trainings",
    "leavers",
]
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,190}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_NAME: Final = 200
#: Cells of a cost that are taken as they are, where there is one.
_COST_COLUMNS: Final = ("owner", "account", "network", "campaign", "channel")
_MEMBERSHIP: Final = {"invited": MemberInvited, "joined": MemberJoined, "left": MemberLeft}


@dataclass(frozen=True, slots=True)
class Person:
    """Personal data of an employee; it goes into the table of people and into no fact."""

    employee: str
    effective_on: date
    display_name: str | None
    email: str | None


def roster_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return where an employee stands in the company from ``effective_on`` on."""
    effective_on = day(cells, "effective_on")
    return build(
        EmployeeRecorded,
        {"external_id": "employee", "occurred_at": "effective_on"},
        external_id=f"{required(cells, 'employee')}@{effective_on}",
        occurred_at=midnight(effective_on, zone),
        employee=required(cells, "employee"),
        effective_on=effective_on,
        employed=truth(cells, "employed"),
        team=cells["team"],
        department=cells.get("department"),
        role=cells["role"],
        linkedin_account=truth(cells, "linkedin_account"),
    )


def membership_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return that an employee was invited to, joined or left the program."""
    model = _MEMBERSHIP.get(required(cells, "event"))
    if model is None:
        raise RowError(("event", "choice", "must be invited, joined or left"))
    occurred_at = instant(cells, "occurred_at")
    return build(
        model,
        {"external_id": "employee"},
        external_id=f"{required(cells, 'employee')}@{occurred_at:%Y-%m-%dT%H:%M:%S.%fZ}",
        occurred_at=occurred_at,
        employee=required(cells, "employee"),
    )


def cost_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return a cost over the days [``starts_on``, ``ends_on``); the note stays in the file.

    ``channel`` says whose it is: of ``brand`` are the costs of the brand's own social media.
    """
    starts_on = day(cells, "starts_on")
    return build(
        CostBooked,
        {"external_id": "cost_id", "occurred_at": "starts_on"},
        external_id=required(cells, "cost_id"),
        occurred_at=midnight(starts_on, zone),
        category=required(cells, "category"),
        amount=required(cells, "amount"),
        currency=required(cells, "currency"),
        starts_on=starts_on,
        ends_on=day(cells, "ends_on"),
        evidence=required(cells, "evidence"),
        quantity=cells.get("quantity"),
        unit_rate=cells.get("unit_rate"),
        is_one_off=cells.get("is_one_off") is not None and truth(cells, "is_one_off"),
        **{column: cells.get(column) for column in _COST_COLUMNS},
    )


def ssi_fact(cells: Cells, zone: ZoneInfo) -> Fact:
    """Return the four pillars of an employee's Social Selling Index as read on a day."""
    observed_on = day(cells, "observed_on")
    pillars = ("brand", "people", "insights", "relationships")
    return build(
        SsiRecorded,
        {"external_id": "employee", "occurred_at": "observed_on"},
        external_id=f"{required(cells, 'employee')}@{observed_on}",
        occurred_at=midnight(observed_on, zone),
        employee=required(cells, "employee"),
        **{pillar: required(cells, pillar) for pillar in pillars},
    )


KINDS: Final[dict[ImportKind, Kind]] = {
    "roster": Kind(
        Layout(
            ("employee", "effective_on", "employed", "team", "role", "linkedin_account"),
            ("department", "display_name", "email"),
        ),
        roster_fact,
    ),
    "membership": Kind(Layout(("employee", "event", "occurred_at")), membership_fact),
    "costs": Kind(
        Layout(
            ("cost_id", "category", "amount", "currency", "starts_on", "ends_on", "evidence"),
            ("quantity", "unit_rate", "is_one_off", *_COST_COLUMNS, "note"),
        ),
        cost_fact,
    ),
    "ssi": Kind(
        Layout(("employee", "observed_on", "brand", "people", "insights", "relationships")),
        ssi_fact,
    ),
    "surveys": company.SURVEYS,
    "figures": company.FIGURES,
    "quotas": company.QUOTAS,
    "trainings": company.TRAININGS,
    "leavers": company.LEAVERS,
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
    # As the ledger keeps it: names are found by it.
    employee = composed(required(cells, "employee"))
    return Person(employee, day(cells, "effective_on"), name, email)
