"""Stories: histories made of a seed, in which nearly everything told turns out otherwise.

What is drawn choice by choice (`worlds`) can be made as small as a failure allows, but of most
kinds it holds few facts and fewer corrections. Here most facts have several versions: one field is
corrected and no other, or all are, two are said at once, something is deleted and told again; and
the same few people post, belong to teams, are touched, applied for and paid for. Beside it some
`scenes` are played, which mostly end as they are meant to. A story is made smaller by telling less
of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st
from pydantic import ValidationError

from shared.facts import Fact, Retraction, parse_fact
from tests.property import wider
from tests.property.saying import BODIES, FIRST_DAY, INSTANTS, Delivery, fact
from tests.property.scenes import LONG_SCENES, SCENES, Play, Told

__all__ = ["EARNING", "Story", "long_story", "stories"]

_PEOPLE = ("employee.recorded",) * 2
_TOUCHES = ("touch.recorded",) * 5
_SELLING = (*_TOUCHES, *("lead.created", "deal.changed") * 2, "person.identified", *_PEOPLE)
_APPLYING = (
    *(*_TOUCHES, *("application.submitted", "hire.accepted") * 2, "person.identified"),
    "employee.recorded",
)
_PUBLISHING = (
    *(*("post.metrics",) * 3, *("post.published",) * 3, "engagement.daily", "audience.recorded"),
    *("link.clicked", "session.recorded", *_PEOPLE, "member.joined"),
)
_BELONGING = (
    *(*_PEOPLE, "member.invited", *("member.joined",) * 2, "member.left"),
    *(*("post.published",) * 3, "login.recorded", "access.recorded", "training.completed"),
    *("ssi.recorded", "audience.recorded", "mention.recorded", "content.released"),
)
#: What returns are made of.
EARNING: Sequence[Sequence[str]] = (
    (*_SELLING, *("cost.booked",) * 3, "engagement.daily", "link.clicked"),
    (*_SELLING, *("cost.booked",) * 2, *("application.submitted", "hire.accepted") * 2),
)
_THEMES: Sequence[Sequence[str]] = (
    *(_SELLING, _APPLYING, _PUBLISHING, _BELONGING, *EARNING),
    *((*wider.COMPANY, *_PEOPLE), tuple(BODIES)),
)
#: Fields that only make sense together: who it was, how a deal stands, what a cost covers.
_TOGETHER = (
    {"employee", "account"},
    {"state", "closed_at", "amount", "currency"},
    {"starts_on", "ends_on"},
    {"figure", "hours", "currency"},
)
_LED_TO = frozenset({"lead.created", "application.submitted", "hire.accepted"})
_CHANGES = (*("field",) * 5, "all", "gone", "back", "both", "undecided")
_FACTS_OF_LONG = 240
_SCENES_OF_SHORT = 3
_MOVED_ON = [FIRST_DAY + timedelta(days=n) for n in (-40, 2, 3, 6, 7, 13, 18)]
#: Mostly the whole; a failure is looked for in ever shorter ones.
_LENGTHS = (*range(1, 20), *range(20, 120, 5), *(1000,) * 160)


@dataclass(frozen=True)
class Story:
    """A story by its recipe: what it is about, a seed, and how much of it is told."""

    kinds: Sequence[str]
    seed: int
    length: int
    is_long: bool = False
    scenes: Sequence[Play] = SCENES

    def told(self) -> list[Delivery]:
        """Return deliveries in the order of their arrival, some of them more than once."""
        chance = Random(self.seed)
        # Few different instants: much happens at the same one.
        instants = chance.sample(INSTANTS, chance.choice([3, 8, 20]))
        count = _FACTS_OF_LONG if self.is_long else chance.choice([2, 6, 12])
        said = list(_journeys(chance, self.kinds, 9 if self.is_long else 3))
        for kind in chance.choices(self.kinds, k=count):
            # Of a few posts that much is told of, all but the first would be told in vain.
            is_one_of_many = self.is_long and kind.startswith("post.")
            said.append((kind, {"post": f"p{chance.randrange(12)}"} if is_one_of_many else {}))
        facts = [
            _first(chance, kind, instants, external_id=f"{n}", **fixed)
            for n, (kind, fixed) in enumerate(said)
        ]
        versions = [list(_versions(chance, one, instants)) for one in facts]
        played = LONG_SCENES if self.is_long else chance.sample(self.scenes, _SCENES_OF_SHORT)
        scenes = [one for scene in played for one in scene(chance)]
        late: list[Delivery] = []
        for n, one in enumerate(scenes):
            known = list(_as_meant(chance, one, f"s{n}", instants))
            if one.is_late:
                late.append(known.pop())
            versions.append(known)
        told = _arrived(chance, versions)
        for item in chance.sample(told, len(told) // 8):
            told.insert(chance.randrange(len(told) + 1), item)
        return [*told, *late][: self.length]


def _journeys(
    chance: Random, kinds: Sequence[str], people: int
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what conversions of people need: left to chance alone, most would have no path."""
    if "deal.changed" in kinds:
        for team, since in (("Sales", _MOVED_ON[0]), ("IT", chance.choice(_MOVED_ON))):
            yield "employee.recorded", {"employee": "E1", "team": team, "effective_on": since}
        for n in range(1, people):
            yield "lead.created", {"lead": f"l{n}", "person": f"q{n}"}
            yield "deal.changed", {"deal": f"d{n}", "lead": f"l{n}"}
            yield from [("touch.recorded", {"person": f"q{n}"})] * chance.choice([2, 4])
    if "hire.accepted" in kinds and "touch.recorded" in kinds:
        for n in range(3, people + 1):
            yield "application.submitted", {"application": f"a{n - 2}", "person": f"q{n}"}
            yield "hire.accepted", {"application": f"a{n - 2}"}
            yield from [("touch.recorded", {"person": f"q{n}"})] * chance.choice([2, 4])


