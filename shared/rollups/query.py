"""What can be asked of measures, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import MappingProxyType

from shared.kpis.measures import MEASURES, Kept, Measure
from shared.kpis.periods import Period
from shared.kpis.vocabulary import PLACES, Dimension

__all__ = ["ForbiddenSlice", "MeasureQuery", "Merged", "Slicing", "slicing"]

_NO_FILTERS: Mapping[str, frozenset[str]] = MappingProxyType({})
#: What cells of people say, with the roster; and what no slice is kept of.
_OF_PEOPLE = frozenset({*PLACES, Dimension.EMPLOYEE})
_READ_FROM_PEOPLE = frozenset(PLACES) - {Dimension.TEAM}


class ForbiddenSlice(ValueError):
    """A measure cannot be grouped or filtered so. ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Merged:
    """Groups of one of ``PLACES`` that are read as one: in each bucket those of the bucket."""

    place: str
    groups: tuple[frozenset[str], ...]

    @property
    def ever(self) -> frozenset[str]:
        """Return the groups that are merged in any bucket."""
        return frozenset[str]().union(*self.groups)

    def spans(self) -> Mapping[str, str]:
        """Return in which buckets, numbered from 0, each group is merged, as a multirange."""
        spans: dict[str, list[str]] = {}
        first = 0
        for groups, alike in groupby(self.groups):
            until = first + len(list(alike))
            for group in groups:
                spans.setdefault(group, []).append(f"[{first},{until})")
            first = until
        return {group: f"{{{','.join(parts)}}}" for group, parts in spans.items()}


@dataclass(frozen=True, slots=True)
class MeasureQuery:
    """Buckets of days, one after another without gaps, and how to slice them.

    ``filters`` maps a dimension to the values that are let through; ``merged`` lets others through
    in each bucket, and stands for any filter by the same dimension.
    """

    buckets: tuple[Period, ...]
    group_by: str | None = None
    filters: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NO_FILTERS)
    merged: Merged | None = None

    def __post_init__(self) -> None:
        if self.merged is not None and len(self.merged.groups) != len(self.buckets):
            raise ValueError("groups are merged in each bucket, or in none")
        pairs = zip(self.buckets, self.buckets[1:], strict=False)
        if not self.buckets or any(a.end != b.start for a, b in pairs):
            raise ValueError("buckets follow each other without gaps, and there is at least one")

    @property
    def period(self) -> Period:
        """Return the days from the first bucket's start to the last one's end."""
        return Period(self.buckets[0].start, self.buckets[-1].end)


@dataclass(frozen=True, slots=True)
class Slicing:
    """Which stored slice answers a query about one measure, and under which filters.

    ``measure`` bears the id that was asked for; where its parts are another measure's business, the
    rest is that one's.
    """

    measure: Measure
    slice: str
    group_by: str | None
    filters: Mapping[str, frozenset[str]]
    merged: Merged | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """Return what is asked about that only the roster says of a person and a day."""
        return tuple(p for p in PLACES if p == self.group_by or p in self.filters)

    @property
    def is_logged(self) -> bool:
        """Tell whether cells change whenever the figure may: a change of team moves some."""
        return set(self.places) <= {Dimension.TEAM}

    @property
    def kept_group(self) -> str | None:
        """Return what cells are grouped by as they are kept, without the roster."""
        return None if self.group_by in self.places else self.group_by

    @property
    def kept_filters(self) -> Mapping[str, frozenset[str]]:
        """Return the filters that cells are let through by as they are kept."""
        return {name: only for name, only in self.filters.items() if name not in self.places}

    @property
    def place_filters(self) -> Mapping[str, frozenset[str]]:
        """Return the filters that the roster decides about."""
        return {name: only for name, only in self.filters.items() if name in self.places}


def slicing(measure_id: str, query: MeasureQuery) -> Slicing:
    """Return how to answer ``query`` for a measure.

    Raises:
        ForbiddenSlice: the measure does not carry a dimension, or the combination is not kept.
    """
    measure, merged, filters = MEASURES[measure_id], query.merged, dict(query.filters)
    if merged is not None:
        filters[merged.place] = merged.ever
    asked = set(filters) | ({query.group_by} if query.group_by else set())
    # A period is as long for each part as for the whole.
    foreign = set() if measure.kept is Kept.CALENDAR else asked - measure.dimensions
    if foreign:
        named = ", ".join(sorted(foreign))
        raise ForbiddenSlice("dimension_not_carried", f"{measure_id} cannot be sliced by {named}")
    if measure.parts is not None and not asked <= measure.cells_by:
        measure = replace(MEASURES[measure.parts], id=measure_id)
    if measure.channel is not None:
        filters["channel"] = frozenset({measure.channel})
        asked.add("channel")
    return Slicing(measure, _slice_of(asked), query.group_by, filters, merged)


def _slice_of(asked: set[str]) -> str:
    """Return the slice whose cells are fewest, of those that say what is asked about.

    Teams are kept summed; other places, and parts of teams, are people's on each day.
    """
    if not asked:
        return "total"
    if len(asked) == 1 and asked.isdisjoint(_READ_FROM_PEOPLE):
        return next(iter(asked))
    if "content" in asked:
        raise ForbiddenSlice(
            "combination_not_kept", "content cannot be combined with another dimension"
        )
    return "employee" if asked <= _OF_PEOPLE else "finest"
