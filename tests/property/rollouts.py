"""Roll-outs: teams that start one after another, and what their people did every week.

Most teams are large enough to be shown and some are not; a few people change teams, are corrected
or leave. What teams do each week is drawn by chance, from nothing at all to a steady trend.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hypothesis import strategies as st

from shared.facts import Fact, Retraction
from tests.property.programs import fact_of, told_anyhow

__all__ = ["FIRST_MONDAY", "Rollout", "rollouts"]

FIRST_MONDAY = date(2025, 2, 3)
_LONG_BEFORE = date(2025, 1, 1)
_NETWORKS = ("linkedin", "x")


def _staff(chance: Random, teams: list[str]) -> Iterator[tuple[str, str]]:
    sizes = chance.choice([(3, 5, 5, 6, 6), (6,)])
    for team in teams:
        for number in range(chance.choice(sizes)):
            yield f"{team}-{number}", team


def _history(chance: Random, teams: list[str], weeks: int) -> Iterator[Fact]:
    days = [FIRST_MONDAY + timedelta(days=n) for n in range(7 * weeks)]
    starts = {team: _start(chance, days) for team in teams}
    staff = list(_staff(chance, teams))
    for employee, team in staff:
        who = {"employee": employee}
        yield fact_of(
            "employee.recorded", employee, _LONG_BEFORE, **who, team=team, effective_on=_LONG_BEFORE
        )
        started_on = starts[team]
        if started_on is not None and chance.random() < 0.95:
            yield fact_of("member.joined", employee, started_on, **who)
        if started_on is not None and chance.random() < 0.05:
            yield fact_of("member.left", employee, chance.choice(days), **who)
    for n, (employee, _) in enumerate(chance.sample(staff, chance.choice([0, 0, 1, 2]))):
        day = chance.choice(days)
        body = {"team": chance.choice(teams), "employed": chance.random() < 0.7}
        yield fact_of(
            "employee.recorded", f"m{n}", day, employee=employee, effective_on=day, **body
        )
    yield from _weekly(chance, staff, starts, weeks)


def _start(chance: Random, days: list[date]) -> date | None:
    """Return when a team starts: mostly late; or not at all, or before anything is looked at."""
    late = chance.choice(days[len(days) // 3 :])
    return chance.choice([None, None, days[0] - timedelta(days=3), *[late] * 7])


def _weekly(
    chance: Random, staff: list[tuple[str, str]], starts: dict[str, date | None], weeks: int
) -> Iterator[Fact]:
    """Yield a day's figures of somebody of each team in most weeks, and posts of the brand."""
    lift, noise = chance.choice([0, 0, 40]), chance.choice([0, 0, 30])
    idle, season = chance.choice([0.0, 0.0, 0.5, 1.0]), chance.choice([0, 50])
    usual = [100 + chance.randint(0, season) for _ in range(weeks)]
    for team, started_on in starts.items():
        people = [employee for employee, of in staff if of == team]
        is_idle = chance.random() < idle
        for week in range(weeks):
            day = FIRST_MONDAY + timedelta(days=7 * week + chance.randrange(7))
            has_started = started_on is not None and day >= started_on
            views = usual[week] + chance.randint(0, noise) + (lift if has_started else 0)
            if not is_idle or has_started:
                yield _counts(f"{team}/{week}", day, views, employee=chance.choice(people))
    for week in range(weeks):
        day = FIRST_MONDAY + timedelta(days=7 * week)
        if chance.random() < 0.7:
            yield _counts(f"brand/{week}", day, chance.choice([0, 500, 800]), account="A")


def _counts(name: str, day: date, views: int, **who: str) -> Fact:
    counts = {"impressions": views, "reactions": views // 7, "network": _NETWORKS[views % 2]}
    return fact_of("engagement.daily", name, day, day=day, **counts, **who)


@dataclass(frozen=True)
class Rollout:
    """A roll-out by its recipe, and the starts of teams that somebody states besides."""

    teams: int
    weeks: int
    seed: int
    stated: Mapping[str, date]

    def told(self) -> list[Fact | Retraction]:
        """Return what was told, in any order, with corrections and deletions."""
        chance = Random(self.seed)
        names = [f"T{n}" for n in range(self.teams)]
        return told_anyhow(chance, list(_history(chance, names, self.weeks)))


rollouts = st.builds(
    Rollout,
    teams=st.sampled_from([4, 7, 8, 8, 9]),
    weeks=st.sampled_from([3, 8, 11, 12, 14]),
    seed=st.integers(0, 2**32),
    stated=st.dictionaries(
        st.sampled_from(["T0", "T2", "T3", "T6"]),
        st.sampled_from([FIRST_MONDAY + timedelta(days=n) for n in (20, 33, 48, 50, 80)]),
        max_size=3,
    ),
)
