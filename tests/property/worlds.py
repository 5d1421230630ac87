"""Random histories over a small world, so that everything happens to the same few things.

A history is a list of deliveries about few identities with few revisions: most deliveries repeat,
correct, delete or revive an earlier one, or arrive late. Instants gather around midnights and
around the nights on which Warsaw and Lord Howe change their clocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.facts import Fact, Identity, PostPublished, Retraction, parse_fact
from tests.property import wider
from tests.property.oracle.rates import KEYS, Stated

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "Delivery",
    "Setting",
    "Step",
    "histories",
    "rates",
    "settings",
    "steps",
    "value_histories",
]

Delivery = Fact | Retraction
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


@dataclass(frozen=True)
class Setting:
    """What an organization is created with."""

    time_zone: str
    window_days: int
    half_life_days: int


@dataclass(frozen=True)
class Step:
    """How many deliveries arrive next, and how many entries are folded then, if any.

    The fold credits so many touches at once: all that there are, or a portion after the other.
    """

    deliveries: int
    fold_limit: int | None
    touches_at_once: int


settings = st.builds(
    Setting,
    time_zone=st.sampled_from(["Europe/Warsaw", "Asia/Kathmandu", "Australia/Lord_Howe"]),
    window_days=st.sampled_from([1, 4, 9, 90, 90]),
    half_life_days=st.sampled_from([1, 2, 7, 30]),
)
steps = st.lists(
    st.builds(
        Step,
        deliveries=st.integers(1, 12),
        fold_limit=st.sampled_from([None, 1, 2, 5, 1000]),
        touches_at_once=st.sampled_from([50_000, 1, 3]),
    ),
    min_size=1,
    max_size=10,
)
#: Rates stated one after another: most keys change within the days asked about, some twice a day.
_rate_days = st.sampled_from([FIRST_DAY + timedelta(days=n) for n in (-90, 3, 8, 8, 16)])
_priced = st.builds(
    Stated,
    key=st.sampled_from(sorted(KEYS)) | st.just("gross_margin"),
    effective_on=_rate_days,
    value=st.sampled_from(["0", "0.3", "0.8", "1"]),
)
_counted = [
    st.builds(Stated, st.just(key), _rate_days, st.sampled_from(values))
    for key, values in {
        "active.weeks": ["1", "2", "6"],
        "active.weeks_needed": ["1", "2", "4"],
        "activation.days": ["1", "5", "60"],
        "expert.index": ["20", "45.5", "90"],
    }.items()
]
rates = st.lists(st.one_of(_priced, _priced, _priced, *_counted), max_size=12)

_instants = st.builds(
    lambda anchor, minutes: anchor + timedelta(minutes=minutes),
    st.sampled_from(_ANCHORS),
    st.sampled_from([-2880, -1440, -61, -30, -1, 0, 1, 29, 60, 1440, 7200]),
)
_delays = st.sampled_from([timedelta(0), timedelta(0), timedelta(days=4), timedelta(days=12)])
_weeks = st.sampled_from([0] * 12 + [4, 8, 12, 26])
_days = st.sampled_from([FIRST_DAY + timedelta(days=n) for n in (2, 3, 6, 7, 13, 18)])
_employees = st.sampled_from(["E1", "E2", "E3"])
_networks = st.sampled_from(["linkedin", "x"])
_revisions = st.integers(0, 3)
_sources = st.sampled_from(["crm", "partner"])
_counts = st.sampled_from([0, 1, 3, 10, 250])
_deltas = st.sampled_from([-3, 0, 1, 10, 250])
_channels = st.sampled_from(["employee_advocacy", "employee_advocacy", "brand", "paid", "direct"])
_posts = st.sampled_from(["p1", "p2"])
_people = st.sampled_from(["q1", "q1", "q2", "q3"])
_leads = st.sampled_from(["l1", "l1", "l1", "l2", None])
_amounts = st.sampled_from(["100.00", "0.01", "0.05", "0.00", "99999.99", "7.125", "-10.00"])
_closed_at = st.sampled_from([datetime(2025, 4, day, 20, tzinfo=UTC) for day in (7, 12, 30)])
_closings = st.fixed_dictionaries(
    {"closed_at": _closed_at, "amount": _amounts, "currency": st.just("USD")}
)
_scores = st.sampled_from(["0", "12.5", "25"])


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _where(*, is_by_channel: bool = False) -> dict[str, st.SearchStrategy[Any]]:
    """Return who and where: an employee or an account."""
    where = {
        "who": st.sampled_from([{"employee": e} for e in ("E1", "E2", "E3")] + [{"account": "A"}]),
        "network": _maybe(_networks),
        "campaign": _maybe(st.just("c1")),
        "content": _maybe(st.just("k1")),
    }
    return where | ({"channel": _maybe(_channels)} if is_by_channel else {})


_COUNTERS = ("impressions", "reactions", "comments", "reshares", "clicks")
#: Not every source counts views and clicks.
_UNTOLD = ("impressions", "clicks")
_EMPLOYEE = {"employee": _employees}
#: kind → how the fields beside the envelope are drawn
_BODIES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "employee.recorded": {
        **_EMPLOYEE,
        # Few days: two sources often disagree about the same one.
        "effective_on": st.sampled_from([FIRST_DAY + timedelta(days=n) for n in (2, 6)]),
        "employed": st.sampled_from([True, True, False]),
        "team": _maybe(st.sampled_from(["Sales", "IT"])),
        "linkedin_account": st.booleans(),
    },
    "member.invited": _EMPLOYEE,
    "member.joined": _EMPLOYEE,
    "member.left": _EMPLOYEE,
    "post.published": {
        "post": _posts,
        "origin": st.sampled_from(["own", "curated"]),
        **_where(is_by_channel=True),
    },
    "post.metrics": {
        "post": _posts,
        **dict.fromkeys(_COUNTERS, _counts),
        **dict.fromkeys(_UNTOLD, _maybe(_counts)),
        **_where(),
    },
    "engagement.daily": {
        "day": _days,
        **dict.fromkeys(_COUNTERS, _deltas),
        **dict.fromkeys(_UNTOLD, _maybe(_deltas)),
        "is_paid": _maybe(st.booleans()),
        **_where(),
    },
    "audience.recorded": {
        "metric": st.sampled_from(
            [*("followers", "connections") * 2, "competitor_followers", "market"]
        ),
        "count": _counts,
        **_where(),
    },
    "link.clicked": {
        "link": st.just("abc"),
        "is_human": st.booleans(),
        **_where(is_by_channel=True),
    },
    "session.recorded": {
        "day": _days,
        "sessions": _counts,
        "engaged_sessions": _counts,
        "key_events": _counts,
        "landing": st.sampled_from(["site", "careers"]),
        **_where(is_by_channel=True),
    },
    "touch.recorded": {"person": _people, **_where(), "channel": _channels},
    "person.identified": {
        "person": _people,
        "same_as": st.lists(_people, min_size=1, max_size=2),
    },
    "lead.created": {
        "lead": st.sampled_from(["l1", "l2"]),
        "person": st.sampled_from(["q1", "q1", "q1", "q2", None]),
    },
    "application.submitted": {
        "application": st.just("a1"),
        "employee": _maybe(_employees),
        "channel": _maybe(_channels),
        "person": _maybe(_people),
    },
    "hire.accepted": {
        "application": st.just("a1"),
        "employee": _maybe(_employees),
        "person": _maybe(_people),
    },
    "ssi.recorded": {
        **_EMPLOYEE,
        **dict.fromkeys(("brand", "people", "insights", "relationships"), _scores),
        "network": _maybe(_networks),
    },
}
# A history keeps to one theme, so that its deliveries are about the same things.
_PUBLISHING = ("post.published", "post.metrics", "employee.recorded")
_COUNTING = (*("post.metrics",) * 4, "post.published")
_SELLING = (*("touch.recorded",) * 3, "lead.created", "deal.changed")
_MERGING = (*_SELLING, *("person.identified",) * 2)
_APPLYING = (*("touch.recorded",) * 3, "application.submitted", "hire.accepted")
_BELONGING = (
    *("employee.recorded", "member.invited", "member.joined", "member.left"),
    *("post.published", "audience.recorded", "ssi.recorded"),
)
_BODIES |= wider.BODIES
_BODIES |= {
    kind: _BODIES[kind] | fields for kind, fields in wider.FURTHER.items() if kind in _BODIES
}
_EVERYTHING = (*_BODIES, "deal.changed", "cost.booked", *_SELLING)
_THEMES = (
    *(_PUBLISHING, _COUNTING, _SELLING, _MERGING, _APPLYING, _BELONGING, _EVERYTHING),
    *((*_SELLING, "employee.recorded"), wider.COMPANY, wider.EVIDENCE),
)

_EARNING = (
    (*_MERGING, "cost.booked", "cost.booked", "employee.recorded"),
    (*_SELLING, *("cost.booked",) * 2, "hire.accepted", "link.clicked", "post.metrics"),
    (*_APPLYING, *("person.identified", "employee.recorded", "cost.booked"), "deal.changed"),
)


@st.composite
def _deal(draw: st.DrawFn, instants: st.SearchStrategy[datetime]) -> dict[str, Any]:
    state = draw(st.sampled_from(["open", "won", "won", "won", "lost"]))
    has_amount = state == "won" or draw(st.booleans())
    deal, lead = draw(st.sampled_from(["d1", "d2"])), draw(_leads)
    opened_at = draw(instants)
    # Who knows what an open deal is worth hopes for a day, too: nothing has closed on it.
    hoped_for = opened_at + timedelta(days=3) if has_amount else None
    return {
        "deal": deal,
        "lead": lead,
        "state": state,
        "opened_at": opened_at,
        "closed_at": hoped_for if state == "open" else draw(instants) + draw(_delays),
        **({"amount": draw(_amounts), "currency": "USD"} if has_amount else {}),
        **draw(st.fixed_dictionaries(wider.FURTHER["deal.changed"])),
    }


@st.composite
def _cost(draw: st.DrawFn) -> dict[str, Any]:
    starts_on = draw(_days)
    return {
        "category": draw(st.sampled_from(["platform", "rewards", "employee_time"])),
        "is_one_off": draw(st.booleans()),
        "amount": draw(_amounts),
        "currency": "USD",
        "starts_on": starts_on,
        "ends_on": starts_on + timedelta(days=draw(st.sampled_from([1, 3, 7, 11]))),
        "employee": draw(_maybe(_employees)),
        "campaign": draw(_maybe(st.just("c1"))),
        "channel": draw(st.sampled_from([None, None, "brand"])),
    }


_Instants = st.SearchStrategy[datetime]


@st.composite
def _fact(draw: st.DrawFn, /, kind: str, instants: _Instants, **fixed: Any) -> Fact:
    """Return a version of one of a few identities; ``fixed`` are fields that are not drawn."""
    special = {"deal.changed": _deal(instants), "cost.booked": _cost()}
    body = draw(special[kind] if kind in special else st.fixed_dictionaries(_BODIES[kind]))
    body |= body.pop("who", {})
    body |= fixed
    # Weeks later somebody may still be posting, or not: that is what retention tells.
    weeks = draw(_weeks) if kind == "post.published" else 0
    return parse_fact(
        {
            "kind": kind,
            "source": draw(_sources),
            "external_id": draw(_external_ids(kind)),
            "occurred_at": draw(instants) + timedelta(weeks=weeks),
            "revision": draw(_revisions),
            **{name: value for name, value in body.items() if value is not None},
        }
    )


def _external_ids(kind: str) -> st.SearchStrategy[str]:
    # A journey needs several touches, and a counter that is left out a reading on either side; of
    # other kinds few identities stand, often corrected.
    are_many = kind in {"touch.recorded", "post.metrics"}
    return st.sampled_from(["1", "2", "3", "4"] if are_many else ["1", "2"])


@st.composite
def _delivery(draw: st.DrawFn, kinds: Sequence[str], instants: _Instants) -> Delivery:
    """Return a version of one of a few identities, or its deletion."""
    kind = draw(st.sampled_from(kinds))
    # A merge that is taken back parts what it joined: else there would be few of these.
    if draw(st.integers(0, 2 if kind == "person.identified" else 7)) == 0:
        identity = Identity(draw(_sources), kind, draw(_external_ids(kind)))
        return Retraction(identity, draw(_revisions))
    return draw(_fact(kind, instants))


@st.composite
def _told_again(draw: st.DrawFn, post: PostPublished, instants: _Instants) -> list[Delivery]:
    """Return what another source tells of the same post and perhaps takes back."""
    fields = _BODIES["post.published"]
    said = {name: draw(fields[name]) for name in ("origin", "mode", "campaign", "content")}
    identity = {"source": draw(_sources), "external_id": draw(st.sampled_from(["a", "b"]))}
    at = {"occurred_at": draw(st.just(post.occurred_at) | instants), "revision": draw(_revisions)}
    again = post.model_copy(update=said | identity | at)
    gone = Retraction(again.identity, draw(_revisions))
    return draw(st.sampled_from([[again], [again], [again, gone], [gone, again]]))


def _journey(instants: _Instants) -> st.SearchStrategy[tuple[Delivery, ...]]:
    """Return a lead, its deal and touches of its person: what the rest can then correct."""
    touch = _fact("touch.recorded", instants, person="q1")
    lead = _fact("lead.created", instants, lead="l1", person="q1")
    return st.tuples(lead, _fact("deal.changed", instants, lead="l1"), *[touch] * 4)


@st.composite
def _told(draw: st.DrawFn, themes: Sequence[Sequence[str]]) -> list[Delivery]:
    """Return deliveries in the order of their arrival, some of them more than once."""
    kinds = draw(st.sampled_from(themes))
    # Few different instants: much happens at the same one.
    instants = st.sampled_from(draw(st.lists(_instants, min_size=1, max_size=8)))
    # One list is rarely long, and little happens in a short history: several lists in a row.
    chapter = st.lists(_delivery(kinds, instants), max_size=12)
    begun: list[Delivery] = []
    if "deal.changed" in kinds:
        begun.extend(draw(_journey(instants)))
    told = begun + [item for items in draw(st.tuples(*[chapter] * 5)) for item in items]
    posts = [item for item in told if isinstance(item, PostPublished)]
    for post in draw(st.lists(st.sampled_from(posts), max_size=4)) if posts else []:
        place = draw(st.integers(0, len(told)))
        told[place:place] = draw(_told_again(post, instants))
    again = draw(st.lists(st.sampled_from(told), max_size=10)) if told else []
    return [*told, *again]


def histories() -> st.SearchStrategy[list[Delivery]]:
    """Return deliveries of any theme, in the order of their arrival, some more than once."""
    return _told(_THEMES)


@st.composite
def _pipeline(draw: st.DrawFn) -> list[Delivery]:
    """Return three people's journeys, most of them decided, and versions that correct some facts.

    Their identities are their own: what else is told merges their people and speaks for their
    leads and deals, but cannot take the touches away.
    """
    told: list[Delivery] = []
    for n in ("1", "2", "3"):
        own: dict[str, Any] = {"external_id": f"j{n}", "lead": f"l{n}"}
        told.append(draw(_fact("lead.created", _instants, **own, person=f"q{n}")))
        decided = {"state": draw(st.sampled_from(["won", "won", "lost"]))} | draw(_closings)
        told.append(draw(_fact("deal.changed", _instants, **own, deal=f"d{n}", **decided)))
        for touch in range(draw(st.integers(1, 5))):
            fixed = {"external_id": f"j{n}.{touch}", "person": f"q{n}"}
            told.append(draw(_fact("touch.recorded", _instants, **fixed)))
    for item in draw(st.lists(st.sampled_from(told), max_size=4)):
        assert isinstance(item, Fact)
        gone = Retraction(item.identity, 4)
        again = item.model_copy(update={"revision": 5, "occurred_at": draw(_instants)})
        told += draw(st.sampled_from([(gone,), (again,), (gone, again), (again, gone)]))
    return told


def value_histories() -> st.SearchStrategy[list[Delivery]]:
    """Return deliveries about what returns are made of: sales, costs, hires and clicks."""
    return st.builds(lambda begun, rest: begun + rest, _pipeline(), _told(_EARNING))
