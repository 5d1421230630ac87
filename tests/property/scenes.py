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

__all__ = ["EARNING_SCENES", "LONG_SCENES", "SCENES", "Play", "Told"]


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
_MIDDLE: Final = 12
#: Fields of facts that leave them out.
_NO_MONEY: Final = dict.fromkeys(("currency", "hours", "department", "job"))
_UNSAID: Final = dict.fromkeys(("employee", "channel", "person", "job", "department"))
#: Days after an invitation: the last ones, and those after them, of what may be stated.
_LATEST: Final = tuple((f"V{20 + days}", days) for days in (1, 2, 5, 6, 60, 61))
_INTERNAL: Final = (
    *("posts", "comments", "reactions", "reads", "events", "polls", "suggestions"),
    *("knowledge_items", "knowledge_reads"),
)
#: What two sources may say of one application.
_OPEN: Final = (
    {**_UNSAID, "job": "j1", "department": "North", "employee": "E1"},
    {**_UNSAID, "job": "j2", "department": "South"},
)


def _day(number: int) -> date:
    return FIRST_DAY + timedelta(days=number)


def _nine(number: int) -> datetime:
    """Return a moment of a day that is the same day in all zones."""
    return datetime.combine(_day(number), time(9), UTC)


def _at(chance: Random, number: int) -> datetime:
    return datetime.combine(_day(number), chance.choice(_HOURS), UTC)


def _touched(person: str, at: datetime, **where: Any) -> Told:
    fields = {"person": person, "occurred_at": at, "account": None, "employee": None}
    return Told("touch.recorded", {**fields, "channel": "employee_advocacy", **where})


def _posted(employee: str, at: datetime, **where: Any) -> Told:
    fields = {"employee": employee, "account": None, "occurred_at": at}
    return Told("post.published", {**fields, "post": f"{employee} {at}", **where})


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
        yield _posted("V1", _at(chance, number))
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
    for back in (0, *chance.sample((1, 2, 4, 5, 9, 10, 11), 3)):
        at = ended_at if not back else _at(chance, end - back)
        met = _touched(
            "v2", at, channel=chance.choice(channels), employee=chance.choice(("E1", "E2"))
        )
        # Who came last may come to light last: what the deal led to is told by then.
        yield met._replace(is_late=not back and chance.random() < 0.8)
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


def _met_in_another_season(chance: Random) -> Scene:
    """Who was met before the clocks changed, near midnight, is hired where a period begins or ends.

    By the clocks of the hire's day the meeting would have been on another day: one in Warsaw, the
    other in Lord Howe.
    """
    for name, hired, hour in (("a8", 7, time(22, 30)), ("a9", 13, time(13, 15))):
        contact = datetime.combine(_day(-chance.randrange(2, 9)), hour, UTC)
        accepted = {"occurred_at": _nine(hired), "first_contact_at": contact}
        yield Told("hire.accepted", {**accepted, "application": name, "employee": "E1"})


def _bought_again(chance: Random) -> Scene:
    """A customer's first deal is the last one to close, in the next period."""
    opened, closed = chance.randrange(-3, 4), _MIDDLE
    dates = ((opened, closed + chance.randrange(3)), (opened + 3, closed - 2 - chance.randrange(3)))
    for name, (began, ended) in zip(("d8", "d9"), dates, strict=True):
        said = {"customer": "globex"}
        yield from _won(chance, name, "v5", created=began, opened=began, closed=ended, **said)


def _connected(chance: Random) -> Scene:
    """Somebody's connections are told between their posts."""
    own = {"employee": "V2", "account": None, "network": "linkedin"}
    days = chance.sample(range(3, 20), 5)
    for number, count in zip(days[:2], (10, 250), strict=True):
        reading = {
            "metric": "connections",
            "count": count,
            "occurred_at": _at(chance, number),
        }
        yield Told("audience.recorded", own | reading, is_late=chance.random() < 0.3)
    for number in days[2:]:
        yield _posted("V2", _at(chance, number), network="linkedin")


def _left(chance: Random) -> Scene:
    """Somebody leaves where a period ends, or a day before or after."""
    who = {"employee": "V3"}
    since = {"employed": True, "team": "IT", "effective_on": _day(chance.choice((-40, 3)))}
    yield Told("employee.recorded", {**who, **since})
    yield Told("member.joined", {**who, "occurred_at": _at(chance, 3)})
    for number in (11, 12, 20):
        yield _posted("V3", _at(chance, number), network="linkedin")
    reading = {"metric": "connections", "count": 3, "account": None, "network": "linkedin"}
    yield Told("audience.recorded", {**who, **reading, "occurred_at": _at(chance, 5)})
    ended = {"employed": False, "effective_on": _day(chance.choice((11, 12, 13, 20, 21, 22)))}
    yield Told("employee.recorded", {**who, **ended}, is_late=chance.random() < 0.5)


def _counted(chance: Random) -> Scene:
    """A counter falls back, and a reading in between is told late; one may leave counters out."""
    first = chance.randrange(0, 12)
    published = {"post": "p7", "employee": "V2", "account": None, "hashtags": ("a", "b")}
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


