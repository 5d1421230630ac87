"""Cuts of few: whether a drawing of points and lines comes apart at fewer than k of its lines.

A line between two points counts as many times as it was drawn. What is not connected at all is no
cut: nothing lies between. Points that no cut of fewer than k separates may be taken for one, and
stay inseparable whatever else is joined: so a drawing of which points are joined one after another
is looked through once, and then what is left of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import TypeAlias

__all__ = ["Drawing"]

_Line: TypeAlias = tuple[int, int]


class Drawing:
    """Points, known by numbers, and how many lines there are between two of them."""

    def __init__(self, lines: Mapping[_Line, int]) -> None:
        self._lines = lines
        self._joined: dict[int, int] = {}

    def joined(self, pairs: Iterable[_Line]) -> Drawing:
        """Return the drawing in which the points of each pair are one."""
        into = dict(self._joined)
        for one, two in pairs:
            last = _found(into, one), _found(into, two)
            if last[0] != last[1]:
                into[max(last)] = min(last)
        left = Counter[_Line]()
        for (one, two), count in self._lines.items():
            ends = _found(into, one), _found(into, two)
            if ends[0] != ends[1]:
                left[min(ends), max(ends)] += count
        drawing = Drawing(left)
        drawing._joined = into
        return drawing

    def closed(self, k: int) -> tuple[Drawing, bool]:
        """Join points that no cut of fewer than k separates; tell whether there is such a cut.

        Without one nothing is left of the lines; with one, as many points are joined as were found.
        """
        drawing = self
        while drawing._lines:
            if min(drawing._degrees().values()) < k:
                return drawing, True  # a point by itself comes off
            pairs, is_cut = drawing._inseparable(k)
            drawing = drawing.joined(pairs)
            if is_cut:
                return drawing, True
        return drawing, False

    def _degrees(self) -> Mapping[int, int]:
        degrees = dict.fromkeys((point for line in self._lines for point in line), 0)
        for (one, two), count in self._lines.items():
            degrees[one] += count
            degrees[two] += count
        return degrees

    def _inseparable(self, k: int) -> tuple[list[_Line], bool]:
        """Return points that no cut of fewer than k separates, until there is such a cut.

        Points are taken in the order of how many lines they have to those taken before. What is
        taken last is cut off by the lines it has; and a point that has k or more to those before,
        the present one included, is not separated from it by fewer (Nagamochi and Ibaraki, 1992).
        """
        beside: dict[int, dict[int, int]] = defaultdict(dict)
        for (one, two), count in self._lines.items():
            beside[one][two] = beside[two][one] = count
        drawn = dict.fromkeys(beside, 0)
        waiting = [(0, point) for point in sorted(beside)]
        taken: set[int] = set()
        pairs: list[_Line] = []
        last = None
        while waiting:
            drawn_to, point = heappop(waiting)
            if -drawn_to != drawn[point] or point in taken:
                continue  # it has come closer since
            if not drawn_to and last is not None and drawn[last] < k:
                return pairs, True  # what was connected ended there
            taken.add(point)
            last = point
            for other, count in beside[point].items():
                if other not in taken:
                    drawn[other] += count
                    heappush(waiting, (-drawn[other], other))
                    if drawn[other] >= k:
                        pairs.append((point, other))
        return pairs, last is not None and drawn[last] < k


def _found(joined: Mapping[int, int], point: int) -> int:
    while point in joined:
        point = joined[point]
    return point
