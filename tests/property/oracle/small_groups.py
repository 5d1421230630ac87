"""Which teams may be shown, by the rules for small groups: day by day, and by all days at once.

A team is as large as its members are many: enrolled, employed and in it on the day; one without any
member is as large as its staff. Teams of fewer than k people are hidden; if those are fewer than k
together, the next smallest keep them company. A period hides a team that any of its days hides; a
level is judged by the five weeks around it too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from shared.facts import EmployeeRecorded, MemberJoined, MemberLeft
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.slices import roster_row

__all__ = ["Shown", "is_shown_together", "people_of", "shown"]

_AROUND_LEVELS = timedelta(days=35)


class Shown(NamedTuple):
    """The teams that are hidden, and whether they are enough people to be shown as one."""

    hidden: frozenset[str]
    is_enough: bool


def people_of(history: History, day: date) -> dict[str, set[str]]:
    """Return team → the people who decide whether it is shown on a day."""
    staff: dict[str, set[str]] = {}
    members: dict[str, set[str]] = {}
    enrolled = _enrolled(history, day)
    for employee in {row.employee for row in history.of(EmployeeRecorded)} | enrolled:
        row = roster_row(history, employee, day)
        # Who is not on the roster yet is a member all the same, of no team.
        if row is None or row.employed:
            team = (row.team or "") if row else ""
            if row is not None:
                staff.setdefault(team, set()).add(employee)
            if employee in enrolled:
                members.setdefault(team, set()).add(employee)
    return staff | members


def _enrolled(history: History, day: date) -> set[str]:
    """Return who joined, and has not left since."""
    moves: list[MemberJoined | MemberLeft] = [*history.of(MemberJoined), *history.of(MemberLeft)]
    moves.sort(key=lambda move: (move.occurred_at, key_of(move)))
    last = {move.employee: move for move in moves if history.day(move.occurred_at) <= day}
    return {employee for employee, move in last.items() if isinstance(move, MemberJoined)}


def _hidden(sizes: Mapping[str, int], k: int) -> frozenset[str]:
    """Return the teams hidden on a day: of equal ones, the first by name keeps others company."""
    rest = sorted((size, team) for team, size in sizes.items() if size)
    small = [team for size, team in rest if size < k]
    company = [team for size, team in rest if size >= k]
    while small and company and sum(sizes[team] for team in small) < k:
        small.append(company.pop(0))
    return frozenset(small)


def _days(start: date, end: date, *, of_level: bool) -> Iterator[date]:
    around = _AROUND_LEVELS if of_level else timedelta(0)
    day = start - around
    while day < end + around:
        yield day
        day += timedelta(days=1)


def shown(history: History, start: date, end: date, k: int, *, of_level: bool) -> Shown:
    """Return what may be shown by team of the days of [start, end)."""
    hidden: set[str] = set()
    is_enough = True
    for day in _days(start, end, of_level=of_level):
        sizes = _sizes(history, day)
        today = _hidden(sizes, k)
        hidden |= today
        is_enough &= not today or sum(sizes[team] for team in today) >= k
    return Shown(frozenset(hidden), is_enough)


def is_shown_together(
    history: History, start: date, end: date, teams: frozenset[str], k: int, *, of_level: bool
) -> bool:
    """Tell whether a figure about some teams holds, each day, all hidden ones or none of them."""
    for day in _days(start, end, of_level=of_level):
        sizes = _sizes(history, day)
        hidden = _hidden(sizes, k)
        if hidden & teams and (hidden - teams or sum(sizes[team] for team in hidden) < k):
            return False
    return True


def _sizes(history: History, day: date) -> Counter[str]:
    return Counter({team: len(people) for team, people in people_of(history, day).items()})
