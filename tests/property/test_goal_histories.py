"""Goals stand as the oracle says: actual value, progress, pace and forecast, on the day asked.

A goal is stated over months of any program, then looked at as its days pass; and once more as of
these days, when much has turned out otherwise. Everything is exact
but the interval: the product takes Student's t from a table of three digits, the oracle from its
distribution, so that their intervals differ by a 2,000th of their width at most.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.goals import schemas as shapes
from services.api.goals.service import create_goal, get_goal
from shared import clock
from shared.db import Database
from shared.errors import Invalid
from shared.facts import Retraction
from shared.orgs import Org
from shared.security.keys import Caller
from tests.property.drawing import dear
from tests.property.engine import found_org, history_of, tell
from tests.property.oracle.forecasts import Projected
from tests.property.oracle.formulas import definitions
from tests.property.oracle.goals import READINGS, Goal, Standing, standing
from tests.property.oracle.whole import Whole
from tests.property.programs import TODAY, Program, programs
from tests.property.shown import assert_shown
from tests.property.worlds import Setting, Step, settings, steps

pytestmark = pytest.mark.timeout(7200)

_TWELVE_DIGITS = Fraction(1, 10**12)
_OF_TABLE = 1 / 2000
#: After all days on which goals are looked at.
_MUCH_LATER = TODAY + timedelta(days=140)
#: Goals of less are better when they go down.
_DOWN = frozenset({"program_cost", "cost_per_reached"})


class _Aim(NamedTuple):
    """A goal to be drawn up: ``place`` is where its target lies, in halves of the interval."""

    kpi: int
    baseline: int
    days: int
    place: Fraction
    plain: str
    stretch: bool
    network: str | None
    later: list[int]


_aims = st.builds(
    _Aim,
    kpi=st.integers(0, 5),
    baseline=st.sampled_from([-40, -8, -1, 0, 0, 1, 12]),
    days=st.sampled_from([1, 20, 47, 47, 89]),
    place=st.sampled_from([Fraction(n, 10) for n in (-25, -11, -9, -2, 0, 5, 5, 9, 11, 30)]),
    plain=st.sampled_from(["1", "7.5", "400"]),
    stretch=st.sampled_from([True, True, False]),
    network=st.sampled_from([None, None, "linkedin"]),
    later=st.lists(st.sampled_from([0, 1, 6, 24, 130]), max_size=3, unique=True),
)


@dear(long=100, otherwise=4)
@given(settings, programs, steps, st.lists(_aims, min_size=1, max_size=3))
async def test_every_goal_stands_as_the_oracle_says(
    database: Database,
    setting: Setting,
    program: Program,
    plan: list[Step],
    aims: list[_Aim],
) -> None:
    deliveries = program.told()
    org = await found_org(database, setting)
    with _asked_on(TODAY):
        await tell(database, org, deliveries, plan)
    oracle = Whole.of(history_of(org, deliveries), ())
    at = _At(database, org)

    stood: list[_Stood] = []
    for aim in aims:
        stood += await _assert_stands(at, oracle, _goal(oracle, aim, program.kpis), aim)
    with _asked_on(_MUCH_LATER):
        gone = [Retraction(one.identity, 9) for one in deliveries[::3]]
        await tell(database, org, gone, ())
    for one in stood:
        async with at.noon(_MUCH_LATER) as access:
            found = await get_goal(access, one.id, shapes.GoalQuery(as_of=one.day))
        is_over = one.day >= one.goal.end
        _assert_standing(found.standing, one.goal, one.standing, is_over=is_over)


def _goal(oracle: Whole, aim: _Aim, kpis: tuple[str, ...]) -> Goal:
    """Return a goal whose target lies where the aim wants it, if there is a forecast."""
    kpi = definitions()[kpis[aim.kpi % len(kpis)]]
    starts_on = TODAY + timedelta(days=aim.baseline)
    goal = Goal(
        kpi=kpi.id,
        target=Fraction(aim.plain),
        direction="down" if kpi.id in _DOWN else "up",
        baseline_on=starts_on,
        due_on=starts_on + timedelta(days=aim.days),
        where={"network": aim.network} if aim.network and "network" in kpi.dimensions else {},
    )
    projected = standing(oracle, goal, TODAY).forecast
    if projected is None:
        return goal
    target = projected.middle + aim.place * Fraction(projected.half)
    return goal._replace(target=max(round(target, 4), Fraction(1, 100)))


class _At(NamedTuple):
    """An organization, to be asked as if it were a certain day."""

    database: Database
    org: Org

    @asynccontextmanager
    async def noon(self, day: date) -> AsyncIterator[Access]:
        """Open it on a day."""
        async with self.database.transaction(self.org.id) as connection:
            with _asked_on(day):
                yield Access(Caller(self.org, "property", frozenset()), connection)


@contextmanager
def _asked_on(day: date) -> Iterator[None]:
    """Let it be noon in Greenwich, when it is the same day in every zone that is drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: datetime.combine(day, time(12), tzinfo=UTC))
        yield


class _Stood(NamedTuple):
    """How a goal stood on a day."""

    id: UUID
    goal: Goal
    day: date
    standing: Standing


