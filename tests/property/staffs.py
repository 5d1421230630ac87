"""Staffs of small teams in motion, whose figures say whose they are.

Everybody's figure of a day is a power of two, and every day has a kind of response of its own: so
the digits of an answer tell whose figures of which day are in it, whatever the code believes.
People change teams, come, join, leave the program or the company; afterwards some of it turns out
to have been otherwise. The first eight stay, so that the whole is never a small group itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hypothesis import strategies as st

from shared.facts import EmployeeRecorded, Fact, MemberJoined, Retraction
from tests.property.programs import fact_of

__all__ = ["DAYS", "KPIS", "ROLES", "TEAMS", "Staff", "staffs"]

DAYS = tuple(date(2025, 3, 29) + timedelta(days=n) for n in range(3))
#: The kind of response of each day, and what its KPI is called.
KPIS = {"reactions": "reactions", "comments": "comments", "impressions": "impressions_advocacy"}
TEAMS = ("Ads", "Board", "Crew", "Desk")
ROLES = ("lead", "hand", None)
_DEPARTMENT_OF = {"Ads": "North", "Board": "North", "Crew": "South"}
_BEFORE = date(2025, 1, 1)
_JOINED = (date(2025, 1, 1), date(2025, 2, 5))
_STAYING = 8


@dataclass(frozen=True)
class Staff:
    """A staff by its recipe: how many people each team has at first, and a seed for the rest."""

    sizes: tuple[int, ...]
    moves: int
    is_corrected: bool
    seed: int

    @property
    def people(self) -> list[str]:
        """Return everybody, in the order of their digits."""
        sizes = zip(TEAMS, self.sizes, strict=True)
        return [f"{team}-{number}" for team, size in sizes for number in range(size)]

    def told(self) -> list[Fact]:
        """Return what is told at first."""
        return list(_told(Random(self.seed), self.people, self.moves))

    def corrections(self) -> list[Fact | Retraction]:
        """Return what turns out to have been otherwise: where somebody was, or that they joined."""
        chance, told = Random(self.seed + 1), self.told()
        if not self.is_corrected:
            return []
        rows = [fact for fact in told if isinstance(fact, EmployeeRecorded)]
        joins = [fact for fact in told if isinstance(fact, MemberJoined)]
        elsewhere = {"team": chance.choice(TEAMS), "revision": 1}
        moved = [row.model_copy(update=elsewhere) for row in chance.sample(rows, 2)]
        return [*moved, Retraction(chance.choice(joins).identity, 1)]


def _told(chance: Random, people: list[str], moves: int) -> Iterator[Fact]:
    ends: dict[str, date] = {}
    newcomers = set(people[_STAYING:][: chance.choice([0, 0, 1, 3])])
    for place, employee in enumerate(people):
        who, team = {"employee": employee}, employee.partition("-")[0]
        since = chance.choice(DAYS) if employee in newcomers else _BEFORE
        row = {"team": team, "department": _DEPARTMENT_OF.get(team), "effective_on": since}
        row["role"] = ROLES[place % len(ROLES)]
        yield fact_of("employee.recorded", employee, since, **who, **row)
        stays = place < _STAYING
        if stays or chance.random() < 0.9:
            # Some have been in the program for longer than others, in all teams.
            joined = since if employee in newcomers else _JOINED[place % 2]
            yield fact_of("member.joined", employee, joined, **who)
            if not stays and chance.random() < 0.1:
                yield fact_of("member.left", employee, chance.choice(DAYS[1:]), **who)
        if not stays and chance.random() < 0.1:
            ends[employee] = chance.choice(DAYS[1:])
            gone = {"employed": False, "effective_on": ends[employee]}
            yield fact_of("employee.recorded", f"{employee}/gone", ends[employee], **who, **gone)
        if employee not in newcomers and employee not in ends:
            # A level of all that somebody comes to or leaves moves by their own reading, always.
            reading = {"metric": "connections", "network": "linkedin", "count": 2**place}
            yield fact_of("audience.recorded", employee, since, **who, **reading)
        yield from _figures(place, employee, since, ends.get(employee, date.max))
    for n, employee in enumerate(chance.sample(people, moves)):
        day = chance.choice(DAYS)
        if day < ends.get(employee, date.max) and employee not in newcomers:
            # Who moves stays in the department, so that these do not simply hold whole teams.
            row = {"team": chance.choice(TEAMS), "role": ROLES[n % len(ROLES)]}
            row["department"] = _DEPARTMENT_OF.get(employee.partition("-")[0])
            held = {"employee": employee, **row, "effective_on": day}
            yield fact_of("employee.recorded", f"move{n}", day, **held)
            # Another source says of the same day that it was elsewhere: one of them is believed.
            held["team"] = chance.choice(TEAMS)
            yield fact_of("employee.recorded", f"move{n}/again", day, **held)


def _figures(place: int, employee: str, since: date, until: date) -> Iterator[Fact]:
    """Yield a figure for each day of somebody's employment."""
    for day, response in zip(DAYS, KPIS, strict=True):
        if since <= day < until:
            where = {"employee": employee, "network": "linkedin", "day": day}
            yield fact_of(
                "engagement.daily", f"{employee}/{day}", day, **where, **{response: 2**place}
            )


_size = st.sampled_from([0, 2, 3, 4, 5, 5, 6, 7])
staffs = st.builds(
    Staff,
    sizes=st.tuples(st.sampled_from([8, 8, 9]), _size, _size, _size),
    moves=st.sampled_from([0, 0, 1, 3]),
    is_corrected=st.booleans(),
    seed=st.integers(0, 2**32),
)