def _first(chance: Random, kind: str, instants: Sequence[datetime], **fixed: Any) -> Fact:
    """Return a fact as it was said at first.

    What leads to something mostly comes before it; and people move on more days than two sources
    disagree about.
    """
    if kind == "touch.recorded":
        fixed["occurred_at"] = min(chance.choices(instants, k=2))
    elif kind in _LED_TO:
        fixed["occurred_at"] = max(chance.choices(instants, k=2))
    elif kind == "employee.recorded" and chance.random() < 0.7:
        fixed = {"effective_on": chance.choice(_MOVED_ON)} | fixed
    return fact(chance.choice, kind, instants, revision=1, **fixed)


def _versions(chance: Random, first: Fact, instants: Sequence[datetime]) -> Iterator[Delivery]:
    """Yield what is told of one identity, in the order in which its source said it."""
    yield first
    said = first
    for revision in range(2, chance.choice([2, 2, 3, 3, 5])):
        other = fact(chance.choice, first.kind, instants)
        match chance.choice(_CHANGES):
            case "field":
                said = _corrected(chance, said, other, revision)
                yield said
            case "all":
                said = _again(other, said, revision)
                yield said
            case "gone":
                yield Retraction(first.identity, revision)
            case "back":
                # The same is told again, later than it was deleted.
                yield Retraction(first.identity, revision - 1)
                said = said.model_copy(update={"revision": revision})
                yield said
            case "both":
                yield _again(other, said, revision)
                said = _corrected(chance, said, other, revision)
                yield said
            case _:
                yield Retraction(first.identity, revision)
                said = _again(other, said, revision)
                yield said


def _as_meant(
    chance: Random, told: Told, external_id: str, instants: Sequence[datetime]
) -> Iterator[Delivery]:
    """Yield what is told of one fact of a scene: sometimes otherwise at first."""
    meant = fact(
        chance.choice, told.kind, instants, external_id=external_id, revision=2, **told.fields
    )
    if chance.random() < 0.3:
        yield _again(fact(chance.choice, told.kind, instants), meant, 1)
    yield meant
    if told.is_taken_back:
        yield Retraction(meant.identity, 3)


def _again(other: Fact, said: Fact, revision: int) -> Fact:
    """Return another fact as a version of one that was said."""
    identity = {"source": said.source, "external_id": said.external_id}
    return other.model_copy(update={**identity, "revision": revision})


def _corrected(chance: Random, said: Fact, other: Fact, revision: int) -> Fact:
    """Return a fact that says one thing otherwise, as another one does, if that makes sense."""
    was, now = said.model_dump(mode="json"), other.model_dump(mode="json")
    differing = [name for name in _fields(now) if was[name] != now[name]]
    if not differing:
        return said.model_copy(update={"revision": revision})
    name = chance.choice(differing)
    names = {name}.union(*(some for some in _TOGETHER if name in some)) & was.keys()
    body: Mapping[str, object] = was | {one: now[one] for one in names} | {"revision": revision}
    try:
        return parse_fact({key: value for key, value in body.items() if value is not None})
    except ValidationError:
        return _again(other, said, revision)


def _fields(body: Mapping[str, object]) -> list[str]:
    return [name for name in body if name not in {"kind", "source", "external_id", "revision"}]


def _arrived(chance: Random, versions: Sequence[Sequence[Delivery]]) -> list[Delivery]:
    """Return all versions in the order of their arrival: mostly that in which they were said."""
    told = [item for of_one in versions for item in of_one]
    if chance.random() < 0.3:
        return chance.sample(told, len(told))
    # Each identity's versions keep their order, and come between those of others.
    turns = [place for place, of_one in enumerate(versions) for _ in of_one]
    waiting = [iter(of_one) for of_one in versions]
    return [next(waiting[place]) for place in chance.sample(turns, len(turns))]


def stories(
    themes: Sequence[Sequence[str]] = _THEMES, scenes: Sequence[Play] = SCENES
) -> st.SearchStrategy[list[Delivery]]:
    """Return stories of some themes, with some of the scenes beside them."""
    return st.builds(
        Story,
        kinds=st.sampled_from(themes),
        seed=st.integers(0, 2**32),
        length=st.sampled_from(_LENGTHS),
        scenes=st.just(scenes),
    ).map(Story.told)


def long_story(seed: int) -> list[Delivery]:
    """Return a story of everything at once: of each kind there are several facts that stand."""
    return Story(tuple(BODIES), seed, length=10_000, is_long=True).told()
