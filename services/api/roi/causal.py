"""What the program changed: teams against teams not started yet, advocates against the brand.

The arithmetic is that of :mod:`shared.kpis`: nothing is computed here.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from services.api.answers import is_partial, trust_of
from services.api.dependencies import Access
from services.api.evaluation import (
    Slice,
    Valued,
    buckets_of,
    evaluate_unshielded,
    refuse_statement,
)
from services.api.freshness import answer_day, freshness_of
from services.api.kpis.service import kpi_named
from services.api.lookback import look
from services.api.model import exact
from services.api.privacy import Shield, may_see_people, rests_on_levels
from services.api.roi.causal_schemas import (
    BaselineAnswer,
    BaselineQuery,
    EstimateOut,
    IncrementalityAnswer,
    IncrementalityQuery,
    LeftOut,
    Origin,
    ReachedOut,
    RelativeWeek,
    StartedTeam,
)
from shared.errors import Invalid
from shared.kpis.baseline import Reached, beyond_baseline
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.incrementality import (
    Estimate,
    GroupTime,
    Incrementality,
    Panel,
    TooLittleData,
    incrementality,
)
from shared.kpis.periods import Interval, Period
from shared.kpis.vocabulary import Aggregation, Dimension, Unit
from shared.rollups.people import members, placements_of
from shared.rollups.read import MeasureQuery, live_generation, read_measures

__all__ = ["baseline", "incrementality_of"]

_METHOD: Final = "group_time_not_yet_treated"
_SUMMED: Final = frozenset({Aggregation.ADDITIVE, Aggregation.ATTRIBUTED})
# Who joined elsewhere, or before the roster tells of them, brings the program to the team that they
# come to: with a member among its staff no team has yet to start.
_FIRST_MEMBERS: Final = f"""
    SELECT r.team, min(greatest(m.since, r.since)) AS first_day
      FROM ({members()}) m
     CROSS JOIN LATERAL ({placements_of("m.employee")} OFFSET 0) r
     WHERE r.employed AND greatest(m.since, r.since) < least(m.until, r.until)
     GROUP BY 1
"""
_DIGITS: Final = 6
#: Team → week → value.
_Weekly = Mapping[str, Mapping[int, Decimal | None]]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The teams that can be compared, in the panel's order, and those that cannot."""

    teams: list[StartedTeam]
    left_out: list[LeftOut]
    panel: Panel


async def incrementality_of(access: Access, query: IncrementalityQuery) -> IncrementalityAnswer:
    """Return what the program changed in a KPI; null with a reason where data are too few.

    Raises:
        NotFound: no such KPI.
        Invalid: it has no single number, teams do not carry it, or the period holds no whole week.
    """
    kpi, org = kpi_named(query.metric, "query.metric"), access.org
    refuse_statement(kpi)
    if why := catalogue().why_not_by(kpi.id, [Dimension.TEAM]):
        raise Invalid(why, code="dimension_not_carried")
    await look(access, query)
    freshness = await freshness_of(access.connection, org.id)
    weeks = _whole_weeks(query.period, answer_day(org, freshness))
    compared = await _compared(access, query, kpi, weeks)
    found: Incrementality | None = None
    reason = None
    try:
        # Every team is left out once: other requests go on meanwhile.
        found = await asyncio.to_thread(incrementality, compared.panel)
    except TooLittleData as error:
        reason = error.shortage.value
    return IncrementalityAnswer(
        **trust_of(freshness, org.zone).model_dump(),
        from_=weeks[0].start,
        to=weeks[-1].end,
        is_partial=is_partial(weeks[-1].end, freshness.complete_until, org.zone),
        metric=kpi.id,
        unit=kpi.unit,
        currency=org.currency if kpi.unit is Unit.MONEY else None,
        per_employee=kpi.aggregation in _SUMMED,
        weeks=len(weeks),
        method=_METHOD,
        effect=_estimate(found.effect) if found else None,
        pre_trend=_estimate(found.pre_trend) if found else None,
        verdict=found.verdict if found else None,
        placebo=_estimate(found.placebo) if found else None,
        by_week=_by_week(found.effects) if found else [],
        teams=compared.teams,
        left_out=compared.left_out,
        null_reason=reason,
    )


