"""The comparison of leaderboards: who did most, equal ones at the same place."""

from collections.abc import Mapping
from fractions import Fraction
from functools import partial

from services.api.dependencies import Access
from services.api.leaderboard.schemas import LeaderboardQuery
from services.api.leaderboard.service import leaderboard
from tests.property.oracle.answers import Span
from tests.property.oracle.contributions import ADVOCACY
from tests.property.oracle.formulas import definitions, value_of
from tests.property.oracle.measured import sums
from tests.property.oracle.whole import Whole

__all__ = ["RANKED_BY", "assert_ranked"]

RANKED_BY: Mapping[str, str] = {
    "shares": "shares",
    "engagements": "engagements",
    "impressions": "impressions_advocacy",
    "clicks": "clicks",
    "revenue": "attributed_revenue_position",
}
_SHOWN = 2


async def assert_ranked(access: Access, oracle: Whole, span: Span, by: str) -> None:
    """Compare the first places, and how many people have one."""
    asked = {"from": span.start, "to": span.end, "by": by, "model": "position", "limit": _SHOWN}
    got = await leaderboard(access, LeaderboardQuery.model_validate(asked))

    did = _did(oracle, span, by)
    in_order = sorted(did.items(), key=lambda one: (-one[1], one[0]))
    assert got.people == len(did)
    assert [(place.rank, place.employee, Fraction(place.value)) for place in got.places] == [
        (1 + sum(other > value for other in did.values()), employee, value)
        for employee, value in in_order[:_SHOWN]
    ], (span, by)


def _did(oracle: Whole, span: Span, by: str) -> dict[str, Fraction]:
    """Return employee → what they did, of everybody who did anything."""
    # People earn revenue through their own channel alone.
    parts = [part for part in oracle.told if by != "revenue" or part.where.channel == ADVOCACY]
    found = sums(oracle.history, parts, span._replace(group_by="employee"), oracle.held)
    kpi, did = definitions()[RANKED_BY[by]], {}
    for employee in {employee for answer in found.values() for employee in answer}:
        of_one = {measure: answer.get(employee, Fraction(0)) for measure, answer in found.items()}
        value = value_of(kpi, span, oracle.stated, partial(_read, of_one)).value
        if value:
            did[employee] = value
    return did


def _read(of_one: Mapping[str, Fraction | None], _: Span, measure: str) -> Fraction | None:
    return of_one.get(measure)
