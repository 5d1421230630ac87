"""Scenes: a few facts told together, so that what chance alone seldom brings about is in every run.

Whatever a story is about, a few of these happen beside it. Their people, deals and posts are their
own: what else is told cannot speak for them. Days lie around the ends of the periods that are
asked about, and around those of windows. What comes to light late comes after all else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from tests.property.saying import AMOUNTS, FIRST_DAY

__all__ = ["EARNING_SCENES", "SCENES", "Play", "Told"]


class Told(NamedTuple):
    """A fact by its kind and the fields that matter; whether it comes late, and for nothing."""

    kind: str
    fields: Mapping[str, Any]
    is_late: bool = False
    is_taken_back: bool = False


Scene = Iterator[Told]
#: After the midnight of one zone or another; of Lord Howe and Warsaw only while it is summer there.
_HOURS: Final = (time(9), *(time(13, 15), time(22, 30)) * 2, time(18, 20), time(23, 30))
_PARTIES: Final = ("100.00", "0.05", "0.01", *AMOUNTS)
_COUNTERS: Final = ("reactions", "comments", "reshares", "impressions")
#: The first day of the second period of each comparison.
_MIDDLE: Final = FIRST_DAY + timedelta(days=12)


def _day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def _at(chance: Random, number: int) -> datetime:
    return datetime.combine(_day(number), chance.choice(_HOURS), UTC)


def _touched(person: str, at: datetime, **where: Any) -> Told:
    fields = {"person": person, "occurred_at": at, "account": None, "employee": None}
    return Told("touch.recorded", {**fields, "channel": "employee_advocacy", **where})


def _moved(chance: Random) -> Scene:
    """Somebody changes teams between a touch, a post and what the touch leads to."""
    on, who = chance.randrange(3, 15), {"employee": "V1"}
    # Again on that day, back again, gone, and somewhere before all that was known.
    further: list[dict[str, Any]] = [
        {"team": "Sales", "effective_on": _day(on)},
        {"team": None, "effective_on": _day(on)},
        {"team": "Sales", "effective_on": _day(on + 3)},
        {"team": "IT", "effective_on": _day(on + 4), "employed": False},
        {"team": "IT", "effective_on": _day(-50)},
    ]
    rows = [
        {"team": "Sales", "effective_on": _day(chance.choice((-40, on - 1)))},
        {"team": "IT", "effective_on": _day(on)},
        *chance.sample(further, 2),
    ]
    late = chance.randrange(1, len(rows))
    for n, row in enumerate(rows):
        yield Told("employee.recorded", {**who, "employed": True, **row}, is_late=n == late)
    for number in (on - 2, on, on + 2, on + 4):
        yield Told("post.published", {**who, "account": None, "occurred_at": _at(chance, number)})
    yield _touched("v1", _at(chance, on - 2), **who)
    yield from _won(chance, "d6", "v1", created=on + 1, opened=on + 1, closed=on + 2)


def _won(
    chance: Random, name: str, person: str, *, created: int, opened: int, closed: int, **said: Any
) -> Scene:
    """Yield a lead and its deal, won."""
    lead = f"l{name}"
    yield Told(
        "lead.created", {"lead": lead, "person": person, "occurred_at": _at(chance, created)}
    )
    deal = {
        "deal": name,
        "lead": lead,
        "state": "won",
        "opened_at": _at(chance, opened),
        "closed_at": _at(chance, closed),
        "amount": chance.choice(_PARTIES),
        "currency": "USD",
    }
    yield Told("deal.changed", deal | said)


def _at_the_edge(chance: Random) -> Scene:
    """Touches come as long before a deal's end as a window is, or as the deal itself; or direct."""
    end = chance.randrange(6, 18)
    state = chance.choice(("won", "won", "won", "open", "open", "lost"))
    channels = chance.choice(
        (("direct",), ("direct",), ("employee_advocacy",), ("brand", "direct"))
    )
    ended_at = _at(chance, end)
    for back in chance.sample((0, 1, 2, 4, 5, 9, 10, 11), 4):
        at = ended_at if not back else _at(chance, end - back)
        yield _touched(
            "v2", at, channel=chance.choice(channels), employee=chance.choice(("E1", "E2"))
        )
    deal: dict[str, Any] = {"opened_at": ended_at, "closed_at": None}
    if state != "open":
        deal = {"opened_at": _at(chance, end - 3), "closed_at": ended_at}
    yield from _won(
        chance, "d7", "v2", created=end - 1, opened=end, closed=end, state=state, **deal
    )


def _in_runs(chance: Random) -> Scene:
    """Somebody is met again after as many days as a window has, or one more; little comes of it."""
    number = 0
    channel = chance.choice(("employee_advocacy", "brand"))
    for gap in (0, *chance.choices((1, 3, 4, 9, 10, 10), k=2)):
        number += gap
        yield _touched("v6", _at(chance, number), channel=channel)
    who = {"person": "v6", "occurred_at": _at(chance, 1), "employee": None, "channel": None}
    match chance.choice(("nothing", "a lead", "an application")):
        case "a lead":
            yield Told("lead.created", {**who, "lead": "l6"})
        case "an application":
            yield Told("application.submitted", {**who, "account": None, "application": "a6"})