def _whole_weeks(period: Period, until: date) -> tuple[Period, ...]:
    """Return the ISO weeks that lie wholly in a period and are over.

    Raises:
        Invalid: there is none (``empty_period``), or there are too many (``cost_limit``).
    """
    weeks = buckets_of(period, Interval.WEEK)
    whole = tuple(week for week in weeks if week.days == 7 and week.end <= until)
    if not whole:
        raise Invalid("The period holds no whole week that is over.", code="empty_period")
    return whole


async def _compared(
    access: Access, query: IncrementalityQuery, kpi: Kpi, weeks: tuple[Period, ...]
) -> _Comparison:
    values, staff = await _by_team(access, kpi, query, weeks)
    starts = await _starts(access, query)
    hidden = await _hidden(access, kpi, weeks)
    # A name that is nobody's is said: else a misspelled start would pass for one that counts.
    named = set(query.team or query.stated)
    left_out = [LeftOut(team=team, reason="no_staff") for team in named - values.keys()]
    teams, rows, places = [], [], []
    for team in sorted(values):
        day, origin = starts.get(team, (None, Origin.NONE))
        people = staff.get(team, {})
        smallest = min(people.get(week) or Decimal(0) for week in range(len(weeks)))
        row = _outcomes(kpi, values[team], people, len(weeks))
        if smallest < access.org.smallest_group or team in hidden:
            left_out.append(LeftOut(team=team, reason="small_group"))
        elif day is not None and day < weeks[0].start:
            left_out.append(LeftOut(team=team, reason="started_before"))
        elif row is None:
            left_out.append(LeftOut(team=team, reason="missing_weeks"))
        else:
            place = _week_of(day, weeks)
            shown = day if place is not None else None
            teams.append(StartedTeam(team=team, started_on=shown, origin=origin))
            rows.append(row)
            places.append(place)
    left_out.sort(key=lambda one: one.team)
    return _Comparison(teams, left_out, Panel(tuple(places), tuple(rows)))


async def _hidden(access: Access, kpi: Kpi, weeks: tuple[Period, ...]) -> frozenset[str]:
    """Return the teams whose figures the caller may not see: nor what they do to an estimate.

    Beside a few teams whose figures are known, an estimate would tell that of the one that is not.
    """
    if may_see_people(access):
        return frozenset()
    shield = await Shield.of(access, weeks, {}, Dimension.TEAM, of_levels=rests_on_levels(kpi))
    assert shield is not None, "an answer by team has one"
    return shield.hidden(Dimension.TEAM)


async def _by_team(
    access: Access, kpi: Kpi, query: IncrementalityQuery, weeks: tuple[Period, ...]
) -> tuple[_Weekly, _Weekly]:
    """Return the values of a KPI, and the staff, of every team and week.

    They are read as one: a team that did nothing has no figures by itself, but it has people, and
    its zeros are what those who started are compared with.
    """
    filters = {"team": frozenset(query.team)} if query.team else {}
    headcount = kpi_named("headcount")
    found = await evaluate_unshielded(
        access.connection,
        access.org,
        list(dict.fromkeys((kpi, headcount))),
        weeks,
        Slice("team", filters),
    )
    values, staff = (_weekly(found[one.id]) for one in (kpi, headcount))
    return values, staff


def _weekly(found: Iterable[Valued]) -> _Weekly:
    values: dict[str, dict[int, Decimal | None]] = defaultdict(dict)
    for one in found:
        if one.group:
            values[one.group][one.bucket] = one.value.value
    return values


