"""Months of a program: what a forecast needs, and the small worlds of other histories lack.

A program goes on for weeks by chance: quantities drift, weekends are idle, days are missing. What
was told is then repeated, corrected and deleted, and arrives in any order.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

from shared.facts import EngagementDaily, Fact, Retraction, parse_fact

__all__ = ["TODAY", "Program", "fact_of", "programs", "told_anyhow"]

Delivery = Fact | Retraction
#: The day on which goals are stated: a program goes on for some weeks after it.
TODAY = date(2025, 5, 7)
_AFTER = 35
_DAY = timedelta(days=1)
_NETWORKS = ("linkedin", "linkedin", "x")


def fact_of(kind: str, name: str, on: date, /, **body: Any) -> Fact:
    """Return a fact told once, about the morning of a day."""
    at = datetime(on.year, on.month, on.day, 9, 30, tzinfo=UTC)
    envelope = {"kind": kind, "source": "test", "external_id": name, "revision": 0}
    return parse_fact({**envelope, "occurred_at": at, **body})


def _counts(chance: Random, days: list[date]) -> Iterator[Fact]:
    """Yield what posts brought, day by day: growing or shrinking, with idle weekends."""
    drift, size = chance.uniform(-0.01, 0.03), chance.choice([5, 200])
    for n, day in enumerate(days):
        if chance.random() < (0.15 if day.weekday() > 4 else 0.7):
            views = int(size * (1 + drift * n) * chance.uniform(0.3, 1.7))
            yield fact_of(
                "engagement.daily",
                f"e{n}",
                day,
                day=day,
                employee=chance.choice(["E1", "E2"]),
                network=chance.choice(_NETWORKS),
                impressions=max(views, 0),
                reactions=chance.randrange(4),
                comments=chance.randrange(2),
            )


def _clicks(chance: Random, days: list[date]) -> Iterator[Fact]:
    for n in range(len(days) // 2):
        yield fact_of(
            "link.clicked",
            f"c{n}",
            chance.choice(days),
            link="abc",
            employee="E1",
            network=chance.choice(_NETWORKS),
            is_human=chance.random() < 0.8,
        )


def _costs(chance: Random, days: list[date]) -> Iterator[Fact]:
    for n, day in enumerate(days[::14]):
        yield fact_of(
            "cost.booked",
            f"k{n}",
            day,
            category="platform",
            amount=str(chance.choice(["100.00", "77.77", "1250.5"])),
            currency="USD",
            starts_on=day,
            ends_on=day + timedelta(days=chance.choice([1, 14, 30])),
            network=chance.choice(_NETWORKS),
        )


def _followers(chance: Random, days: list[date]) -> Iterator[Fact]:
    count = chance.randrange(50, 500)
    for n, day in enumerate(days[:: chance.choice([3, 7])]):
        count = max(count + chance.randrange(-5, 15), 0)
        where = {"account": chance.choice(["A", "A", "B"]), "network": chance.choice(_NETWORKS)}
        yield fact_of("audience.recorded", f"f{n}", day, metric="followers", count=count, **where)


def _members(chance: Random, days: list[date]) -> Iterator[Fact]:
    for n in range(12):
        employee = {"employee": f"E{n}"}
        hired, joined = sorted(chance.sample(days, 2))
        row = {"effective_on": hired, "employed": True, "team": "Sales"}
        yield fact_of("employee.recorded", f"r{n}", hired, **employee, **row)
        yield fact_of("member.joined", f"j{n}", joined, **employee)
        if chance.random() < 0.3 and joined < days[-1]:
            yield fact_of("member.left", f"l{n}", chance.choice(days), **employee)


def _posts(chance: Random, days: list[date]) -> Iterator[Fact]:
    for n in range(len(days) // 2):
        yield fact_of(
            "post.published",
            f"p{n}",
            chance.choice(days),
            post=f"p{n}",
            origin="own",
            employee=f"E{chance.randrange(5)}",
            network=chance.choice(_NETWORKS),
        )


_Part = Callable[[Random, list[date]], Iterator[Fact]]
#: Theme → what is told, and the KPIs to set goals of.
_THEMES: Mapping[str, tuple[tuple[_Part, ...], tuple[str, ...]]] = {
    "reach": ((_counts,), ("impressions_advocacy", "engagement_rate")),
    "traffic": ((_counts, _clicks), ("clicks", "ctr")),
    "cost": ((_counts, _costs), ("program_cost", "cost_per_reached")),
    "audience": ((_followers,), ("followers",)),
    "people": ((_members, _posts), ("enrolled_employees", "enrollment_rate", "sharers_any")),
    "posts": ((_posts,), ("shares", "sharers_any")),
}


@dataclass(frozen=True)
class Program:
    """A program by its recipe: the same one tells the same history."""

    theme: str
    weeks: int
    seed: int

    @property
    def kpis(self) -> tuple[str, ...]:
        """Return the KPIs to set goals of."""
        return _THEMES[self.theme][1]

    def told(self) -> list[Delivery]:
        """Return what happened in the weeks before today, and in the five after it."""
        chance = Random(self.seed)
        first = TODAY - timedelta(weeks=self.weeks)
        days = [first + n * _DAY for n in range(7 * self.weeks + _AFTER)]
        return told_anyhow(
            chance, [f for part in _THEMES[self.theme][0] for f in part(chance, days)]
        )


def told_anyhow(chance: Random, told: Sequence[Fact]) -> list[Delivery]:
    """Return facts in any order, some of them repeated, moved to another day, deleted, revived."""
    deliveries: list[Delivery] = list(told)
    for fact in chance.sample(told, min(len(told), 10)):
        days = chance.choice([-9, 2]) * _DAY
        moved = fact.model_copy(update={"revision": 1, "occurred_at": fact.occurred_at + days})
        if isinstance(moved, EngagementDaily):
            moved = moved.model_copy(update={"day": moved.day + days})
        gone, back = Retraction(fact.identity, 2), fact.model_copy(update={"revision": 3})
        deliveries += chance.choice([(fact,), (moved,), (gone,), (moved, gone), (gone, back)])
    chance.shuffle(deliveries)
    return deliveries


programs = st.builds(
    Program,
    theme=st.sampled_from(sorted(_THEMES)),
    weeks=st.sampled_from([2, 11, 13, 14, 19, 27, 31]),
    seed=st.integers(0, 2**32),
)
