"""Who may be seen in an answer: groups too small to be shown, and people only with their scope.

The rules are those of :mod:`shared.kpis.privacy`; here they meet the buckets of an answer.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from services.api.dependencies import Access
from shared.errors import InsufficientScope, Invalid
from shared.kpis.assumptions import ACTIVE_WEEKS, ASSUMPTIONS
from shared.kpis.compose import KpiValue
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import Kept
from shared.kpis.periods import Period
from shared.kpis.privacy import Decisions, Disclosure, Sizes, disclose, levels_apart, may_filter
from shared.kpis.vocabulary import PLACES, Axis, Dimension
from shared.rollups.known import Knowledge, look_at_present, look_back
from shared.rollups.populations import (
    Displaced,
    Populations,
    displaced,
    read_placements,
    read_populations,
)
from shared.rollups.read import live_generation

__all__ = [
    "SUPPRESSED",
    "Shield",
    "connections_of_people",
    "disclosure_of",
    "may_see_people",
    "refuse_small_groups",
    "require_people",
    "require_people_of_list",
    "rests_on_levels",
    "suppressed",
]

SUPPRESSED: Final = "suppressed:small_group"
_EMPLOYEE: Final = "employee"
# The longest ever stated: which days an answer judges must not depend on when it is asked.
_WEEKS: Final = f"""
SELECT coalesce(max(value), {ASSUMPTIONS[ACTIVE_WEEKS].default})
  FROM public.assumption WHERE org_id = $1 AND key = '{ACTIVE_WEEKS}'
"""
# Of the present, whatever the transaction looks at.
_OF_PEOPLE: Final = """
SELECT source, provider FROM public.connection
 WHERE org_id = $1 AND source = ANY ($2::text[]) AND config::jsonb ->> 'employee' IS NOT NULL