def _said_at_once(chance: Random) -> Scene:
    """Of one moment, or of one day, two sources say different things: one of them is believed."""
    number = chance.randrange(4, 11)
    at, before = _at(chance, number), {"occurred_at": _nine(-5)}
    posts, leaver, staff = ({"employee": name} for name in ("V4", "V5", "V6"))
    yield Told("member.joined", {**posts, **before})
    yield Told("member.joined", {**staff, **before})
    for kind in ("member.joined", "member.left"):
        yield Told(kind, {**posts, "occurred_at": at})
    for after in (1, 2):
        yield _posted("V4", _nine(number + after))
    for n, state in enumerate(("live", "expired")):
        account = {**staff, "state": state, "occurred_at": at}
        yield Told("access.recorded", {**account, "system": "network", "network": "linkedin"})
        yield Told("access.recorded", {**account, "system": "internal", "network": None})
        yield Told("application.submitted", {"application": "a10", "occurred_at": at, **_OPEN[n]})
        yield Told("hire.accepted", {"application": "a10", "occurred_at": _nine(12), **_UNSAID})
    for count, points in ((3, "0"), (250, "25")):
        own = {**staff, "network": "linkedin", "account": None, "occurred_at": at}
        yield Told("audience.recorded", {**own, "metric": "connections", "count": count})
        yield Told("ssi.recorded", {**own, "brand": points})
    legal = {"team": "Legal", "employed": True, "effective_on": _day(-40)}
    yield Told("employee.recorded", {**staff, **legal})
    searching = {"figure": "search_hours", "team": "Legal", "day": _day(number)}
    # The last of these words is believed, and the first of those about who has left.
    for n, value in enumerate(("0", "12.5", "100.0001")):
        hour = {"occurred_at": datetime.combine(_day(number), time(9 + n), UTC)}
        yield Told("figure.recorded", {**_NO_MONEY, **searching, "value": value, **hour})
        why = {"reason": "own_wish" if n else "adaptation", "in_probation": True}
        yield Told("employment.ended", {**leaver, **why, **hour})


def _to_the_day(chance: Random) -> Scene:
    """Somebody posts on the first or the last day of a week that is asked about, another beside it.

    And what ends a stretch of days, or begins the next one, happens on that very day or moment.
    """
    joined = chance.randrange(0, 3)
    for name in ("V7", "V8"):
        for kind in ("member.invited", "member.joined"):
            yield Told(kind, {"employee": name, "occurred_at": _nine(joined)})
    for week in (1, 4, 8, 12, 26):
        for name, days in (("V7", (0, 6)), ("V8", (-1, 7))):
            yield _posted(name, _nine(joined + 7 * week + chance.choice(days)))
    # What is offered in the first period is used on the first day of the second one.
    released = {"employee": None, "content": "k9", "occurred_at": _nine(10)}
    yield Told("content.released", released)
    yield _posted("V7", _nine(_MIDDLE), content="k9")
    # Who did something before that day leads from then on, or until then.
    for name, was, role in (("V13", None, "leader"), ("V14", "leader", None)):
        place = {"employee": name, "employed": True}
        yield Told("employee.recorded", {**place, "role": was, "effective_on": _day(-40)})
        yield Told("employee.recorded", {**place, "role": role, "effective_on": _day(_MIDDLE)})
        yield _posted(name, _nine(7))
        opened = {"employee": name, "system": "listening", "occurred_at": _nine(7)}
        yield Told("login.recorded", opened)
    # Whoever is invited takes part by the last day that counts, or on the day after it.
    for name, after in _LATEST:
        # What is told again is no other invitation.
        for day in (joined, _MIDDLE + 1, _MIDDLE + 2):
            yield Told("member.invited", {"employee": name, "occurred_at": _nine(day)})
        yield _posted(name, _nine(joined + after))
    brand = {"employee": None, "account": "B", "network": "linkedin", "occurred_at": _nine(5)}
    yield Told("post.published", {**brand, "post": "p8", "occurred_at": _nine(3)})
    yield Told("audience.recorded", {**brand, "metric": "followers", "count": 250})
    for reach in (3, 10):
        yield Told("post.metrics", {**brand, "post": "p8", "reach": reach})
    # Whatever somebody does on the internal network, they are active there.
    for done in _INTERNAL:
        nothing_else = {"employee": f"by {done}", "day": _day(4), **dict.fromkeys(_INTERNAL, 0)}
        yield Told("internal.daily", {**nothing_else, done: 1})


def _named_alike(chance: Random) -> Scene:
    """A customer is called as another one's deal is, in a market that is new or is not."""
    yield _touched("v7", _nine(3), employee="E1")
    days = {"created": 3, "opened": 3, "closed": 4}
    yield from _won(chance, "d10", "v7", **days, customer="d11", is_new_market=True)
    yield from _won(chance, "d11", "v7", **days, customer=None, is_new_market=False)


#: What plays a scene.
Play = Callable[[Random], Scene]
EARNING_SCENES: Sequence[Play] = (
    *(_moved, _at_the_edge, _in_runs, _hired, _met_in_another_season, _spent),
)
SCENES: Sequence[Play] = (
    *(*EARNING_SCENES, _bought_again, _connected, _left, _counted, _named_alike),
)
#: These are long: they are of long stories alone.
LONG_SCENES: Sequence[Play] = (*SCENES, _said_at_once, _to_the_day)
