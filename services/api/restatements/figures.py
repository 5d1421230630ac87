"""The figures whose moves are told: what they are worth, when they may have moved, and by what."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis, refused_slice
from services.api.privacy import refuse_small_groups
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import Kept, Measure
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Axis
from shared.rollups.known import Knowledge
from shared.rollups.moved import (
    days_around_nothing,
    days_of_change,
    days_of_recording,
    entries_behind,
)
from shared.rollups.query import ForbiddenSlice, MeasureQuery, Slicing, slicing

__all__ = ["Figure", "KpiFigure"]


class Figure(Protocol):
    """One number of a period, which may move as facts and rates become known."""

    @property
    def kpi(self) -> Kpi:
        """What it is a figure of."""
        ...

    @property
    def period(self) -> Period:
        """The days that it is about."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole organization's: repairs are told of wholes."""
        ...

    @property
    def rate_keys(self) -> Sequence[str]:
        """The assumptions that it is computed with."""
        ...

    @property
    def stored_measures(self) -> Collection[str]:
        """The stored measures that it is computed from."""
        ...

    async def refuse_small_groups(self, access: Access) -> None:
        """Raise `Invalid` if it is a part that is too small to be shown in the time looked at."""
        ...

    async def value(self, access: Access) -> Decimal | None:
        """Return it as known in the transaction's time."""
        ...

    async def days(self, access: Access, since: Knowledge, limit: int) -> set[date]:
        """Return the days after ``since`` on which facts may have moved it.

        All of them, or at least the first ``limit``.
        """
        ...

    async def positions(
        self, access: Access, *, after: int, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Return positions in (after, until] of entries about the facts behind it, by measure.

        Those behind it in the transaction's time, and the first ``limit`` of each measure at least:
        of the first ``limit`` of all, all measures are named.
        """
        ...


@dataclass(frozen=True, slots=True)
class KpiFigure:
    """A KPI with a formula, of the organization or a part of it."""

    kpi: Kpi
    period: Period
    filters: Mapping[str, frozenset[str]]

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is filtered."""
        return not self.filters

    @property
    def rate_keys(self) -> Sequence[str]:
        """Return the assumptions of the formula, and those that say who is counted."""
        return (*catalogue().assumptions_of(self.kpi.id), *catalogue().counted_by(self.kpi.id))

    @property
    def stored_measures(self) -> Collection[str]:
        """Return the measures of the formula as they are stored."""
        return {measure.stored_as for measure in catalogue().measures_of(self.kpi.id)}

    async def refuse_small_groups(self, access: Access) -> None:
        """Raise `Invalid` if a team is too small: a list has no null to say that there is one."""
        await refuse_small_groups(access, self.period, self.filters, self.kpi)

    async def value(self, access: Access) -> Decimal | None:
        """Return the KPI's value of the period."""
        asked = Slice(None, self.filters)
        found = await evaluate_kpis(access, [self.kpi], (self.period,), asked)
        return found[self.kpi.id][0].value.value

    async def days(self, access: Access, since: Knowledge, limit: int) -> set[date]:
        """Return days on which a sum behind it changed; of a count, those of any recording."""
        connection, org = access.connection, access.org
        inputs = [plan for plan in self._inputs() if plan.measure.kept is not Kept.CALENDAR]
        if not all(plan.is_logged and _is_kept(plan.measure) for plan in inputs):
            return set(await days_of_recording(connection, org, since=since, limit=limit))
        days: set[date] = set()
        told_of: set[str] = set()
        for filters, measures in _by_filters(inputs):
            stored = {measure.stored_as for measure in measures}
            days |= set(
                await days_of_change(
                    connection,
                    org.id,
                    stored,
                    self.period,
                    filters=filters,
                    since=since,
                    limit=limit,
                )
            )
            told_of |= stored.union(*((*m.known_by, *m.known_with) for m in measures))
        return days | await days_around_nothing(connection, org.id, told_of, since)

    def _inputs(self) -> list[Slicing]:
        """Return what is read for it: a part may have other measures than the whole."""
        query = MeasureQuery((self.period,), None, self.filters)
        return [slicing(one.id, query) for one in catalogue().measures_of(self.kpi.id)]

    async def positions(
        self, access: Access, *, after: int, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Return positions of entries about the facts behind any input."""
        measures = catalogue().measures_of(self.kpi.id)
        found: list[tuple[str, int]] = []
        for measure in (one for one in measures if one.kept is not Kept.CALENDAR):
            try:
                behind = await entries_behind(
                    access.connection,
                    access.org,
                    measure.id,
                    self.period,
                    filters=self.filters,
                    after=after,
                    until=until,
                    limit=limit,
                )
            except ForbiddenSlice as error:
                raise refused_slice(error) from None
            found += [(measure.id, position) for position in behind]
        return found


def _is_kept(measure: Measure) -> bool:
    return measure.adds_up_over(Axis.TIME) and measure.kept in {Kept.STORED, Kept.VIEW}


def _by_filters(
    inputs: Iterable[Slicing],
) -> Iterator[tuple[Mapping[str, frozenset[str]], list[Measure]]]:
    """Yield the inputs by what they are filtered by: some are of one channel whatever is asked."""
    alike: dict[frozenset[tuple[str, frozenset[str]]], list[Measure]] = defaultdict(list)
    for plan in inputs:
        alike[frozenset(plan.filters.items())].append(plan.measure)
    for filters, measures in alike.items():
        yield dict(filters), measures
