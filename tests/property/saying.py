"""What is told of a small world: of each kind of fact, the few values that its fields may have.

Whoever draws a fact says how one of several values is chosen: a history made of choices can be made
smaller (`worlds`), one made of a seed has more happen in it (`stories`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.facts import Fact, Identity, Retraction, parse_fact
from tests.property import wider

__all__ = [
    "AMOUNTS",
    "BODIES",
    "FIRST_DAY",
    "INSTANTS",
    "LAST_DAY",
    "Choose",
    "Delivery",
    "fact",
    "identity",
]

Delivery = Fact | Retraction
#: How one of several values is chosen.
Choose = Callable[[Sequence[Any]], Any]
FIRST_DAY, LAST_DAY = date(2025, 3, 24), date(2025, 4, 14)

_ANCHORS = (
    datetime(2025, 3, 26, 18, 15, tzinfo=UTC),  # midnight in Kathmandu
    datetime(2025, 3, 29, 23, 0, tzinfo=UTC),  # midnight in Warsaw before the clocks change
    datetime(2025, 3, 30, 1, 0, tzinfo=UTC),  # the clocks of Warsaw change
    datetime(2025, 3, 30, 22, 0, tzinfo=UTC),  # midnight in Warsaw after it
    datetime(2025, 4, 5, 13, 0, tzinfo=UTC),  # midnight in Lord Howe before the clocks change
    datetime(2025, 4, 5, 15, 0, tzinfo=UTC),  # the clocks of Lord Howe change, by half an hour
    datetime(2025, 4, 6, 13, 30, tzinfo=UTC),  # midnight in Lord Howe after it
    datetime(2025, 4, 10, 12, 0, tzinfo=UTC),
)
_MINUTES = (-2880, -1440, -61, -30, -1, 0, 1, 29, 60, 1440, 7200)
INSTANTS = tuple(anchor + timedelta(minutes=minutes) for anchor in _ANCHORS for minutes in _MINUTES)

_DELAYS = (timedelta(0), timedelta(0), timedelta(days=4), timedelta(days=12))
_WEEKS = (*(0,) * 12, 4, 8, 12, 26)
_DAYS = [FIRST_DAY + timedelta(days=n) for n in (2, 3, 6, 7, 13, 18)]
_EMPLOYEES = ("E1", "E2", "E3")
_NETWORKS = ("linkedin", "x")
_SOURCES = ("crm", "partner")
_COUNTS = (0, 1, 3, 10, 250)
_DELTAS = (-3, 0, 1, 10, 250)
_CHANNELS = ("employee_advocacy", "employee_advocacy", "brand", "paid", "direct")
_POSTS = ("p1", "p2")
_PEOPLE = ("q1", "q1", "q2", "q3")
AMOUNTS = ("100.00", "0.01", "0.05", "0.00", "99999.99", "7.125", "-10.00")
_SCORES = ("0", "12.5", "25")


def _maybe(*values: Any) -> Sequence[Any]:
    """Return values that are left out as often as not."""
    return (*(None,) * len(values), *values)


def _where(*, is_by_channel: bool = False) -> wider.Fields:
    """Return who and where: an employee or an account."""
    where = {
        "who": [*({"employee": e} for e in _EMPLOYEES), {"account": "A"}],
        "network": _maybe(*_NETWORKS),
        "campaign": _maybe("c1"),
        "content": _maybe("k1"),
    }
    return where | ({"channel": _maybe(*_CHANNELS)} if is_by_channel else {})


_COUNTERS = ("impressions", "reactions", "comments", "reshares", "clicks")
#: Not every source counts views and clicks.
_UNTOLD = ("impressions", "clicks")
_EMPLOYEE = {"employee": _EMPLOYEES}
_EITHER = (False, True)
_TOLD: dict[str, wider.Fields] = {
    "employee.recorded": {
        **_EMPLOYEE,
        # Few days: two sources often disagree about the same one.
        "effective_on": [FIRST_DAY + timedelta(days=n) for n in (2, 6)],
        "employed": (True, True, False),
        "team": _maybe("Sales", "IT"),
        "linkedin_account": _EITHER,
    },
    "member.invited": _EMPLOYEE,
    "member.joined": _EMPLOYEE,
    "member.left": _EMPLOYEE,
    "post.published": {
        "post": _POSTS,
        "origin": ("own", "curated"),
        **_where(is_by_channel=True),
    },
    "post.metrics": {
        "post": _POSTS,
        **dict.fromkeys(_COUNTERS, _COUNTS),
        **dict.fromkeys(_UNTOLD, _maybe(*_COUNTS)),
        **_where(),
    },
    "engagement.daily": {
        "day": _DAYS,
        **dict.fromkeys(_COUNTERS, _DELTAS),
        **dict.fromkeys(_UNTOLD, _maybe(*_DELTAS)),
        **_where(),
    },
    "audience.recorded": {
        "metric": (*("followers", "connections") * 2, "competitor_followers", "market"),
        "count": _COUNTS,
        **_where(),
    },
    "link.clicked": {
        "link": ("abc",),
        "is_human": _EITHER,
        **_where(is_by_channel=True),
    },
    "session.recorded": {
        "day": _DAYS,
        "sessions": _COUNTS,
        "engaged_sessions": _COUNTS,
        "key_events": _COUNTS,
        "landing": ("site", "careers"),
        **_where(is_by_channel=True),
    },
    "touch.recorded": {"person": _PEOPLE, **_where(), "channel": _CHANNELS},
    "person.identified": {
        "person": _PEOPLE,
        "same_as": [("q1",), ("q2",), ("q3",), ("q1", "q2"), ("q1", "q3"), ("q2", "q3")],
    },
    "lead.created": {"lead": ("l1", "l2"), "person": ("q1", "q1", "q1", "q2", None)},
    "application.submitted": {
        "application": ("a1",),
        "employee": _maybe(*_EMPLOYEES),
        "channel": _maybe(*_CHANNELS),
        "person": _maybe(*_PEOPLE),
    },
    "hire.accepted": {
        "application": ("a1",),
        "employee": _maybe(*_EMPLOYEES),
        "person": _maybe(*_PEOPLE),
    },
    "ssi.recorded": {
        **_EMPLOYEE,
        **dict.fromkeys(("brand", "people", "insights", "relationships"), _SCORES),
        "network": _maybe(*_NETWORKS),
    },
    "deal.changed": {
        "deal": ("d1", "d2"),
        "lead": ("l1", "l1", "l1", "l2", None),
        "state": (*("open",) * 2, *("won",) * 4, *("lost",) * 2),
    },
    "cost.booked": {
        "category": ("platform", "rewards", "employee_time", "manager_time"),
        "is_one_off": _EITHER,
        "amount": AMOUNTS,
        "currency": ("USD",),
        "employee": _maybe(*_EMPLOYEES),
        "campaign": _maybe("c1"),
        "channel": (None, None, "brand"),
    },
}
#: Kind → its fields beside the envelope; ``who`` stands for fields that go together.
BODIES: Mapping[str, wider.Fields] = {
    kind: {**_TOLD.get(kind, {}), **wider.BODIES.get(kind, {}), **wider.FURTHER.get(kind, {})}
    for kind in (*_TOLD, *wider.BODIES)
}


def fact(choose: Choose, kind: str, instants: Sequence[datetime], /, **fixed: Any) -> Fact:
    """Return a fact of a kind; ``fixed`` are fields that are not chosen."""
    body = {name: choose(values) for name, values in BODIES[kind].items()}
    body |= body.pop("who", {})
    if kind == "deal.changed":
        body = _deal(choose, body, instants) | body
    elif kind == "cost.booked":
        body |= _days(choose)
    body |= fixed
    # Weeks later somebody may still be posting, or not: that is what retention tells.
    weeks = choose(_WEEKS) if kind == "post.published" else 0
    envelope = {
        "kind": kind,
        "source": choose(_SOURCES),
        "external_id": choose(_external_ids(kind)),
        "occurred_at": choose(instants) + timedelta(weeks=weeks),
        "revision": choose(range(4)),
    }
    told = envelope | body
    return parse_fact({name: value for name, value in told.items() if value is not None})


def _deal(choose: Choose, body: Mapping[str, Any], instants: Sequence[datetime]) -> dict[str, Any]:
    has_amount = body["state"] == "won" or choose(_EITHER)
    opened_at = choose(instants)
    # Who knows what an open deal is worth hopes for a day, too: nothing has closed on it.
    hoped_for = opened_at + timedelta(days=3) if has_amount else None
    is_open = body["state"] == "open"
    return {
        "opened_at": opened_at,
        "closed_at": hoped_for if is_open else choose(instants) + choose(_DELAYS),
        **({"amount": choose(AMOUNTS), "currency": "USD"} if has_amount else {}),
    }


def _days(choose: Choose) -> dict[str, Any]:
    starts_on = choose(_DAYS)
    return {"starts_on": starts_on, "ends_on": starts_on + timedelta(days=choose((1, 3, 7, 11)))}


def identity(choose: Choose, kind: str) -> Identity:
    """Return one of the few identities that facts of a kind have."""
    return Identity(choose(_SOURCES), kind, choose(_external_ids(kind)))


def _external_ids(kind: str) -> Sequence[str]:
    # A journey needs several touches, and a counter that is left out a reading on either side; of
    # other kinds few identities stand, often corrected.
    are_many = kind in {"touch.recorded", "post.metrics"}
    return ("1", "2", "3", "4") if are_many else ("1", "2")
