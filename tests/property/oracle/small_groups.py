"""Which teams may be shown, by the rules for small groups: day by day, and by all days at once.

A team is as large as its members are many: enrolled, employed and in it on the day; one without any
member is as large as its staff. Teams of fewer than k people are hidden; if those are fewer than k
together, the next smallest keep them company. A period hides a team that any of its days hides; a
level is judged by the five weeks around it too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from shared.facts import EmployeeRecorded, Fact, MemberJoined, MemberLeft
from tests.property.oracle.ledger import History
from tests.property.oracle.membership import members_on
from tests.property.oracle.slices import place_of, roster_row

__all__ = ["Groups", "Shown"]

_AROUND_LEVELS = timedelta(days=35)
_DECIDING = (EmployeeRecorded, MemberJoined, MemberLeft)


class Shown(NamedTuple):
    """The teams that are hidden, and whether they are enough people to be shown as one."""

    hidden: frozenset[str]
    is_enough: bool


class Groups:
    """The teams of a history, none of which may be shown with fewer than ``k`` people."""

    def __init__(self, history: History, k: int) -> None:
        deciding: list[Fact] = [fact for fact in history.facts if isinstance(fact, _DECIDING)]
        self._history = replace(history, facts=deciding)
        self._k = k
        self._sizes: dict[date, Mapping[str, int]] = {}

    def shown(self, start: date, end: date, *, of_level: bool) -> Shown:
        """Return what may be shown by team of the days of [start, end)."""
        hidden: set[str] = set()
        is_enough = True
        for sizes in self._days(start, end, of_level=of_level):
            today = self._hidden(sizes)
            hidden |= today
            is_enough &= not today or self._is_enough(sizes, today)
        return Shown(frozenset(hidden), is_enough)

    def are_shown_together(
        self, teams: frozenset[str], start: date, end: date, *, of_level: bool
    ) -> bool:
        """Tell whether a figure about some teams holds, each day, all hidden ones or none."""
        for sizes in self._days(start, end, of_level=of_level):
            hidden = self._hidden(sizes)
            if hidden & teams and not (hidden <= teams and self._is_enough(sizes, hidden)):
                return False
        return True

    def _days(self, start: date, end: date, *, of_level: bool) -> Iterator[Mapping[str, int]]:
        around = _AROUND_LEVELS if of_level else timedelta(0)
        day = start - around
        while day < end + around:
            if day not in self._sizes:
                self._sizes[day] = self._sizes_on(day)
            yield self._sizes[day]
            day += timedelta(days=1)

    def _hidden(self, sizes: Mapping[str, int]) -> frozenset[str]:
        """Return the teams hidden on a day: of equal ones, the first by name keeps company."""
        occupied = sorted((size, team) for team, size in sizes.items() if size)
        small = [team for size, team in occupied if size < self._k]
        company = [team for size, team in occupied if size >= self._k]
        while small and company and not self._is_enough(sizes, frozenset(small)):
            small.append(company.pop(0))
        return frozenset(small)

    def _is_enough(self, sizes: Mapping[str, int], teams: frozenset[str]) -> bool:
        return sum(sizes[team] for team in teams) >= self._k

    def _sizes_on(self, day: date) -> Mapping[str, int]:
        return {team: people for (team,), people in self.heads(day, "team").items()}

    def heads(self, day: date, *places: str) -> Mapping[tuple[str, ...], int]:
        """Return how many people are of each team, role or both: members, or staff without one.

        Who is no member counts for a team with a role only if one of the two has no member at all:
        the figures of others are not about them.
        """
        staff, members = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
        enrolled = members_on(self._history, day)
        everybody = {row.employee for row in self._history.of(EmployeeRecorded)}
        for employee in everybody | enrolled:
            row = roster_row(self._history, employee, day)
            group = tuple(place_of(self._history, employee, day, place) for place in places)
            if row is not None and row.employed:
                staff[group] += 1
            # Who is not on the roster yet is a member all the same, of no team.
            if employee in enrolled and (row is None or row.employed):
                members[group] += 1
        single: list[set[str]] = [{group[n] for group in members} for n in range(len(places))]
        for group in list(staff):
            if all(name in among for name, among in zip(group, single, strict=True)):
                del staff[group]
        return {**staff, **members}