async def _starts(
    access: Access, query: IncrementalityQuery
) -> Mapping[str, tuple[date | None, Origin]]:
    generation = await live_generation(access.connection, access.org.id)
    rows = await access.connection.fetch(_FIRST_MEMBERS, access.org.id, generation)
    joined = {row["team"]: (row["first_day"], Origin.FIRST_JOIN) for row in rows}
    return joined | {team: (day, Origin.STATED) for team, day in query.stated.items()}


def _outcomes(
    kpi: Kpi, values: Mapping[int, Decimal | None], staff: Mapping[int, Decimal | None], weeks: int
) -> tuple[float, ...] | None:
    """Return a team's outcome of every week; None if one is missing."""
    outcomes = []
    for week in range(weeks):
        value, people = values.get(week), staff.get(week)
        if value is None or (kpi.aggregation in _SUMMED and not people):
            return None
        outcomes.append(float(value / people if people and kpi.aggregation in _SUMMED else value))
    return tuple(outcomes)


def _week_of(day: date | None, weeks: Sequence[Period]) -> int | None:
    """Return the week a day lies in; None if it is after the last one, or no day."""
    return next((i for i, week in enumerate(weeks) if day is not None and day in week), None)


def _estimate(found: Estimate) -> EstimateOut:
    return EstimateOut(
        value=_shown(found.value),
        standard_error=_shown(found.error),
        degrees_of_freedom=found.degrees,
        low=_shown(found.low),
        high=_shown(found.high),
        p_value=_shown(found.p),
    )


def _shown(value: float) -> Decimal:
    return Decimal(f"{value:.{_DIGITS}g}")


def _by_week(effects: Iterable[GroupTime]) -> list[RelativeWeek]:
    """Return the mean effect by weeks since the start, weighted by teams."""
    by_age: dict[int, list[GroupTime]] = defaultdict(list)
    for one in effects:
        by_age[one.week - one.start].append(one)
    answer = []
    for age, found in sorted(by_age.items()):
        teams = sum(one.treated for one in found)
        mean = sum(one.treated * one.effect for one in found) / teams
        answer.append(RelativeWeek(weeks_since_start=age, effect=_shown(mean), teams=teams))
    return answer


async def baseline(access: Access, query: BaselineQuery) -> BaselineAnswer:
    """Return what advocates reached beyond the brand account's baseline.

    Raises:
        Invalid: the baseline has no days, or reaches into the period asked about.
    """
    if not query.baseline_from < query.baseline_to <= query.from_:
        raise Invalid(
            "`baseline_from` lies before `baseline_to`, and that not after `from`.",
            code="empty_period",
        )
    await look(access, query)
    before = await _reached(access, query, Period(query.baseline_from, query.baseline_to))
    now = await _reached(access, query, query.period)
    absent = [
        f"missing:{query.metric}_{side}"
        for side, value in (("advocacy", now.advocacy), ("brand", now.brand))
        if value is None
    ]
    found = beyond_baseline(_known(before), _known(now))
    freshness = await freshness_of(access.connection, access.org.id)
    return BaselineAnswer(
        **trust_of(freshness, access.org.zone).model_dump(),
        metric=query.metric,
        before=before,
        now=now,
        is_partial=is_partial(query.to, freshness.complete_until, access.org.zone),
        expected=None if absent else exact(found.expected),
        incremental=None if absent else exact(found.incremental),
        amplification=None if absent else exact(found.amplification),
        null_reason=absent[0] if absent else found.null_reason,
    )


async def _reached(access: Access, query: BaselineQuery, period: Period) -> ReachedOut:
    sides = {side: f"{query.metric}_{side}" for side in ("advocacy", "brand")}
    table = await read_measures(
        access.connection, access.org, list(sides.values()), MeasureQuery((period,))
    )
    row = table[0, ""]
    found = {side: exact(row[measure]) for side, measure in sides.items()}
    return ReachedOut(from_=period.start, to=period.end, **found)


def _known(reached: ReachedOut) -> Reached:
    return Reached(reached.advocacy or Decimal(0), reached.brand or Decimal(0))
