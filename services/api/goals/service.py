"""State goals, change them by versions, and say how they stand."""

from dataclasses import asdict, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from services.api.answers import trust_of
from services.api.dependencies import Access
from services.api.freshness import Freshness, answer_day, freshness_of
from services.api.goals import repository, rules
from services.api.goals import schemas as shapes
from services.api.goals.explain import explain
from services.api.goals.explain_schemas import GoalExplanation
from services.api.goals.repository import GoalVersion
from services.api.goals.standing import Standing, standing_of
from services.api.lookback import look_at_day
from services.api.model import PageQuery, exact
from services.api.paging import id_after, page_of
from shared import clock
from shared.errors import Conflict, InvalidCursor, NotFound
from shared.ids import new_id
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.expressions import rounded
from shared.kpis.forecast import LEVEL, Forecast
from shared.kpis.goals import Attainable, attainable, progress, verdict
from shared.kpis.vocabulary import Unit
from shared.money import exponent
from shared.orgs import Org
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = [
    "archive_goal",
    "create_goal",
    "explain_goal",
    "get_goal",
    "list_goals",
    "list_versions",
    "update_goal",
]


async def create_goal(access: Access, new: shapes.NewGoal) -> shapes.GoalAnswer:
    """State a goal; if one in use says the very same, it is that one, and not stated twice.

    Raises:
        Invalid: a part is missing or breaks a rule; each is named.
    """
    told = new.model_dump()
    await repository.lock_new_goals(access.connection, access.org.id)
    if (stated := await repository.goal_in_use(access.connection, access.org.id, told)) is not None:
        return await _as_it_stands(access, stated)
    return await _state(access, GoalVersion(**told, **_fresh(access, new_id(), 1)))


async def update_goal(
    access: Access, goal_id: UUID, change: shapes.GoalChange
) -> shapes.GoalAnswer:
    """State a goal anew, as its next version; what changes nothing is no version.

    Raises:
        NotFound: the organization has no such goal.
        Conflict: it is archived.
        Invalid: a part breaks a rule.
    """
    current = await _to_change(access, goal_id)
    if current.is_archived:
        raise Conflict("An archived goal does not change.", code="goal_archived")
    changed = change.model_dump(exclude_none=True)
    if current.says(changed):
        return await _as_it_stands(access, current)
    fresh = _fresh(access, goal_id, current.version + 1)
    return await _state(access, replace(current, **changed, **fresh))


async def archive_goal(access: Access, goal_id: UUID) -> None:
    """Take a goal out of use, as its last version; an archived one stays as it is.

    Raises:
        NotFound: the organization has no such goal.
    """
    current = await _to_change(access, goal_id)
    if current.is_archived:
        return
    last = replace(
        current,
        version=current.version + 1,
        is_archived=True,
        recorded_at=clock.now(),
        recorded_by=access.caller.key_id,
    )
    await repository.add_version(access.connection, access.org.id, last)


async def get_goal(access: Access, goal_id: UUID, query: shapes.GoalQuery) -> shapes.GoalAnswer:
    """Return a goal and how it stands, now or as it did at the end of a day.

    Raises:
        NotFound: the organization has no such goal, or had none then.
        Invalid: the day lies in the future.
        Unavailable: its figures are still being computed.
    """
    return await _as_it_stands(access, await _goal_then(access, goal_id, query))


async def _as_it_stands(access: Access, goal: GoalVersion) -> shapes.GoalAnswer:
    freshness = await freshness_of(access.connection, access.org.id)
    today = answer_day(access.org, freshness)
    return _answer(access.org, await _shown(access, goal, today), freshness)


async def explain_goal(access: Access, goal_id: UUID, query: shapes.GoalQuery) -> GoalExplanation:
    """Return how a goal's standing is computed; raises as :func:`get_goal`."""
    return await explain(access, await _goal_then(access, goal_id, query))


async def list_goals(access: Access, keyring: KeyRing, query: shapes.ListQuery) -> shapes.Goals:
    """Return a page of goals and how they stand, the newest first; raises as :func:`get_goal`."""
    listed = {"list": "goals", **query.model_dump(mode="json", include={"archived", "as_of"})}
    codec = CursorCodec(keyring, access.org.id, listed)
    after = id_after(codec, query.cursor)
    if query.as_of is not None:
        await look_at_day(access, query.as_of)
    rows = await repository.current_goals(
        access.connection,
        access.org.id,
        is_archived=query.archived,
        after=after,
        limit=query.limit + 1,
    )
    page, following = page_of(rows, query.limit, codec, lambda goal: [str(goal.id)])
    freshness = await freshness_of(access.connection, access.org.id)
    today = answer_day(access.org, freshness)
    return shapes.Goals(
        **trust_of(freshness, access.org.zone).model_dump(),
        goals=[await _shown(access, goal, today) for goal in page],
        next_cursor=following,
    )


