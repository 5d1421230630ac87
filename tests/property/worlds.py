"""Random histories over a small world, so that everything happens to the same few things.

A history is a list of deliveries about few identities with few revisions: most deliveries repeat,
correct, delete or revive an earlier one, or arrive late. Instants gather around midnights and
around the nights on which Warsaw and Lord Howe change their clocks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.facts import EmploymentEnded, Fact, PostPublished, Retraction
from tests.property import wider
from tests.property.oracle.rates import KEYS, Stated
from tests.property.saying import (
    AMOUNTS,
    BODIES,
    FIRST_DAY,
    INSTANTS,
    LAST_DAY,
    Choose,
    Delivery,
    fact,
    identity,
)
from tests.property.scenes import EARNING_SCENES
from tests.property.stories import EARNING, stories

__all__ = [
    "FIRST_DAY",
    "LAST_DAY",
    "Delivery",
    "Setting",
    "Step",
    "all_rates",
    "histories",
    "rates",
    "settings",
    "steps",
    "value_histories",
]


@dataclass(frozen=True)
class Setting:
    """What an organization is created with."""

    time_zone: str
    window_days: int
    half_life_days: int
    currency: str = "USD"


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
        deliveries=st.integers(1, 16),
        fold_limit=st.sampled_from([None, 1, 2, 5, 1000]),
        touches_at_once=st.sampled_from([50_000, 1, 3]),
    ),
    min_size=1,
    max_size=7,
)
#: Rates stated one after another: most keys change within the days asked about, some twice a day.
#: Two of the days are the first ones after periods that are asked about.
_rate_days = st.sampled_from([FIRST_DAY + timedelta(days=n) for n in (-90, 3, 8, 8, 12, 13, 16)])
_VALUES: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(sorted(KEYS), ("0", "0.3", "0.8", "1")),
    "active.weeks": ("1", "2", "6"),
    "active.weeks_needed": ("1", "2", "4"),
    "activation.days": ("1", "5", "60"),
    "expert.index": ("20", "45.5", "90"),
}
_keys = st.sampled_from([*(*sorted(KEYS), "gross_margin") * 3, *sorted(_VALUES.keys() - KEYS)])


#: Without these, which have no default, hires and margins are worth nothing that could be compared.
_PRICING = ("gross_margin", "cost_per_hire.referral", "vacancy.daily_cost")
_BEFORE = FIRST_DAY - timedelta(days=90)


@st.composite
def _stated(draw: st.DrawFn) -> list[Stated]:
    told = draw(st.lists(st.tuples(_keys, _rate_days), max_size=12))
    if draw(st.integers(0, 3)):
        told = [(key, _BEFORE) for key in _PRICING] + told
    told += draw(st.lists(st.sampled_from(told), max_size=3)) if told else []
    return [Stated(key, day, draw(st.sampled_from(_VALUES[key]))) for key, day in told]


rates = _stated()


def all_rates(choose: Choose) -> list[Stated]:
    """Return statements about every rate: of before, later, corrected, and of the next period."""
    days = (_BEFORE, *[FIRST_DAY + timedelta(days=n) for n in (8, 8, 12)])
    return [Stated(key, day, choose(_VALUES[key])) for key in sorted(_VALUES) for day in days]


_revisions = st.integers(0, 3)
_closed_at = st.sampled_from([datetime(2025, 4, day, 20, tzinfo=UTC) for day in (7, 12, 30)])
_closings = st.fixed_dictionaries(
    {
        "closed_at": _closed_at,
        "amount": st.sampled_from(AMOUNTS),
        "currency": st.just("USD"),
    }
)

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
_EVERYTHING = (*BODIES, *_SELLING)
_THEMES = (
    *(_PUBLISHING, _COUNTING, _SELLING, _MERGING, _APPLYING, _BELONGING, _EVERYTHING),
    *((*_SELLING, "employee.recorded"), wider.COMPANY, wider.EVIDENCE),
)

_EARNING = (
    (*_MERGING, "cost.booked", "cost.booked", "employee.recorded"),
    (*_SELLING, *("cost.booked",) * 2, "hire.accepted", "link.clicked", "post.metrics"),
    (*_APPLYING, *("person.identified", "employee.recorded", "cost.booked"), "deal.changed"),
)


_Instants = Sequence[datetime]


def _choosing(draw: st.DrawFn) -> Choose:
    return lambda values: draw(st.sampled_from(values))


@st.composite
def _fact(draw: st.DrawFn, /, kind: str, instants: _Instants, **fixed: Any) -> Fact:
    """Return a version of one of a few identities; ``fixed`` are fields that are not drawn."""
    return fact(_choosing(draw), kind, instants, **fixed)


@st.composite
def _delivery(draw: st.DrawFn, kinds: Sequence[str], instants: _Instants) -> Delivery:
    """Return a version of one of a few identities, or its deletion."""
    kind = draw(st.sampled_from(kinds))
    # A merge that is taken back parts what it joined: else there would be few of these.
    if draw(st.integers(0, 2 if kind == "person.identified" else 7)) == 0:
        return Retraction(identity(_choosing(draw), kind), draw(_revisions))
    return draw(_fact(kind, instants))


#: What counts once, though several sources tell it, and what each of them may say of it.
_SAID_AGAIN = {
    PostPublished: ("origin", "mode", "campaign", "content"),
    EmploymentEnded: ("reason", "in_probation"),
}


@st.composite
def _told_again(draw: st.DrawFn, first: Fact, instants: _Instants) -> list[Delivery]:
    """Return what another source tells of the same post or leaver and perhaps takes back."""
    choose, fields = _choosing(draw), BODIES[first.kind]
    said = {name: choose(fields[name]) for name in _SAID_AGAIN[type(first)]}
    whose = {"source": identity(choose, first.kind).source, "external_id": choose(("a", "b"))}
    at = {
        "occurred_at": choose((first.occurred_at, choose(instants))),
        "revision": choose(range(4)),
    }
    again = first.model_copy(update=said | whose | at)
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
    instants = draw(st.lists(st.sampled_from(INSTANTS), min_size=1, max_size=8))
    # One list is rarely long, and little happens in a short history: several lists in a row.
    chapter = st.lists(_delivery(kinds, instants), max_size=12)
    begun: list[Delivery] = []
    if "deal.changed" in kinds:
        begun.extend(draw(_journey(instants)))
    told = begun + [item for items in draw(st.tuples(*[chapter] * 5)) for item in items]
    once = [item for item in told if isinstance(item, (PostPublished, EmploymentEnded))]
    for first in draw(st.lists(st.sampled_from(once), max_size=4)) if once else []:
        place = draw(st.integers(0, len(told)))
        told[place:place] = draw(_told_again(first, instants))
    again = draw(st.lists(st.sampled_from(told), max_size=10)) if told else []
    return [*told, *again]


def histories() -> st.SearchStrategy[list[Delivery]]:
    """Return deliveries of any theme, in the order of their arrival, some more than once."""
    return _told(_THEMES) | stories() | stories()


@st.composite
def _pipeline(draw: st.DrawFn) -> list[Delivery]:
    """Return three people's journeys, most of them decided, and versions that correct some facts.

    Their identities are their own: what else is told merges their people and speaks for their
    leads and deals, but cannot take the touches away.
    """
    told: list[Delivery] = []
    for n in ("1", "2", "3"):
        own: dict[str, Any] = {"external_id": f"j{n}", "lead": f"l{n}"}
        told.append(draw(_fact("lead.created", INSTANTS, **own, person=f"q{n}")))
        decided = {"state": draw(st.sampled_from(["won", "won", "lost"]))} | draw(_closings)
        told.append(draw(_fact("deal.changed", INSTANTS, **own, deal=f"d{n}", **decided)))
        for touch in range(draw(st.integers(1, 5))):
            fixed = {"external_id": f"j{n}.{touch}", "person": f"q{n}"}
            told.append(draw(_fact("touch.recorded", INSTANTS, **fixed)))
    for item in draw(st.lists(st.sampled_from(told), max_size=4)):
        assert isinstance(item, Fact)
        gone = Retraction(item.identity, 4)
        again = item.model_copy(
            update={"revision": 5, "occurred_at": draw(st.sampled_from(INSTANTS))}
        )
        told += draw(st.sampled_from([(gone,), (again,), (gone, again), (again, gone)]))
    return told


def value_histories() -> st.SearchStrategy[list[Delivery]]:
    """Return deliveries about what returns are made of: sales, costs, hires and clicks."""
    drawn = st.builds(lambda begun, rest: begun + rest, _pipeline(), _told(_EARNING))
    return drawn | stories(EARNING, EARNING_SCENES) | stories(EARNING, EARNING_SCENES)
