"""Groups that are read as one, others in each bucket: what of it a place lets through.

Whether a place is among the ``merged`` groups of a query depends on the bucket. That is looked up
by the name of the place, in one argument: nothing is joined, so nothing can be planned badly.
Buckets are numbered from 0, and a place is found where ``filter_clause`` finds it.
"""

from collections.abc import Mapping

import orjson

from shared.rollups.query import Merged, Slicing
from shared.rollups.sql import Arguments

__all__ = ["merged_in_bucket", "merged_place", "merged_stretches"]


def merged_in_bucket(
    plan: Slicing, bucket: str, arguments: Arguments, *, columns: Mapping[str, str]
) -> str:
    """Return the condition that lets rows of a bucket through that are in its merged groups."""
    if plan.merged is None:
        return ""
    place = _place_of(plan.merged, columns, "c")
    return f"AND {_buckets_of(plan.merged, place, arguments)} @> ({bucket})::integer"


def merged_place(plan: Slicing, columns: Mapping[str, str], *, alias: str = "c") -> str:
    """Return the column ``place`` that stretches have before they are :func:`merged_stretches`."""
    if plan.merged is None:
        return ""
    return f"{_place_of(plan.merged, columns, alias)} AS place,"


def merged_stretches(stretches: str, plan: Slicing, arguments: Arguments, *others: str) -> str:
    """Return stretches cut to the buckets in which they are in the merged groups.

    ``others`` are their columns besides ``place``, ``since`` and ``until``.
    """
    if plan.merged is None:
        return stretches
    return f"""
        SELECT {", ".join(f"s.{column}" for column in others)},
               lower(b.part) AS since, upper(b.part) AS until
          FROM ({stretches}) s
         CROSS JOIN LATERAL unnest(
            {_buckets_of(plan.merged, "s.place", arguments)}
            * CASE WHEN s.since < s.until
                   THEN int4multirange(int4range(s.since, s.until)) END) b (part)
    """


def _place_of(merged: Merged, columns: Mapping[str, str], alias: str) -> str:
    return columns.get(merged.place, f"{alias}.{merged.place}")


def _buckets_of(merged: Merged, place: str, arguments: Arguments) -> str:
    """Return the buckets in which a place is merged, as SQL; null where it never is."""
    spans = arguments.add(orjson.dumps(merged.spans()).decode())
    return f"({spans}::jsonb ->> {place})::int4multirange"