async def list_versions(
    access: Access, keyring: KeyRing, goal_id: UUID, query: PageQuery
) -> shapes.GoalVersions:
    """Return a page of the versions of a goal, the last one first; raises :class:`NotFound`."""
    codec = CursorCodec(keyring, access.org.id, {"list": "goal_versions", "goal": str(goal_id)})
    rows = await repository.versions_of(
        access.connection,
        access.org.id,
        goal_id,
        before=_version_after(codec, query.cursor),
        limit=query.limit + 1,
    )
    if not rows:
        raise NotFound
    page, following = page_of(rows, query.limit, codec, lambda goal: [goal.version])
    versions = [shapes.StatedGoal.model_validate(version) for version in page]
    return shapes.GoalVersions(versions=versions, next_cursor=following)


async def _goal_then(access: Access, goal_id: UUID, query: shapes.GoalQuery) -> GoalVersion:
    """Make the transaction read as of the day asked about, and return the goal of that day."""
    if query.as_of is not None:
        await look_at_day(access, query.as_of)
    goal = await repository.current_goal(access.connection, access.org.id, goal_id)
    if goal is None:
        raise NotFound
    return goal


def _version_after(codec: CursorCodec, cursor: str | None) -> int:
    if cursor is None:
        return repository.AFTER_ALL
    match codec.decode(cursor):
        case [int(version)]:
            return version
    raise InvalidCursor


async def _to_change(access: Access, goal_id: UUID) -> GoalVersion:
    await repository.lock_goal(access.connection, access.org.id, goal_id)
    goal = await repository.current_goal(access.connection, access.org.id, goal_id)
    if goal is None:
        raise NotFound
    return goal


def _fresh(access: Access, goal_id: UUID, version: int) -> dict[str, Any]:
    """Return what every version says of itself, before it is known whether it is attainable."""
    return {
        "id": goal_id,
        "version": version,
        "attainable": Attainable.UNKNOWN.value,
        "forecast_low": None,
        "forecast_high": None,
        "is_archived": False,
        "recorded_at": clock.now(),
        "recorded_by": access.caller.key_id,
    }


async def _state(access: Access, goal: GoalVersion) -> shapes.GoalAnswer:
    """Check a version by all rules and append it, with what the forecast said of its target."""
    today = clock.local_day(clock.now(), access.org.zone)
    kpi = rules.checked(goal, today=today)
    standing = await standing_of(access, kpi, goal, until=today)
    rules.check_standing(goal, standing)
    low, high = _interval(standing.forecast)
    accepted = replace(
        goal,
        attainable=attainable(goal.aim, standing.forecast).value,
        forecast_low=low,
        forecast_high=high,
    )
    await repository.add_version(access.connection, access.org.id, accepted)
    shown = _goal(access.org, kpi, accepted, standing, is_over=False)
    return _answer(access.org, shown, await freshness_of(access.connection, access.org.id))


async def _shown(access: Access, goal: GoalVersion, today: date) -> shapes.Goal:
    # The day that has not ended is left out: half a day would look like a bad one.
    kpi = catalogue().kpis[goal.kpi]
    standing = await standing_of(access, kpi, goal, until=today)
    return _goal(access.org, kpi, goal, standing, is_over=today >= goal.period.end)


def _answer(org: Org, goal: shapes.Goal, freshness: Freshness) -> shapes.GoalAnswer:
    trust = trust_of(freshness, org.zone)
    return shapes.GoalAnswer(**goal.model_dump(), **trust.model_dump())


def _goal(
    org: Org, kpi: Kpi, goal: GoalVersion, standing: Standing, *, is_over: bool
) -> shapes.Goal:
    is_money = kpi.unit is Unit.MONEY
    digits = exponent(org.currency) if is_money else kpi.rounding
    return shapes.Goal(
        **asdict(goal),
        currency=org.currency if is_money else None,
        standing=_standing(goal, standing, digits, is_over=is_over),
    )


def _standing(
    goal: GoalVersion, standing: Standing, digits: int, *, is_over: bool
) -> shapes.Standing:
    target, actual, baseline = goal.aim.value, standing.actual, standing.baseline
    done = None
    if actual is not None and baseline is not None:
        done = progress(actual, baseline, target)
    return shapes.Standing(
        until=standing.until,
        reading=standing.reading,
        actual=_round(actual, digits),
        null_reason=standing.null_reason,
        baseline=_round(baseline, digits),
        progress=exact(done),
        of_target=None if actual is None or not target else exact(100 * actual / target),
        expected_by_now=_round(standing.expected_by_now, digits),
        pacing=standing.pacing,
        forecast=_projection(standing.forecast, digits),
        attainable=attainable(goal.aim, standing.forecast),
        verdict=verdict(goal.aim, actual=actual, forecast=standing.forecast, is_over=is_over),
    )


def _projection(forecast: Forecast | None, digits: int) -> shapes.Projection | None:
    if forecast is None:
        return None
    return shapes.Projection(
        expected=rounded(forecast.expected, digits),
        low=rounded(forecast.low, digits),
        high=rounded(forecast.high, digits),
        level=rounded(LEVEL, 1),
        method=forecast.method,
        weeks=forecast.weeks,
    )


def _round(value: Fraction | None, digits: int) -> Decimal | None:
    return None if value is None else rounded(value, digits)


def _interval(forecast: Forecast | None) -> tuple[Decimal | None, Decimal | None]:
    return (None, None) if forecast is None else (exact(forecast.low), exact(forecast.high))