def _hired(chance: Random) -> Scene:
    """An advocate meets an applicant, sometimes too late to have brought them, or as another."""
    applied = chance.randrange(2, 12)
    hired = applied + chance.randrange(1, 5)
    nobody = {"employee": None, "channel": None, "account": None, "application": "a7"}
    is_linked = chance.random() < 0.6
    met = ("v4", "v4", "v3") if is_linked else ("v3",)
    for number in chance.choice(((hired,), (applied + 1,), (applied - 1, hired), (applied - 1,))):
        yield _touched(chance.choice(met), _at(chance, number), employee="E1")
    who = {"person": "v3", "occurred_at": _at(chance, applied)}
    yield Told("application.submitted", {**nobody, **who})
    days, hour = chance.choice(((20, time(23, 15)), (20, time(13, 15)), (1, time(22, 30))))
    contact = datetime.combine(_day(applied - days), hour, UTC)
    who = {"person": chance.choice((None, "v3")), "occurred_at": _at(chance, hired)}
    yield Told("hire.accepted", {**nobody, **who, "first_contact_at": contact})
    # The same person may buy as well.
    lead = {"lead": "l7", "person": "v3", "occurred_at": _at(chance, applied)}
    yield Told("lead.created", lead)
    if is_linked:
        same = {"person": "v3", "same_as": ("v4",)}
        yield Told("person.identified", same, is_late=True, is_taken_back=chance.random() < 0.6)


def _bought_again(chance: Random) -> Scene:
    """A customer's first deal is the last one to close, in the next period."""
    opened, closed = chance.randrange(-3, 4), (_MIDDLE - FIRST_DAY).days
    dates = ((opened, closed + chance.randrange(3)), (opened + 3, closed - 2 - chance.randrange(3)))
    for name, (began, ended) in zip(("d8", "d9"), dates, strict=True):
        said = {"customer": "globex"}
        yield from _won(chance, name, "v5", created=began, opened=began, closed=ended, **said)


def _connected(chance: Random) -> Scene:
    """Somebody's connections are told between their posts."""
    own = {"employee": "V2", "account": None, "network": "linkedin"}
    days = chance.sample(range(3, 20), 5)
    for number, count in zip(days[:2], (10, 250), strict=True):
        reading = {"metric": "connections", "count": count, "occurred_at": _at(chance, number)}
        yield Told("audience.recorded", own | reading, is_late=chance.random() < 0.3)
    for number in days[2:]:
        yield Told("post.published", own | {"occurred_at": _at(chance, number)})


def _left(chance: Random) -> Scene:
    """Somebody leaves where a period ends, or a day before or after."""
    who = {"employee": "V3"}
    since = {"employed": True, "team": "IT", "effective_on": _day(chance.choice((-40, 3)))}
    yield Told("employee.recorded", {**who, **since})
    yield Told("member.joined", {**who, "occurred_at": _at(chance, 3)})
    for number in (11, 12, 20):
        post = {"account": None, "network": "linkedin", "occurred_at": _at(chance, number)}
        yield Told("post.published", who | post)
    reading = {"metric": "connections", "count": 3, "account": None, "network": "linkedin"}
    yield Told("audience.recorded", {**who, **reading, "occurred_at": _at(chance, 5)})
    ended = {"employed": False, "effective_on": _day(chance.choice((11, 12, 13, 20, 21, 22)))}
    yield Told("employee.recorded", {**who, **ended}, is_late=chance.random() < 0.5)


def _counted(chance: Random) -> Scene:
    """A counter falls back, and a reading in between is told late; one may leave counters out."""
    first = chance.randrange(0, 12)
    published = {"post": "p7", "employee": "V2", "account": None}
    yield Told("post.published", {**published, "occurred_at": _at(chance, first)})
    counts = chance.choice(((10, 3, 1), (250, 10, 3), (1, 10, 3), (3, 0, 10)))
    for number, count in enumerate(counts):
        told: dict[str, Any] = dict.fromkeys(_COUNTERS, count)
        told["clicks"] = chance.choice((None, count))
        at = {"post": "p7", "occurred_at": _at(chance, first + 1 + number)}
        yield Told("post.metrics", at | told, is_late=number == 1)


def _spent(chance: Random) -> Scene:
    """What is paid once is used for longer than a period; some of it is working time."""
    for _ in range(2):
        starts = chance.choice((-10, 3, 7, 11))
        cost = {
            "is_one_off": chance.random() < 0.7,
            "starts_on": _day(starts),
            "ends_on": _day(starts + chance.choice((1, 3))),
            "amount": chance.choice(("100.00", "0.05", "99999.99")),
            "channel": None,
        }
        yield Told("cost.booked", cost)


#: What plays a scene.
Play = Callable[[Random], Scene]
EARNING_SCENES: Sequence[Play] = (_moved, _at_the_edge, _in_runs, _hired, _spent)
SCENES: Sequence[Play] = (*EARNING_SCENES, _bought_again, _connected, _left, _counted)