"""
_KNOWN: Final = "SELECT current_setting('app.known', true)"
_SMALL_GROUP: Final = (
    "The groups asked for hold too few people, or leave too few out: ask for larger ones, or for"
    " all the small ones together."
)


@dataclass(frozen=True, slots=True)
class _Staff:
    """How many people groups hold, in each telling that has to be heeded, and who was moved."""

    tellings: tuple[Populations, ...]
    displaced: tuple[Displaced, ...]

    def during(self, period: Period) -> list[Sizes]:
        """Return the sizes on each day of a period, in every telling."""
        return [sizes for telling in self.tellings for sizes in telling.during(period)]

    def bound(self, period: Period) -> frozenset[str]:
        """Return the groups that hold other people in another telling of these days."""
        return frozenset(
            one.group
            for one in self.displaced
            if one.since < period.end and period.start < one.until
        )


@dataclass(frozen=True, slots=True)
class _Cover:
    """What may be shown of each bucket of an answer that is cut by what divides employees.

    There are ``disclosures`` only where the answer is grouped by them; ``only`` are the groups it
    is filtered by, or none.
    """

    disclosures: tuple[Disclosure, ...]
    filterable: tuple[bool, ...]
    only: frozenset[str]

    @classmethod
    def of(
        cls,
        staff: _Staff,
        k: int,
        judged: Sequence[Period],
        only: frozenset[str],
        *,
        is_grouped: bool,
    ) -> "_Cover":
        # Buckets share their days, all of them where the roster is at rest.
        judge = Decisions().hidden_groups
        disclosures, filterable = [], []
        for part in judged:
            sizes, bound = staff.during(part), staff.bound(part)
            if is_grouped:
                disclosures.append(disclose(sizes, k, bound=bound, judge=judge))
            filterable.append(not only or may_filter(sizes, only, k, bound=bound, judge=judge))
        return cls(tuple(disclosures), tuple(filterable), only)


@dataclass(frozen=True, slots=True)
class Shield:
    """What may be shown of each bucket of an answer that is cut by what divides employees.

    ``is_of_people`` tells of one that is cut by two such divisions, for who may not see people: who
    has a role in a team is often one person, and nothing of it is shown.
    """

    covers: Mapping[str, _Cover]
    is_of_people: bool

    @classmethod
    async def of(
        cls,
        access: Access,
        parts: Sequence[Period],
        filters: Mapping[str, frozenset[str]],
        group_by: str | None,
        *,
        of_levels: bool,
    ) -> "Shield | None":
        """Return the shield of an answer; None if nothing in it divides employees.

        ``of_levels`` is for figures that days share: see :func:`rests_on_levels`.
        """
        places = [place for place in PLACES if place == group_by or place in filters]
        if not places:
            return None
        sees_people = may_see_people(access)
        around = timedelta(0)
        if of_levels and not sees_people:
            around = levels_apart(int(await access.connection.fetchval(_WEEKS, access.org.id)))
        judged = [Period(part.start - around, part.end + around) for part in parts]
        whole = Period(judged[0].start, judged[-1].end)
        covers: dict[str, _Cover] = {}
        for place in places:
            # A cut through thousands of people takes long: it would keep other requests waiting.
            covers[place] = await asyncio.to_thread(
                _Cover.of,
                await _staff(access, whole, place),
                access.org.smallest_group,
                judged,
                filters.get(place, frozenset()),
                is_grouped=place == group_by,
            )
        return cls(covers, is_of_people=len(places) > 1 and not sees_people)

    def hides(self, bucket: int, group: str, group_by: str | None) -> bool:
        """Tell whether a value must not be shown."""
        return self.is_of_people or any(
            group in cover.disclosures[bucket].hidden
            if place == group_by
            else not cover.filterable[bucket]
            for place, cover in self.covers.items()
        )

    def hidden(self, place: Dimension) -> frozenset[str]:
        """Return the groups that are hidden in any bucket."""
        return frozenset[str]().union(*(one.hidden for one in self.covers[place].disclosures))

    def merged(self, bucket: int, group_by: str) -> tuple[str, ...]:
        """Return the hidden groups of a bucket that may be shown as one, if all are asked for."""
        cover = self.covers[group_by]
        groups = cover.disclosures[bucket].merged
        others = [other for place, other in self.covers.items() if place != group_by]
        is_open = not self.is_of_people and all(other.filterable[bucket] for other in others)
        return groups if is_open and (not cover.only or cover.only.issuperset(groups)) else ()

    @property
    def all_filterable(self) -> bool:
        """Tell whether what is filtered by may be shown, taken together, throughout."""
        return not self.is_of_people and all(all(c.filterable) for c in self.covers.values())


def rests_on_levels(kpi: Kpi) -> bool:
    """Tell whether a KPI is more than a sum of its days.

    A level, a count of people or a quantile says of one day what it says of the next: a team that
    is hidden on one of them must not be found by the other.
    """
    return any(
        measure.kept is not Kept.CALENDAR and not measure.adds_up_over(Axis.TIME)
        for measure in catalogue().measures_of(kpi.id)
    )


async def disclosure_of(access: Access, period: Period) -> Disclosure:
    """Return which teams may be shown in a period, in answers that are no KPI."""
    staff = await _staff(access, period, Dimension.TEAM)
    k = access.org.smallest_group
    return disclose(staff.during(period), k, bound=staff.bound(period))


async def _staff(access: Access, period: Period, place: Dimension) -> _Staff:
    """Return who decides about a period.

    The present does, and in an answer about the past what was known then. Whoever may not see
    people is held to both: else a correction would open in one what it hides in the other.
    """
    connection, org_id = access.connection, access.org.id
    generation = await live_generation(connection, org_id)
    told = await read_populations(connection, org_id, generation, period, place)
    knowledge = Knowledge.parse(await connection.fetchval(_KNOWN))
    if knowledge is None or may_see_people(access):
        return _Staff((told,), ())
    placed = await read_placements(connection, org_id, generation, place)
    await look_at_present(connection)
    now = await read_populations(connection, org_id, generation, period, place)
    moved = displaced(placed, await read_placements(connection, org_id, generation, place))
    await look_back(connection, knowledge)
    return _Staff((told, now), tuple(moved))


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
    access: Access, period: Period, filters: Mapping[str, frozenset[str]], kpi: Kpi
) -> None:
    """Refuse a list that is filtered by groups which may not be shown: a list has no null.

    Raises:
        Invalid: the groups are too small (``small_group``).
    """
    shield = await Shield.of(access, (period,), filters, None, of_levels=rests_on_levels(kpi))
    if shield is not None and not shield.all_filterable:
        raise Invalid(_SMALL_GROUP, code="small_group")


def may_see_people(access: Access) -> bool:
    """Tell whether the caller may see what single people did."""
    return "people:read" in access.caller.scopes


async def connections_of_people(access: Access, sources: Iterable[str]) -> Mapping[str, str]:
    """Return source → vendor of the connections of one employee; none to who may see people.

    A list calls such a source by its vendor: all that it told is about one person.
    """
    if may_see_people(access):
        return {}
    named = sorted(set(sources))
    rows = await access.connection.fetch(_OF_PEOPLE, access.org.id, named) if named else []
    return {row["source"]: row["provider"] for row in rows}


def require_people(
    access: Access, filters: Mapping[str, frozenset[str]], group_by: str | None
) -> None:
    """Refuse figures of single employees to callers who may not see them.

    Who has a role in a team is often one person: an answer cut by both is of single employees, too.

    Raises:
        InsufficientScope: the answer would be cut by employee, or by two of ``PLACES``.
    """
    asked = {*filters, group_by}
    is_of_people = _EMPLOYEE in asked or len(asked.intersection(PLACES)) > 1
    if is_of_people and not may_see_people(access):
        raise InsufficientScope("people:read")


def require_people_of_list(access: Access, filters: Mapping[str, frozenset[str]]) -> None:
    """Refuse lists of facts of single employees, as :func:`require_people`, or of a role, say.

    A fact in the list of a role and in that of a team is of who has the role in the team, and so
    with departments and cohorts.

    Raises:
        InsufficientScope: the list would be cut by employee, department, role or cohort.
    """
    require_people(access, filters, None)
    is_beside_teams = not filters.keys().isdisjoint(PLACES) and Dimension.TEAM not in filters
    if is_beside_teams and not may_see_people(access):
        raise InsufficientScope("people:read")
