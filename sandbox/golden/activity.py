"""What the active members shared in the first quarter, and what each share earned."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

from sandbox.golden.people import active
from sandbox.golden.program import WEEKS_IN_QUARTER, at_local, day_of_week_number

__all__ = ["Share", "Visit", "shares", "visits"]

VIEWS, REACTIONS, CLICKS = 200, 3, 1

# Two days a week per member, as offsets from the Wednesday a week starts on. None is a Tuesday:
# the Tuesday of week 12 is 1 April and belongs to the next quarter.
_DAYS = ((0, 2), (1, 5), (2, 5), (0, 5))
_FIRST_POST = 7_280_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class Share:
    """One employee's post and what it earned on the day it went out.

    Half of the shares get one comment and the other half one reshare, so the quarter has
    0.5 of each per share on average.
    """

    number: int
    employee: str
    published_at: datetime
    clicked_at: datetime
    day: date
    origin: str
    mode: str
    content: str
    views: int
    reactions: int
    comments: int
    reshares: int
    clicks: int

    @property
    def post(self) -> str:
        """The network's id of the post."""
        return f"urn:li:share:{_FIRST_POST + self.number}"


@dataclass(frozen=True, slots=True)
class Visit:
    """One session on the website that began with a click on an employee's tracked link."""

    employee: str
    day: date
    is_engaged: bool
    is_lead: bool


@cache
def shares() -> tuple[Share, ...]:
    """Return the 624 shares (24 members × 2 a week × 13 weeks), in order of publication."""
    plan = sorted(
        (day_of_week_number(week, offset), place, person.ref)
        for place, person in enumerate(active())
        for week in range(WEEKS_IN_QUARTER)
        for offset in _DAYS[place % len(_DAYS)]
    )
    return tuple(_share(number, *entry) for number, entry in enumerate(plan))


def _share(number: int, day: date, place: int, employee: str) -> Share:
    return Share(
        number=number,
        employee=employee,
        # Every time lies far from both midnights, so the UTC day is the local day.
        published_at=at_local(day, 9 + place % 4, place),
        clicked_at=at_local(day, 14 + place % 4, place),
        day=day,
        origin="own" if number % 3 == 0 else "curated",
        mode="scheduled" if number % 4 == 0 else "manual",
        content=f"article-{1 + number % 12}",
        views=VIEWS,
        reactions=REACTIONS,
        comments=1 - number % 2,
        reshares=number % 2,
        clicks=CLICKS,
    )


@cache
def visits() -> tuple[Visit, ...]:
    """Return the 600 sessions made of 624 clicks: each member's last click never arrives.

    Thirty of them leave their address and become the quarter's leads.
    """
    last = {share.employee: share.number for share in shares()}
    arrived = [share for share in shares() if share.number != last[share.employee]]
    return tuple(
        Visit(
            share.employee,
            share.day,
            is_engaged=place % 3 != 0,
            is_lead=place % 20 == 10,
        )
        for place, share in enumerate(arrived)
    )
