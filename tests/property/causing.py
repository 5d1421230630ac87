"""The comparison of causes: what the program changed, and what advocates reached beyond the brand.

The product works in floating point and shows six significant digits; the oracle's statistics are
fractions, its roots and Student's t floats. So the two agree to `_SHOWN` of a value, and to a
billionth of what the outcomes themselves are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pytest

from services.api.dependencies import Access
from services.api.roi.causal import baseline, incrementality_of
from services.api.roi.causal_schemas import (
    BaselineAnswer,
    BaselineQuery,
    EstimateOut,
    IncrementalityAnswer,
    IncrementalityQuery,
)
from shared.errors import Invalid
from shared.facts import EmployeeRecorded, MemberJoined
from tests.property.oracle.answers import Span
from tests.property.oracle.causes import (
    Compared,
    Estimated,
    compared,
    effects_by_age,
)
from tests.property.oracle.formulas import definitions
from tests.property.oracle.ledger import History
from tests.property.oracle.membership import members_on
from tests.property.oracle.slices import roster_row
from tests.property.oracle.small_groups import Groups
from tests.property.oracle.whole import Whole
from tests.property.shown import as_shown, assert_equal, assert_shown

__all__ = [
    "AskedBaseline",
    "AskedCause",
    "assert_beyond_baseline",
    "assert_caused",
    "baseline_asked",
    "cause_asked",
]

_SHOWN = 6e-6
_SMALLEST = 5
_TWELVE_DIGITS = Fraction(1, 10**12)
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class AskedCause:
    """What the program may have changed, in which days, and which starts are stated."""

    metric: str
    start: date
    end: date
    stated: Mapping[str, date]
    only: Sequence[str]
    sees_people: bool

    @property
    def weeks(self) -> list[Span]:
        """Return the whole ISO weeks, by team."""
        monday = self.start + timedelta(days=-self.start.weekday() % 7)
        count = (self.end - monday).days // 7
        return [Span(monday + n * _WEEK, monday + (n + 1) * _WEEK, "team") for n in range(count)]


async def cause_asked(access: Access, asked: AskedCause) -> IncrementalityAnswer | None:
    """Return what is answered; nothing about days that hold no whole week, which is refused."""
    query = IncrementalityQuery.model_validate(
        {
            "from": asked.start,
            "to": asked.end,
            "metric": asked.metric,
            "team": asked.only,
            "rollout": [f"{team}={day}" for team, day in asked.stated.items()],
        }
    )
    if asked.weeks:
        return await incrementality_of(access, query)
    with pytest.raises(Invalid, match="no whole week"):
        await incrementality_of(access, query)
    return None


def assert_caused(got: IncrementalityAnswer, asked: AskedCause, oracle: Whole) -> None:
    """Compare who is compared with whom, and every estimate."""
    assert (got.from_, got.to) == (asked.weeks[0].start, asked.weeks[-1].end)
    teams = _assert_teams(got, asked, oracle)
    want = compared(teams)
    if isinstance(want, str):
        assert got.null_reason == want
        assert (got.effect, got.pre_trend, got.placebo, got.verdict) == (None,) * 4
        assert not got.by_week
        return
    assert got.null_reason is None
    scale = max(abs(float(outcome)) for team in teams for outcome in team.outcomes) + 1
    _assert_estimate(got.effect, want.effect, scale)
    _assert_estimate(got.pre_trend, want.pre_trend, scale)
    _assert_estimate(got.placebo, want.placebo, scale)
    assert got.verdict == ("failed" if want.pre_trend.p < 0.05 else "passed"), want
    by_age = effects_by_age(teams)
    assert {one.weeks_since_start: one.teams for one in got.by_week} == {
        age: count for age, (_, count) in by_age.items()
    }
    for one in got.by_week:
        _assert_near(one.effect, float(by_age[one.weeks_since_start][0]), scale)


def _assert_teams(got: IncrementalityAnswer, asked: AskedCause, oracle: Whole) -> list[Compared]:
    """Compare who takes part and who is left out, and why; return the teams that take part."""
    known = _all_teams(asked, oracle)
    left_out = dict.fromkeys(set(asked.only or asked.stated) - set(known), "no_staff")
    taking_part, teams = {}, []
    for team in known:
        started_on, origin = _start(team, asked, oracle)
        reason = _left_out(team, started_on, asked, oracle)
        if reason is not None:
            left_out[team] = reason
            continue
        place = None
        if started_on is not None and started_on < asked.weeks[-1].end:
            place = (started_on - asked.weeks[0].start).days // 7
        taking_part[team] = (None if place is None else started_on, origin)
        outcomes = [_outcome(team, week, asked, oracle) for week in asked.weeks]
        teams.append(Compared(place, [one for one in outcomes if one is not None]))
    assert {one.team: one.reason for one in got.left_out} == left_out
    assert {one.team: (one.started_on, one.origin) for one in got.teams} == taking_part
    return teams


def _all_teams(asked: AskedCause, oracle: Whole) -> list[str]:
    """Return every team that anybody was in, on any day the comparison reads its staff."""
    rows = oracle.history.of(EmployeeRecorded)
    days = [week.last_day for week in asked.weeks]
    staff = [
        roster_row(oracle.history, name, day) for name in {r.employee for r in rows} for day in days
    ]
    teams = {row.team for row in staff if row is not None and row.employed and row.team}
    return sorted(teams & set(asked.only) if asked.only else teams)


def _start(team: str, asked: AskedCause, oracle: Whole) -> tuple[date | None, str]:
    if team in asked.stated:
        return asked.stated[team], "stated"
    history = oracle.history
    # Whatever makes somebody a member of a team's staff happens on one of these days.
    days = {history.day(join.occurred_at) for join in history.of(MemberJoined)}
    days |= {row.effective_on for row in history.of(EmployeeRecorded)}
    days = {day for day in days if _has_a_member(history, team, day)}
    return (min(days), "first_join") if days else (None, "none")


def _has_a_member(history: History, team: str, day: date) -> bool:
    rows = [roster_row(history, employee, day) for employee in members_on(history, day)]
    return any(row is not None and row.employed and row.team == team for row in rows)


def _left_out(team: str, started_on: date | None, asked: AskedCause, oracle: Whole) -> str | None:
    staff = [oracle.read(week, "headcount", team) or 0 for week in asked.weeks]
    if min(staff) < _SMALLEST or (not asked.sees_people and team in _hidden(asked, oracle)):
        return "small_group"
    if started_on is not None and started_on < asked.weeks[0].start:
        return "started_before"
    outcomes = [_outcome(team, week, asked, oracle) for week in asked.weeks]
    return "missing_weeks" if None in outcomes else None


def _hidden(asked: AskedCause, oracle: Whole) -> frozenset[str]:
    start, end = asked.weeks[0].start, asked.weeks[-1].end
    return Groups(oracle.history, _SMALLEST).shown(start, end, of_level=False).hidden


def _outcome(team: str, week: Span, asked: AskedCause, oracle: Whole) -> Fraction | None:
    """Return what is compared: a sum by head of the staff, anything else as it is shown."""
    kpi = definitions()[asked.metric]
    value = oracle.value(kpi, week, team).value
    if value is None:
        return None
    if kpi.aggregation == "additive":
        staff = oracle.read(week, "headcount", team)
        return value / staff if staff else None
    return as_shown(value * 100 if kpi.unit == "percent" else value, Fraction(1, 10**kpi.digits))


def _assert_estimate(got: EstimateOut | None, want: Estimated, scale: float) -> None:
    assert got is not None
    assert got.degrees_of_freedom == want.degrees
    for shown_as, value in (
        (got.value, float(want.value)),
        (got.standard_error, want.error),
        (got.low, want.low),
        (got.high, want.high),
        (got.p_value, want.p),
    ):
        _assert_near(shown_as, value, scale)


def _assert_near(got: Decimal, want: float, scale: float) -> None:
    assert abs(float(got) - want) <= _SHOWN * abs(want) + 1e-9 * scale, (got, want)


class AskedBaseline(NamedTuple):
    """Which response is compared, of which days before, and of which days."""

    metric: str
    began: date
    ended: date
    start: date
    end: date


async def baseline_asked(access: Access, asked: AskedBaseline) -> BaselineAnswer:
    """Return what is answered."""
    before = {"baseline_from": asked.began, "baseline_to": asked.ended}
    now = {"from": asked.start, "to": asked.end, "metric": asked.metric}
    return await baseline(access, BaselineQuery.model_validate(before | now))


def assert_beyond_baseline(got: BaselineAnswer, asked: AskedBaseline, oracle: Whole) -> None:
    """Compare what advocates reached with what they had, grown as the brand has grown."""
    sides = [f"{asked.metric}_advocacy", f"{asked.metric}_brand"]
    was = [oracle.read(Span(asked.began, asked.ended), side) for side in sides]
    now = [oracle.read(Span(asked.start, asked.end), side) for side in sides]
    assert_equal(got.before.advocacy, was[0])
    assert_equal(got.before.brand, was[1])
    assert_equal(got.now.advocacy, now[0])
    assert_equal(got.now.brand, now[1])
    if now[0] is None or now[1] is None:
        assert got.null_reason == f"missing:{sides[0] if now[0] is None else sides[1]}"
        assert (got.expected, got.incremental, got.amplification) == (None,) * 3
        return
    had, brand_had = was[0] or Fraction(0), was[1] or Fraction(0)
    expected = Fraction(0) if not had else had * now[1] / brand_had if brand_had > 0 else None
    reason = "negative_denominator" if brand_had < 0 else "zero_denominator"
    assert got.null_reason == (reason if expected is None else None)
    beyond = None if expected is None else now[0] - expected
    assert_shown(got.expected, expected, _TWELVE_DIGITS)
    assert_shown(got.incremental, beyond, _TWELVE_DIGITS)
    assert_shown(got.amplification, now[0] / now[1] if now[1] > 0 else None, _TWELVE_DIGITS)
