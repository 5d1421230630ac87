"""What an estimate over teams is made of: changes of some teams beside those of others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Comparison", "Comparisons", "Start", "week_of"]

#: The week in which a team started; None: never.
Start = int | None


class Comparison(NamedTuple):
    """The change from `base` to `week` of the teams of one start, so many times.

    Less that of the teams that start after the week `waiting`.
    """

    start: int
    base: int
    week: int
    waiting: int
    weight: int


class Comparisons(NamedTuple):
    """What a statistic is made of: the sum of its parts, divided by the whole."""

    parts: Sequence[Comparison]
    whole: int


def week_of(start: Start) -> float:
    """Return the week of a start; of none, one after all weeks."""
    return math.inf if start is None else start
