"""``/v1/goals``: SMART goals, how they stand, and how they came to be."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from services.api.dependencies import Access, reads, writes
from services.api.goals import service
from services.api.goals.explain_schemas import GoalExplanation
from services.api.goals.schemas import (
    GoalAnswer,
    GoalChange,
    GoalQuery,
    Goals,
    GoalVersions,
    ListQuery,
    NewGoal,
)
from services.api.model import PageQuery
from shared.web.json import StrictJsonRoute
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/goals", tags=["goals"], route_class=StrictJsonRoute)

_Reader = Annotated[Access, reads("goals:read")]
_Writer = Annotated[Access, writes("goals:write")]
_Id = Annotated[
    UUID, Path(description="Id of the goal.", examples=["0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"])
]


@router.get("", operation_id="goals_list_goals")
async def list_goals(
    request: Request, access: _Reader, query: Annotated[ListQuery, Query()]
) -> Goals:
    """List goals and how each stands: progress, pace, forecast."""
    return await service.list_goals(access, resources(request).keyring, query)


@router.post("", operation_id="goals_create_goal", status_code=201)
async def create_goal(access: _Writer, body: NewGoal) -> GoalAnswer:
    """State a goal. All five parts are required; a target outside the forecast needs `stretch`.

    A goal in use that says the very same is answered as it stands: the request may be sent again.
    """
    return await service.create_goal(access, body)


@router.get("/{goal_id}", operation_id="goals_get_goal")
async def get_goal(
    access: _Reader, goal_id: _Id, query: Annotated[GoalQuery, Query()]
) -> GoalAnswer:
    """Return a goal and how it stands, now or as it did at the end of a day."""
    return await service.get_goal(access, goal_id, query)


@router.get("/{goal_id}/explain", operation_id="goals_get_explanation")
async def get_explanation(
    access: _Reader, goal_id: _Id, query: Annotated[GoalQuery, Query()]
) -> GoalExplanation:
    """Explain how a goal stands: days, arithmetic, the forecast's weeks and steps, its source."""
    return await service.explain_goal(access, goal_id, query)


@router.get("/{goal_id}/versions", operation_id="goals_list_versions")
async def list_versions(
    request: Request, access: _Reader, goal_id: _Id, query: Annotated[PageQuery, Query()]
) -> GoalVersions:
    """List what a goal was in each of its versions, who stated it and when."""
    return await service.list_versions(access, resources(request).keyring, goal_id, query)


@router.patch("/{goal_id}", operation_id="goals_update_goal")
async def update_goal(access: _Writer, goal_id: _Id, body: GoalChange) -> GoalAnswer:
    """State a goal anew, as its next version. Versions before it stay what they were.

    A change that changes nothing is no version: the goal is answered as it is.
    """
    return await service.update_goal(access, goal_id, body)


@router.delete("/{goal_id}", operation_id="goals_archive_goal", status_code=204)
async def archive_goal(access: _Writer, goal_id: _Id) -> None:
    """Take a goal out of use. It can still be read; archiving twice changes nothing."""
    await service.archive_goal(access, goal_id)
