"""A program's year of facts, invented from a seed: the same for everybody, on every machine.

One organization of 500 employees in 12 teams shares 1,000 content items of 20 campaigns on three
networks through 2025. Every thousand facts hold the same mix of kinds in another order, so that two
batches of a size cost the same work; what varies is whom and what they concern.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import orjson

from shared.facts import Fact, parse_facts

__all__ = ["COUNTERS", "DAYS", "EVERYTHING", "FIRST_DAY", "Mix", "Program", "typed"]

FIRST_DAY = date(2025, 1, 1)
DAYS = 365


class Mix(NamedTuple):
    """How many facts of each kind a program tells for one of another."""

    name: str
    kinds: Mapping[str, int]


_KINDS = {
    "post.metrics": 400,
    "link.clicked": 150,
    "post.published": 120,
    "engagement.daily": 100,
    "session.recorded": 100,
    "touch.recorded": 80,
    "lead.created": 20,
    "deal.changed": 10,
    "audience.recorded": 10,
    "ssi.recorded": 4,
    "member.invited": 1,
    "member.joined": 1,
    "member.left": 1,
    "application.submitted": 1,
    "cost.booked": 1,
    "employee.recorded": 1,
}
#: All that a program tells.
EVERYTHING = Mix("everything", _KINDS)
#: The kinds whose quantities simply add up, in the same proportions.
COUNTERS = Mix(
    "counters",
    {
        kind: _KINDS[kind]
        for kind in ("link.clicked", "post.published", "engagement.daily", "session.recorded")
    },
)
_LATE_EVERY = 20  # 5 % of a batch happened on any day of the year …
_CORRECTED_EVERY = 100  # … and 1 % restates a fact that was told before.
# Posts are read for thirty days, or as many of the last as these: how many of them a batch reads
# depends on the batch alone.
_POSTS_ARE_READ_FOR = 30  # days
_POSTS_READ_AT_LEAST = 12_000
_REMEMBERED = 20_000

_DATES = [FIRST_DAY + timedelta(days=day) for day in range(DAYS)]
_ISO_DAYS = [day.isoformat() for day in _DATES]
_TEAMS = [f"team-{number:02}" for number in range(12)]
_NETWORKS = ("linkedin", "x", "facebook")
_CHANNELS = ("employee_advocacy",) * 5 + ("brand", "brand", "paid", "organic", "other")
_EMPLOYEES = [f"E{number:04}" for number in range(500)]
_COST_CATEGORIES = ("platform", "content", "employee_time", "rewards", "paid_boost")

Record = dict[str, Any]


def typed(records: list[Record]) -> list[Fact]:
    """Return records as the typed facts that the ledger takes."""
    return parse_facts(orjson.dumps(records))


class Program:
    """An endless source of facts: each one new, consistent with those before it.

    Facts are plain records, as a partner would post them. Their identities never repeat, except in
    the corrections and in the deals, which move from open to won or lost.
    """

    def __init__(self, mix: Mix = EVERYTHING, seed: int = 20250101) -> None:
        self._mix = mix
        self._random = random.Random(seed)
        self._told = 0
        self._deck: list[str] = []
        self._posts: list[tuple[str, int, int, Record]] = []
        self._people: list[str] = []
        self._leads: list[str] = []
        self._open_deals: list[Record] = []
        self._correctable: list[Record] = []

    def opening(self) -> list[Record]:
        """Return the first facts of the year: who works where, and who was invited and joined."""
        facts = []
        for number, employee in enumerate(_EMPLOYEES):
            team = _TEAMS[number % len(_TEAMS)]
            facts.append(self._placed(0, employee, team))
            facts.append(self._fact("member.invited", 0, employee=employee))
            if number % 5:
                facts.append(self._fact("member.joined", 1, employee=employee))
        return facts

    def year(self, count: int, *, batch: int) -> Iterator[list[Record]]:
        """Yield ``count`` facts spread over the year in order of time, in batches."""
        for start in range(0, count, batch):
            yield [
                self._next(index * DAYS // count)
                for index in range(start, min(start + batch, count))
            ]

    def today(self, count: int) -> list[Record]:
        """Return a batch of the year's last day: 5 % are late or correct what was told before."""
        facts = []
        for index in range(count):
            if index % _CORRECTED_EVERY == 0 and self._correctable:
                facts.append(self._corrected())
            elif index % _LATE_EVERY == 0:
                facts.append(self._next(self._random.randrange(DAYS)))
            else:
                facts.append(self._next(DAYS - 1))
        return facts

    def _next(self, day: int) -> Record:
        if not self._deck:
            self._deck = [kind for kind, share in self._mix.kinds.items() for _ in range(share)]
            self._random.shuffle(self._deck)
        kind = self._deck.pop()
        fact: Record = getattr(self, "_" + kind.replace(".", "_"))(day)
        return fact

    def _fact(self, kind: str, day: int, /, **fields: Any) -> Record:
        self._told += 1
        second = self._random.randrange(86_400)
        clock = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        return {
            "kind": kind,
            "source": "program",
            "external_id": f"{kind}-{self._told:09}",
            "occurred_at": f"{_ISO_DAYS[day]}T{clock}Z",
            **fields,
        }

    def _who_and_where(self) -> Record:
        pick = self._random.random
        where = {
            "network": _NETWORKS[int(pick() * 3)],
            "campaign": f"campaign-{int(pick() * 20):02}",
            "content": f"content-{int(pick() * 1000):04}",
        }
        if pick() < 0.9:
            return {"employee": self._employee(), **where}
        return {"account": "golden-page", **where}

    def _employee(self) -> str:
        # A few share much, most share little, as in every program.
        return _EMPLOYEES[int(self._random.random() ** 2 * len(_EMPLOYEES))]

    def _count(self, most: int) -> int:
        return int(self._random.random() ** 3 * most)

    def _post_published(self, day: int) -> Record:
        post, who = f"urn:li:share:{self._told:09}", self._who_and_where()
        self._posts.append((post, day, 100 + self._count(5000), who))
        origin = "own" if self._random.random() < 0.2 else "curated"
        return self._fact("post.published", day, post=post, origin=origin, **who)

    def _post_metrics(self, day: int) -> Record:
        if not self._posts:
            return self._post_published(day)
        upto = max(1, len(self._posts) * (day + 1) // DAYS)
        recent = max(_POSTS_READ_AT_LEAST, len(self._posts) * _POSTS_ARE_READ_FOR // DAYS)
        post, published, reach, who = self._posts[
            self._random.randrange(max(0, upto - recent), upto)
        ]
        age = max(0, day - published) + self._random.random()
        seen = int(reach * age / (age + 3))
        fact = self._fact(
            "post.metrics",
            day,
            post=post,
            impressions=seen,
            reactions=seen // 40,
            comments=seen // 300,
            reshares=seen // 400,
            clicks=seen // 60,
            **who,
        )
        return self._remembered(fact)

    def _engagement_daily(self, day: int) -> Record:
        who = self._who_and_where()
        seen = self._count(3000)
        fact = self._fact(
            "engagement.daily",
            day,
            day=_ISO_DAYS[day],
            impressions=seen,
            reactions=seen // 40,
            comments=seen // 300,
            clicks=seen // 60,
            network=who["network"],
            **({"employee": who["employee"]} if "employee" in who else {"account": who["account"]}),
        )
        return self._remembered(fact)

    def _session_recorded(self, day: int) -> Record:
        who, sessions = self._who_and_where(), 1 + self._count(40)
        fact = self._fact(
            "session.recorded",
            day,
            day=_ISO_DAYS[day],
            sessions=sessions,
            engaged_sessions=sessions * 2 // 3,
            key_events=sessions // 20,
            landing="careers" if self._random.random() < 0.1 else "site",
            channel="employee_advocacy" if "employee" in who else "brand",
            **who,
        )
        return self._remembered(fact)

    def _link_clicked(self, day: int) -> Record:
        who = self._who_and_where()
        return self._fact(
            "link.clicked",
            day,
            link=f"link-{who['content']}",
            is_human=self._random.random() < 0.9,
            channel="employee_advocacy" if "employee" in who else "brand",
            **who,
        )

    def _touch_recorded(self, day: int) -> Record:
        # Three touches in four are of somebody met before.
        if self._people and self._random.random() < 0.7:
            person = self._random.choice(self._people)
        else:
            person = f"p_{self._random.getrandbits(128):032x}"
            _remember(self._people, person, self._random)
        channel = self._random.choice(_CHANNELS)
        where = self._who_and_where() if channel == "employee_advocacy" else {}
        return self._fact("touch.recorded", day, person=person, channel=channel, **where)

    def _lead_created(self, day: int) -> Record:
        lead = f"lead-{self._told:09}"
        _remember(self._leads, lead, self._random)
        person = {"person": self._random.choice(self._people)} if self._people else {}
        return self._fact("lead.created", day, lead=lead, **person)

    def _deal_changed(self, day: int) -> Record:
        if self._open_deals and self._random.random() < 0.5:
            index = self._random.randrange(len(self._open_deals))
            opened = self._open_deals[index]
            self._open_deals[index] = self._open_deals[-1]
            self._open_deals.pop()
            closed_at = self._fact("deal.changed", max(day, DAYS - 60))["occurred_at"]
            state = "won" if self._random.random() < 0.5 else "lost"
            return {**opened, "state": state, "occurred_at": closed_at, "closed_at": closed_at}
        fact = self._fact("deal.changed", day, deal=f"deal-{self._told:09}", state="open")
        fact |= {
            "external_id": fact["deal"],
            "opened_at": fact["occurred_at"],
            "amount": f"{500 + self._count(40_000)}.{self._random.randrange(100):02}",
            "currency": "USD",
        }
        if self._leads:
            fact["lead"] = self._random.choice(self._leads)
        _remember(self._open_deals, fact, self._random)
        return fact

    def _audience_recorded(self, day: int) -> Record:
        return self._fact(
            "audience.recorded",
            day,
            metric="connections",
            count=300 + self._count(3000),
            employee=self._employee(),
            network="linkedin",
        )

    def _ssi_recorded(self, day: int) -> Record:
        pillars = ("brand", "people", "insights", "relationships")
        scores = {pillar: f"{self._random.randrange(2500) / 100:.2f}" for pillar in pillars}
        return self._fact("ssi.recorded", day, employee=self._employee(), **scores)

    def _member_invited(self, day: int) -> Record:
        return self._fact("member.invited", day, employee=self._employee())

    def _member_joined(self, day: int) -> Record:
        return self._fact("member.joined", day, employee=self._employee())

    def _member_left(self, day: int) -> Record:
        return self._fact("member.left", day, employee=self._employee())

    def _application_submitted(self, day: int) -> Record:
        return self._fact(
            "application.submitted",
            day,
            application=f"application-{self._told:09}",
            employee=self._employee(),
            channel="employee_advocacy",
        )

    def _cost_booked(self, day: int) -> Record:
        return self._fact(
            "cost.booked",
            day,
            category=self._random.choice(_COST_CATEGORIES),
            amount=f"{100 + self._count(2000)}.{self._random.randrange(100):02}",
            currency="USD",
            starts_on=_ISO_DAYS[day],
            ends_on=(_DATES[day] + timedelta(days=30)).isoformat(),
        )

    def _employee_recorded(self, day: int) -> Record:
        return self._placed(day, self._employee(), self._random.choice(_TEAMS))

    def _placed(self, day: int, employee: str, team: str) -> Record:
        return self._fact(
            "employee.recorded",
            day,
            employee=employee,
            effective_on=_ISO_DAYS[day],
            team=team,
            linkedin_account=True,
        )

    def _corrected(self) -> Record:
        fact = self._random.choice(self._correctable)
        counted = "sessions" if fact["kind"] == "session.recorded" else "impressions"
        fact[counted] += 1 + self._random.randrange(9)
        return dict(fact)

    def _remembered(self, fact: Record) -> Record:
        _remember(self._correctable, dict(fact), self._random)
        return fact


def _remember(seen: list[Any], thing: Any, chance: random.Random) -> None:
    """Keep at most ``_REMEMBERED`` things; later a new one takes the place of any old one."""
    if len(seen) < _REMEMBERED:
        seen.append(thing)
    else:
        seen[chance.randrange(_REMEMBERED)] = thing
