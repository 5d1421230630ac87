"""What can be asked of measures, and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from shared.kpis.measures import MEASURES, Kept, Measure
from shared.kpis.periods import Period
from shared.kpis.vocabulary import Dimension

__all__ = ["ForbiddenSlice", "MeasureQuery", "Slicing", "slicing"]

_NO_FILTERS: Mapping[str, frozenset[str]] = MappingProxyType({})


class ForbiddenSlice(ValueError):
    """A measure cannot be grouped or filtered so. ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class MeasureQuery:
    """Buckets of days, one after another without gaps, and how to slice them.

    ``filters`` maps a dimension to the values that are let through.
    """

    buckets: tuple[Period, ...]
    group_by: str | None = None
    filters: Mapping[str, frozenset[str]] = field(default_factory=lambda: _NO_FILTERS)

    def __post_init__(self) -> None:
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

    @property
    def needs_team_of_day(self) -> bool:
        """Tell whether cells of people must be assigned to teams while reading."""
        return self.slice == "finest" and (self.group_by == "team" or "team" in self.filters)


def slicing(measure_id: str, query: MeasureQuery) -> Slicing:
    """Return how to answer ``query`` for a measure.

    Raises:
        ForbiddenSlice: the measure does not carry a dimension, or the combination is not kept.
    """
    measure = MEASURES[measure_id]
    asked = set(query.filters) | ({query.group_by} if query.group_by else set())
    for dimension in sorted(asked):
        if measure.kept is Kept.CALENDAR:
            continue  # a period is as long for each part as for the whole
        if Dimension(dimension) not in measure.dimensions:
            raise ForbiddenSlice(
                "dimension_not_carried", f"{measure_id} cannot be sliced by {dimension}"
            )
    if asked and measure.parts is not None:
        measure = replace(MEASURES[measure.parts], id=measure_id)
    filters = dict(query.filters)
    if measure.channel is not None:
        filters["channel"] = frozenset({measure.channel})
        asked.add("channel")
    if not asked:
        name = "total"
    elif len(asked) == 1:
        name = next(iter(asked))
    elif "content" in asked:
        raise ForbiddenSlice(
            "combination_not_kept", "content cannot be combined with another dimension"
        )
    else:
        name = "finest"
    return Slicing(measure, name, query.group_by, filters)
