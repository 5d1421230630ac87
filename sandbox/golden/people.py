"""The hundred employees: teams, program membership and Social Selling Index."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import accumulate

from sandbox.golden.program import (
    CAMPAIGN,
    NETWORK,
    TARGET_URL,
    YEAR_START,
    TrackedLink,
    at_local,
)

__all__ = [
    "TEAMS",
    "Employee",
    "SsiScore",
    "active",
    "employees",
    "enrolled",
    "ssi_scores",
    "tracked_links",
]

HEADCOUNT = 100
LINKEDIN_USERS = 80

_GIVEN_NAMES = (
    "Anna", "Bartosz", "Celina", "Dawid", "Ewa", "Filip", "Grażyna", "Hubert", "Iga", "Józef",
)  # fmt: skip
_FAMILY_NAMES = (
    "Bąk", "Cień", "Dróżka", "Fala", "Gałąź", "Jodła", "Kamień", "Łan", "Miedza", "Źródło",
)  # fmt: skip
_ASCII = str.maketrans("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "acelnoszzACELNOSZZ")


@dataclass(frozen=True, slots=True)
class Team:
    """A team's headcount, how many of it joined the program and how many of those are active."""

    name: str
    headcount: int
    enrolled: int
    active: int


TEAMS = (
    Team("Sales", 40, 12, 10),
    Team("Marketing", 15, 6, 5),
    Team("HR", 10, 5, 4),
    Team("IT", 25, 4, 3),
    Team("Mgmt", 10, 3, 2),
)


@dataclass(frozen=True, slots=True)
class Employee:
    """One employee. ``display_name`` and ``email`` are the only personal data of the year."""

    ref: str
    team: str
    role: str
    linkedin_account: bool
    invited_at: datetime
    joined_at: datetime | None
    is_active: bool
    display_name: str
    email: str


@dataclass(frozen=True, slots=True)
class SsiScore:
    """Four pillars of 0 to 25 points each, read from the member's own page on one day."""

    employee: str
    observed_on: date
    pillars: tuple[Decimal, Decimal, Decimal, Decimal]


@cache
def employees() -> tuple[Employee, ...]:
    """Return all 100 employees, ``E001`` to ``E100``, team by team.

    Inside a team the active come first, then the enrolled but idle, then everybody else. All
    members have a LinkedIn account, and so have the first 50 of the others: 80 together.
    """
    starts = accumulate((team.headcount for team in TEAMS), initial=1)
    people: list[Employee] = []
    others_with_account = LINKEDIN_USERS - sum(team.enrolled for team in TEAMS)
    for first, team in zip(starts, TEAMS, strict=False):
        for place in range(team.headcount):
            is_member = place < team.enrolled
            has_account = is_member or others_with_account > 0
            others_with_account -= has_account and not is_member
            people.append(_employee(first + place, team, place, has_account=has_account))
    return tuple(people)


def _employee(number: int, team: Team, place: int, *, has_account: bool) -> Employee:
    given, family = _GIVEN_NAMES[number % 10], _FAMILY_NAMES[number // 10 % 10]
    address = f"{given}.{family}".translate(_ASCII).lower()
    return Employee(
        ref=f"E{number:03}",
        team=team.name,
        role="leader" if team.name == "Mgmt" or place == 0 else "employee",
        linkedin_account=has_account,
        invited_at=at_local(YEAR_START, 7),
        joined_at=_joined_at(team, place),
        is_active=place < team.active,
        display_name=f"{given} {family}",
        email=f"{address}@goldenratio.example",
    )


def _joined_at(team: Team, place: int) -> datetime | None:
    if place >= team.enrolled:
        return None
    # The active join before their first share on New Year's Day, the idle within a week.
    days_late = 0 if place < team.active else 1 + place % 6
    return at_local(YEAR_START + timedelta(days=days_late), 8, place)


def enrolled() -> tuple[Employee, ...]:
    """Return the 30 employees who joined the program."""
    return tuple(person for person in employees() if person.joined_at is not None)


def active() -> tuple[Employee, ...]:
    """Return the 24 members who share twice a week."""
    return tuple(person for person in employees() if person.is_active)


def tracked_links() -> tuple[TrackedLink, ...]:
    """Return the links to make: one per active employee × campaign × network."""
    return tuple(
        TrackedLink(
            employee=person.ref,
            network=NETWORK,
            campaign=CAMPAIGN,
            target_url=TARGET_URL,
        )
        for person in active()
    )


def ssi_scores() -> tuple[SsiScore, ...]:
    """Return two readings for each active member: the first working day and the quarter's end."""
    readings = ((date(2025, 1, 2), Decimal(0)), (date(2025, 3, 31), Decimal("3.5")))
    return tuple(
        SsiScore(person.ref, observed_on, _pillars(place, growth))
        for place, person in enumerate(active())
        for observed_on, growth in readings
    )


def _pillars(place: int, growth: Decimal) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    start = Decimal(place % 8)
    return (
        Decimal("12.25") + start + growth,
        Decimal("10.50") + start / 2 + growth,
        Decimal("9.75") + start + growth / 2,
        Decimal("14.00") + start / 4 + growth,
    )
