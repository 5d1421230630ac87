"""The roster, and the cells that contributions add up to in every slice."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from shared.facts import EmployeeRecorded, MemberJoined
from tests.property.oracle.contributions import NOWHERE, Contribution, Where
from tests.property.oracle.ledger import History, key_of

__all__ = ["Cell", "cells", "cohort_of", "place_of", "roster_row", "team_of"]


class Cell(NamedTuple):
    """One number of the rollups: a measure on a day in one slice."""

    measure: str
    day: date
    slice: str
    team: str
    where: Where


def roster_row(history: History, employee: str, day: date) -> EmployeeRecorded | None:
    """Return the row in force: the latest up to ``day``, of one day that with the larger key."""
    rows = [
        row
        for row in history.of(EmployeeRecorded)
        if row.employee == employee and row.effective_on <= day
    ]
    return max(rows, key=lambda row: (row.effective_on, key_of(row)), default=None)


def place_of(history: History, employee: str, day: date, place: str) -> str:
    """Return an employee's ``team``, say, on a day, ``""`` where nobody says.

    A cohort is the month in which they first joined, whatever the day.
    """
    if place == "cohort":
        return cohort_of(history, employee)
    row = roster_row(history, employee, day)
    return (getattr(row, place) or "") if row else ""


def cohort_of(history: History, employee: str) -> str:
    """Return the month of somebody's first join, ``""`` of who never joined."""
    joins = [join for join in history.of(MemberJoined) if join.employee == employee]
    first = min(joins, key=lambda join: (join.occurred_at, key_of(join)), default=None)
    return history.day(first.occurred_at).isoformat()[:7] if first else ""


def team_of(history: History, employee: str, day: date) -> str:
    """Return the team an employee is in on a day, ``""`` where the roster does not say."""
    return place_of(history, employee, day, "team")


def cells(history: History, told: Iterable[Contribution]) -> dict[Cell, Fraction]:
    """Return every cell that is not 0."""
    teams: dict[tuple[str, date], str] = {}

    def team(employee: str, day: date) -> str:
        key = (employee, day)
        if key not in teams:
            teams[key] = team_of(history, employee, day)
        return teams[key]

    sums: dict[Cell, Fraction] = defaultdict(Fraction)
    for part in told:
        for cell in _covering(part, team):
            sums[cell] += part.quantity
    return {cell: value for cell, value in sums.items() if value}


def _covering(part: Contribution, team: Callable[[str, date], str]) -> Iterator[Cell]:
    """Yield the cells a contribution counts in: one of each slice it has a value for."""
    measure, day, where = part.measure, part.day, part.where
    yield Cell(measure, day, "total", "", NOWHERE)
    yield Cell(measure, day, "finest", "", where._replace(content=""))
    for dimension, value in where._asdict().items():
        if value:
            yield Cell(measure, day, dimension, "", NOWHERE._replace(**{dimension: value}))
    if where.employee:
        yield Cell(measure, day, "team", team(where.employee, day), NOWHERE)
