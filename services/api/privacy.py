"""Who may be seen in an answer: teams too small to be shown, and people only with their scope.

The rules are those of :mod:`shared.kpis.privacy`; here they meet the buckets of an answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import asyncpg

from services.api.dependencies import Access
from shared.errors import InsufficientScope, Invalid
from shared.kpis.compose import KpiValue
from shared.kpis.periods import Period
from shared.kpis.privacy import Disclosure, disclose, may_filter
from shared.orgs import Org
from shared.rollups.populations import Populations, read_populations
from shared.rollups.read import live_generation

__all__ = [
    "SUPPRESSED",
    "Shield",
    "disclosure_of",
    "may_see_people",
    "refuse_small_groups",
    "require_people",
    "suppressed",
]

SUPPRESSED: Final = "suppressed:small_group"
_TEAM: Final = "team"
_EMPLOYEE: Final = "employee"
_SMALL_GROUP: Final = (
    "The teams asked for hold too few people, or leave too few out: ask for larger ones, or for"
    " all the small ones together."
)


@dataclass(frozen=True, slots=True)
class Shield:
    """What may be shown of each bucket of an answer that is cut by teams."""

    disclosures: tuple[Disclosure, ...]
    filterable: tuple[bool, ...]
    only: frozenset[str]

    @classmethod
    async def of(
        cls,
        connection: "asyncpg.Connection[asyncpg.Record]",
        org: Org,
        parts: Sequence[Period],
        filters: Mapping[str, frozenset[str]],
        group_by: str | None,
    ) -> "Shield | None":
        """Return the shield of an answer; None if no team is named in it."""
        if group_by != _TEAM and _TEAM not in filters:
            return None
        generation = await live_generation(connection, org.id)
        period = Period(parts[0].start, parts[-1].end)
        sizes = await read_populations(connection, org.id, generation, period)
        return cls._over(sizes, org.smallest_group, parts, filters.get(_TEAM, frozenset()))

    @classmethod
    def _over(
        cls, sizes: Populations, k: int, parts: Sequence[Period], only: frozenset[str]
    ) -> "Shield":
        days = [sizes.during(part) for part in parts]
        return cls(
            disclosures=tuple(disclose(part, k) for part in days),
            filterable=tuple(may_filter(part, only, k) for part in days),
            only=only,
        )

    def hides(self, bucket: int, group: str, group_by: str | None) -> bool:
        """Tell whether a value must not be shown."""
        if group_by == _TEAM:
            return group in self.disclosures[bucket].hidden
        return not self.filterable[bucket]

    def merged(self, bucket: int) -> tuple[str, ...]:
        """Return the hidden teams of a bucket that may be shown as one, if all are asked for."""
        teams = self.disclosures[bucket].merged
        return teams if not self.only or self.only.issuperset(teams) else ()

    @property
    def all_filterable(self) -> bool:
        """Tell whether the teams that are filtered by may be shown, taken together, throughout."""
        return all(self.filterable)


async def disclosure_of(access: Access, period: Period) -> Disclosure:
    """Return which teams may be shown in a period, in answers that are no KPI."""
    generation = await live_generation(access.connection, access.org.id)
    sizes = await read_populations(access.connection, access.org.id, generation, period)
    return disclose(sizes.during(period), access.org.smallest_group)


def suppressed(value: KpiValue) -> KpiValue:
    """Return a value that says why it is not shown, and nothing else."""
    return replace(
        value,
        value=None,
        exact=None,
        numerator=None,
        denominator=None,
        null_reason=SUPPRESSED,
        working=value.formula,
        interval=None,
    )


async def refuse_small_groups(
    access: Access, period: Period, filters: Mapping[str, frozenset[str]]
) -> None:
    """Refuse a list that is filtered by teams which may not be shown: a list has no null.

    Raises:
        Invalid: the teams are too small (``small_group``).
    """
    shield = await Shield.of(access.connection, access.org, (period,), filters, None)
    if shield is not None and not shield.all_filterable:
        raise Invalid(_SMALL_GROUP, code="small_group")


def may_see_people(access: Access) -> bool:
    """Tell whether the caller may see what single people did."""
    return "people:read" in access.caller.scopes


def require_people(
    access: Access, filters: Mapping[str, frozenset[str]], group_by: str | None
) -> None:
    """Refuse figures of single employees to callers who may not see them.

    Raises:
        InsufficientScope: the answer would be cut by employee.
    """
    if (group_by == _EMPLOYEE or _EMPLOYEE in filters) and not may_see_people(access):
        raise InsufficientScope("people:read")