async def _assert_stands(at: _At, oracle: Whole, goal: Goal, aim: _Aim) -> list[_Stood]:
    """Compare how a goal stands today and later; return what was compared."""
    want = standing(oracle, goal, TODAY)
    refused = _refusal(goal, want, aim)
    try:
        async with at.noon(TODAY) as access:
            stated = await create_goal(access, _body(goal, aim))
    except Invalid as error:
        broken = {(one["field"], one["rule"]) for one in error.errors}
        assert refused is None or broken == refused, (goal, want)
        return []
    assert not refused, (goal, want)
    assert stated.attainable == stated.standing.attainable
    if want.forecast is not None:
        low, high = want.forecast.ends
        _assert_near(stated.forecast_low, low, want.forecast, Fraction(0))
        _assert_near(stated.forecast_high, high, want.forecast, Fraction(0))
    _assert_standing(stated.standing, goal, want, is_over=False)
    stood = [_Stood(stated.id, goal, TODAY, want)]
    for days in aim.later:
        today = TODAY + timedelta(days=days)
        async with at.noon(today) as access:
            found = await get_goal(access, stated.id, shapes.GoalQuery())
        now = standing(oracle, goal, today)
        _assert_standing(found.standing, goal, now, is_over=today >= goal.end)
        stood.append(_Stood(stated.id, goal, today, now))
    return stood


def _body(goal: Goal, aim: _Aim) -> shapes.NewGoal:
    kpi = definitions()[goal.kpi]
    target = Decimal(goal.target.numerator) / goal.target.denominator
    body: dict[str, Any] = {
        "kpi": goal.kpi,
        "filters": {name: (value,) for name, value in goal.where.items()},
        "target": f"{target:f}",
        "unit": kpi.unit,
        "direction": goal.direction,
        "stretch": aim.stretch,
        "owner": "head of marketing",
        "objective": "Enter another market",
        "baseline_on": goal.baseline_on,
        "due_on": goal.due_on,
    }
    return shapes.NewGoal.model_validate(body)


def _refusal(goal: Goal, want: Standing, aim: _Aim) -> set[tuple[str, str]] | None:
    """Return the rules that a goal breaks; None where the table's digits may decide."""
    if goal.due_on < TODAY:
        return {("body.due_on", "in_the_past")}
    broken = set()
    # A budget starts from nothing spent, which is below it.
    is_budget = READINGS[goal.kpi] == "sum" and goal.direction == "down"
    if want.baseline is not None and not is_budget and goal.is_reached_by(want.baseline):
        broken.add(("body.target", "already_reached"))
    if want.forecast is not None and not aim.stretch:
        is_held = _is_held(goal, want.forecast)
        if is_held is None:
            return None
        if not is_held:
            broken.add(("body.target", "outside_forecast"))
    return broken


def _is_held(goal: Goal, forecast: Projected) -> bool | None:
    """Tell whether the interval holds the target; None if it is too near an end to tell."""
    low, high = forecast.ends
    doubt = Fraction(forecast.half * _OF_TABLE)
    # An end below which nothing can fall, or beyond which nothing can rise, is exact.
    for end in {low, high} - {forecast.least, forecast.most}:
        if doubt and abs(goal.target - end) <= doubt:
            return None
    return low <= goal.target <= high


def _assert_standing(got: shapes.Standing, goal: Goal, want: Standing, *, is_over: bool) -> None:
    unit = Fraction(1, 10 ** definitions()[goal.kpi].digits)
    assert got.until == want.until
    assert_shown(got.actual, want.actual.value, unit)
    assert got.null_reason == want.actual.reason
    assert_shown(got.baseline, want.baseline, unit)
    assert_shown(got.progress, want.progress, _TWELVE_DIGITS)
    assert_shown(got.of_target, want.of_target, _TWELVE_DIGITS)
    assert_shown(got.expected_by_now, want.expected_by_now, unit)
    assert got.pacing == want.pacing
    if want.forecast is None:
        assert got.forecast is None
        assert got.attainable == "unknown"
    else:
        _assert_projected(got, goal, want.forecast, unit)
    assert got.verdict == want.verdict(goal, is_over=is_over), (goal, want)


def _assert_projected(got: shapes.Standing, goal: Goal, want: Projected, unit: Fraction) -> None:
    assert got.forecast is not None
    assert (got.forecast.method, got.forecast.weeks) == (want.method, want.weeks)
    assert_shown(got.forecast.expected, want.expected, unit)
    low, high = want.ends
    _assert_near(got.forecast.low, low, want, unit / 2)
    _assert_near(got.forecast.high, high, want, unit / 2)
    is_held = _is_held(goal, want)
    if is_held is not None:
        assert got.attainable == ("yes" if is_held else "no"), (goal, want)


def _assert_near(got: Decimal | None, want: Fraction, forecast: Projected, unit: Fraction) -> None:
    assert got is not None
    allowed = forecast.half * _OF_TABLE + float(unit) + 1e-9 * float(1 + abs(want))
    assert abs(Fraction(got) - want) <= allowed, (got, want, forecast)
