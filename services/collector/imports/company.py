"""Files about the company that no system sends: surveys, figures, quotas, trainings, leavers.

A row's external id is made of what it is about, so a corrected file restates the same facts.
"""

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from services.collector.imports.cells import (
    Cells,
    Kind,
    build,
    count,
    day,
    midnight,
    required,
    truth,
)
from services.collector.imports.csv_file import Layout
from shared.facts import (
    EmploymentEnded,
    Fact,
    FigureRecorded,
    QuotaSet,
    SurveyRecorded,
    TrainingCompleted,
)

__all__ = ["FIGURES", "LEAVERS", "QUOTAS", "SURVEYS", "TRAININGS"]

FactOf = Callable[[Cells, ZoneInfo], Fact]


def _id(cells: Cells, *columns: str) -> str:
    return "@".join(cells.get(column) or "" for column in columns)


def _given(cells: Cells, *columns: str) -> tuple[str, ...]:
    """Return the columns that are part of an id only where one of them says something."""
    return columns if any(cells.get(column) for column in columns) else ()


def _survey(cells: Cells, zone: ZoneInfo) -> Fact:
    return build(
        SurveyRecorded,
        {"external_id": "topic", "occurred_at": "held_on"},
        external_id=_id(
            cells, "topic", "held_on", "team", "market", *_given(cells, "department", "role")
        ),
        occurred_at=midnight(day(cells, "held_on"), zone),
        topic=required(cells, "topic"),
        respondents=count(cells, "respondents"),
        positive=count(cells, "positive"),
        negative=count(cells, "negative"),
        score_sum=cells.get("score_sum"),
        team=cells.get("team"),
        department=cells.get("department"),
        role=cells.get("role"),
        market=cells.get("market"),
    )


def _figure(cells: Cells, zone: ZoneInfo) -> Fact:
    return build(
        FigureRecorded,
        {"external_id": "figure", "occurred_at": "day"},
        external_id=_id(cells, "figure", "day", "team", *_group(cells)),
        occurred_at=midnight(day(cells, "day"), zone),
        figure=required(cells, "figure"),
        day=day(cells, "day"),
        value=required(cells, "value"),
        currency=cells.get("currency"),
        hours=cells.get("hours"),
        team=cells.get("team"),
        department=cells.get("department"),
        job=cells.get("job"),
    )


def _group(cells: Cells) -> tuple[str, ...]:
    # A department has a place of its own: an opening of the same name is another figure's.
    return ("job", "department") if cells.get("department") else _given(cells, "job")


def _quota(cells: Cells, zone: ZoneInfo) -> Fact:
    return build(
        QuotaSet,
        {"external_id": "employee", "occurred_at": "set_on"},
        external_id=_id(cells, "employee", "starts_on"),
        # Quotas are set before they begin, and an instant far ahead is not one that happened.
        occurred_at=midnight(day(cells, "set_on"), zone),
        employee=required(cells, "employee"),
        amount=required(cells, "amount"),
        currency=required(cells, "currency"),
        starts_on=day(cells, "starts_on"),
        ends_on=day(cells, "ends_on"),
    )


def _training(cells: Cells, zone: ZoneInfo) -> Fact:
    return build(
        TrainingCompleted,
        {"external_id": "employee", "occurred_at": "completed_on"},
        external_id=_id(cells, "employee", "course", "completed_on"),
        occurred_at=midnight(day(cells, "completed_on"), zone),
        employee=required(cells, "employee"),
        course=required(cells, "course"),
        hours=required(cells, "hours"),
        is_onboarding=truth(cells, "is_onboarding"),
    )


def _leaver(cells: Cells, zone: ZoneInfo) -> Fact:
    return build(
        EmploymentEnded,
        {"external_id": "employee", "occurred_at": "last_day"},
        external_id=_id(cells, "employee", "last_day"),
        occurred_at=midnight(day(cells, "last_day"), zone),
        employee=required(cells, "employee"),
        reason=required(cells, "reason"),
        in_probation=truth(cells, "in_probation"),
        tenure_days=count(cells, "tenure_days"),
    )


def _kind(required_columns: str, optional: str, fact_of: FactOf) -> Kind:
    return Kind(Layout(tuple(required_columns.split()), tuple(optional.split())), fact_of)


SURVEYS: Final = _kind(
    "topic held_on respondents", "positive negative score_sum team department role market", _survey
)
FIGURES: Final = _kind("figure day value", "currency hours team department job note", _figure)
QUOTAS: Final = _kind("employee set_on amount currency starts_on ends_on", "note", _quota)
TRAININGS: Final = _kind("employee course completed_on hours is_onboarding", "note", _training)
LEAVERS: Final = _kind("employee last_day reason in_probation", "tenure_days note", _leaver)
