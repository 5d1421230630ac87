"""``/v1/leaderboard``: people by what they did."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.api.dependencies import Access, reads
from services.api.leaderboard import service
from services.api.leaderboard.schemas import Leaderboard, LeaderboardQuery

__all__ = ["router"]

router = APIRouter(prefix="/v1/leaderboard", tags=["leaderboard"])


@router.get("", operation_id="leaderboard_list_places")
async def list_places(
    access: Annotated[Access, reads("kpis:read")], query: Annotated[LeaderboardQuery, Query()]
) -> Leaderboard:
    """Rank employees. What single people did is shown only with the scope people:read, too."""
    return await service.leaderboard(access, query)
