"""Rank people by a KPI. Ranks come from the same figures as every other answer."""

from bisect import bisect_left
from decimal import Decimal
from typing import Final

from services.api.answers import is_partial, trust_of
from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis
from services.api.freshness import freshness_of
from services.api.leaderboard.schemas import Leaderboard, LeaderboardQuery, Place, RankedBy
from services.api.lookback import look
from services.api.privacy import refuse_small_groups, require_people
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import ADVOCACY_CHANNEL
from shared.kpis.vocabulary import Unit

__all__ = ["leaderboard"]

_KPIS: Final = {
    RankedBy.SHARES: "shares",
    RankedBy.ENGAGEMENTS: "engagements",
    RankedBy.IMPRESSIONS: "impressions_advocacy",
    RankedBy.CLICKS: "clicks",
}
# All are ranked, though few are shown: a place is a place among everybody.
_MOST_PEOPLE: Final = 200_000
_NAMES = "SELECT employee, display_name FROM employee WHERE org_id = $1 AND employee = ANY ($2)"


async def leaderboard(access: Access, query: LeaderboardQuery) -> Leaderboard:
    """Return the first people by what they did in a period, with ties sharing a rank.

    Raises:
        InsufficientScope: the caller may not see what single people did.
        Invalid: the teams asked for are too small to be shown (``small_group``).
    """
    kpi, filters = _ranked_by(query)
    await look(access, query)
    if query.team:
        filters["team"] = frozenset(query.team)
    require_people(access, filters, "employee")
    await refuse_small_groups(access, query.period, filters, kpi)
    found = await evaluate_kpis(
        access,
        [kpi],
        (query.period,),
        Slice("employee", filters),
        most_points=_MOST_PEOPLE,
    )
    counted = [(valued.group, valued.value.value) for valued in found[kpi.id] if valued.group]
    people = [(person, value) for person, value in counted if value]
    people.sort(key=lambda item: (-item[1], item[0]))
    shown = people[: query.limit]
    names = await _names(access, [person for person, _ in shown])
    freshness = await freshness_of(access.connection, access.org.id)
    return Leaderboard(
        **trust_of(freshness, access.org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, freshness.complete_until, access.org.zone),
        by=query.by,
        kpi=kpi.id,
        unit=kpi.unit,
        currency=access.org.currency if kpi.unit is Unit.MONEY else None,
        people=len(people),
        places=[
            Place(rank=_rank(people, value), employee=person, name=names.get(person), value=value)
            for person, value in shown
        ],
    )


def _ranked_by(query: LeaderboardQuery) -> tuple[Kpi, dict[str, frozenset[str]]]:
    if query.by is RankedBy.REVENUE:
        kpi = catalogue().kpis[f"attributed_revenue_{query.model}"]
        return kpi, {"channel": frozenset({ADVOCACY_CHANNEL})}
    return catalogue().kpis[_KPIS[query.by]], {}


def _rank(people: list[tuple[str, Decimal]], value: Decimal) -> int:
    """Return the rank of a value among people, who are in order already."""
    return 1 + bisect_left(people, -value, key=lambda person: -person[1])


async def _names(access: Access, employees: list[str]) -> dict[str, str | None]:
    """Return display names."""
    rows = await access.connection.fetch(_NAMES, access.org.id, employees)
    return {row["employee"]: row["display_name"] for row in rows}
