"""Which measures share a row of the rollups.

A row of ``rollup`` holds up to ``WIDTH`` measures of one cell and day side by side, in the columns
``v1`` to ``v8``; a row of its log their changes, in ``d1`` to ``d8``. Measures that change together
belong together: one reading of a post is then one row to find and to write in each cell, not five.

The families below say who should share; what is stored does not depend on it. Each generation
keeps its own assignment in ``rollup_slot``, made when a measure first occurs and never changed, so
a family may be declared anew at any time: what is held stays where it is. What ``contributions``
tells side by side it tells in the order declared here. A measure that is not declared gets rows of
its own. Everybody but the fold reads one measure a row, through the views ``rollup_value`` and
``rollup_delta``.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from shared.kpis.vocabulary import AttributionModel, CostCategory

__all__ = ["FAMILIES", "RESPONSES", "SLOTS", "WIDTH", "Place", "assign", "each_slot"]

#: Measures a row has room for: as many as the tables have columns for.
WIDTH = 8
SLOTS = range(1, WIDTH + 1)

#: What networks count of a post, as the names of measures begin: the side that posted it follows.
RESPONSES = ("impressions", "reactions", "comments", "reshares", "network_clicks")

#: Measures that change in the same cells on the same days. A family with more members than a row
#: has room for goes on in another row.
FAMILIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "advocacy": (*(f"{r}_advocacy" for r in RESPONSES), "shares", "shares_own", "clicks"),
        "boosted": tuple(f"{r}_boosted" for r in RESPONSES),
        "brand": (*(f"{r}_brand" for r in RESPONSES), "posts_brand"),
        "readings": tuple(
            f"readings.{side}{counter}"
            for side in ("advocacy", "brand")
            for counter in ("", ".impressions", ".network_clicks")
        ),
        "visits": (
            "sessions",
            "engaged_sessions",
            "key_events",
            "sessions_advocacy",
            "careers_sessions_advocacy",
            "sessions_brand",
        ),
        "sales": ("opportunities", "deals_won", "deals_lost", "revenue_won", "leads", "leads_won"),
        "internal": (
            "esn_posts",
            "esn_comments",
            "esn_events",
            "esn_polls",
            "esn_suggestions",
            "knowledge_items",
            "knowledge_reads",
        ),
        "membership": ("invites", "joins", "leaves", "rejoins"),
        **{
            credited: tuple(f"{credited}.{model}" for model in AttributionModel)
            for credited in ("revenue", "wins", "leads", "applications", "hires")
        },
        "cost": ("cost", *(f"cost.{category}" for category in CostCategory)),
    }
)
_FAMILY_OF = {measure: name for name, family in FAMILIES.items() for measure in family}


class Place(NamedTuple):
    """Where a generation keeps a measure: the number of its rows' family, and the column."""

    family: int
    slot: int


def assign(held: Mapping[str, Place], wanted: Iterable[str]) -> dict[str, Place]:
    """Return a place for each measure of ``wanted`` that has none in ``held``.

    A measure joins its declared family where one of its rows' columns is free, else it starts the
    next family; in the column of its place in the family, if that one is free. The outcome does not
    depend on the order of ``wanted``.
    """
    places = dict(held)
    for measure in sorted(set(wanted) - set(held)):
        mates = FAMILIES.get(_FAMILY_OF.get(measure, ""), (measure,))
        declared = mates.index(measure) % WIDTH + 1
        begun = sorted({places[mate].family for mate in mates if mate in places})
        taken = set(places.values())
        free = (Place(family, slot) for slot in (declared, *SLOTS) for family in begun)
        begin = Place(max((place.family for place in taken), default=0) + 1, declared)
        places[measure] = next((place for place in free if place not in taken), begin)
    return {measure: place for measure, place in places.items() if measure not in held}


def each_slot(template: str, separator: str = ", ") -> str:
    """Return ``template`` once for each slot, ``{slot}`` replaced by its number."""
    return separator.join(template.format(slot=slot) for slot in SLOTS)
