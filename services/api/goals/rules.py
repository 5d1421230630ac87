"""What makes a goal SMART; each broken rule is named with its field."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from services.api.goals.repository import GoalVersion
from services.api.goals.standing import Standing
from shared.errors import FieldError, Invalid
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.goals import Attainable, Reading, attainable
from shared.kpis.vocabulary import PLACES, Direction

__all__ = ["check_standing", "checked"]

_LONGEST: Final = timedelta(days=3 * 366)


def checked(goal: GoalVersion, *, today: date) -> Kpi:
    """Return the KPI of a goal whose parts fit together.

    Raises:
        Invalid: some do not; all of these are named.
    """
    kpi = catalogue().kpis.get(goal.kpi)
    errors = [*_of_days(goal, today)]
    if kpi is None or kpi.formula is None:
        errors.append(_error("kpi", "no_number", "No KPI with a number of its own has this id."))
    else:
        errors += _of_measure(goal, kpi)
    if errors or kpi is None:
        raise Invalid("This is not a SMART goal yet.", code="goal_not_smart", errors=errors)
    return kpi


def check_standing(goal: GoalVersion, standing: Standing) -> None:
    """Refuse a target that lies behind the baseline, or outside the interval without ``stretch``.

    Raises:
        Invalid: it does; the interval is in the message.
    """
    errors = []
    if standing.baseline is not None and goal.aim.is_reached_by(standing.baseline):
        # A budget starts from nothing used; only a rate or a level can have been low enough before.
        is_budget = goal.aim.direction is Direction.DOWN and standing.reading is Reading.SUM
        if not is_budget:
            errors.append(
                _error("target", "already_reached", "The baseline is at the target or beyond it.")
            )
    forecast = standing.forecast
    outside = attainable(goal.aim, forecast) is Attainable.NO
    if outside and forecast is not None and not goal.stretch:
        low, high = (f"{float(end):.6g}" for end in (forecast.low, forecast.high))
        message = f"Four times out of five it comes to {low} to {high}; `stretch` keeps it."
        errors.append(_error("target", "outside_forecast", message))
    if errors:
        raise Invalid("This target is not attainable.", code="goal_not_attainable", errors=errors)


def _of_days(goal: GoalVersion, today: date) -> Iterator[FieldError]:
    if goal.due_on <= goal.baseline_on:
        yield _error("due_on", "before_baseline", "The due day lies after the baseline day.")
    elif goal.due_on - goal.baseline_on > _LONGEST:
        yield _error("due_on", "too_far", "A goal takes at most three years.")
    if goal.due_on < today:
        yield _error("due_on", "in_the_past", "The due day has not passed.")


def _of_measure(goal: GoalVersion, kpi: Kpi) -> Iterator[FieldError]:
    if goal.unit != kpi.unit:
        yield _error("unit", "not_the_unit", f"{kpi.id} is measured in {kpi.unit}.")
    if kpi.direction is not Direction.NEUTRAL and goal.direction != kpi.direction:
        yield _error("direction", "wrong_way", f"{kpi.id} is better when it goes {kpi.direction}.")
    if why := catalogue().why_not_by(kpi.id, goal.filters):
        yield _error("filters", "dimension_not_carried", why)
    elif len(set(goal.filters).intersection(PLACES)) > 1:
        message = "Who has a role in a team is often one person: filter by one of the two."
        yield _error("filters", "of_single_people", message)


def _error(field: str, rule: str, message: str) -> FieldError:
    return FieldError(field=f"body.{field}", rule=rule, message=message)
