"""Privacy of groups: figures about fewer than k people are not shown, nor left to be computed.

A group below k is hidden. If the hidden ones together are still fewer than k people, the total less
what is shown would give them away; then the smallest of the others are hidden too (complementary
suppression), and the hidden groups are shown only as one, merged. k counts the people a figure can
be about, not those who did something: 3 of 12 is a figure about twelve.

Group sizes change from day to day, so the decision is made for each day, and a period shows a group
only if each of its days does. Whatever is added or subtracted then, groups that are hidden on a day
appear on that day with the same factor, all or none: no combination of answers takes them apart.

Two things do not come day by day, and callers see to them. A level, or a count of people, says of
one day what it says of the next: it is judged by the days around it too (`LEVELS_APART`). And days
can be told in two ways, before and after a correction: they are judged by both, and groups between
which people were moved are `bound`, hidden on such a day whatever their size.

Departments and roles divide the people whom teams divide already, and a team less the roles that
lie wholly in it is a group as well: of a team of ten with nine leaders, who are all there are, it
is one person. So a division is judged beside those before it (`Crossed`): its groups are hidden
until nothing that they tell together is about fewer than k people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import heappop, heappush
from typing import TypeAlias

__all__ = [
    "FLOOR",
    "LEVELS_APART",
    "WORKS_COUNCIL",
    "Crossed",
    "Decisions",
    "Disclosure",
    "Sizes",
    "disclose",
    "hidden_groups",
    "levels_apart",
    "may_filter",
]

FLOOR = 5
"""No organization shows groups of fewer people than this."""
WORKS_COUNCIL = 10
"""What is usually agreed with a works council."""
LEVELS_APART = timedelta(days=35)
"""Days around a level that judge it, at least: see :func:`levels_apart`."""

_NOBODY: frozenset[str] = frozenset()
_Point: TypeAlias = tuple[int, tuple[str, ...]]
_Line: TypeAlias = tuple[_Point, _Point]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What may be shown of groups over some days.

    `hidden` are the groups not shown by themselves; `merged` are these in order, if all of them
    together may be shown as one, and empty otherwise.
    """

    hidden: frozenset[str]
    merged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Crossed:
    """The sizes of groups on a day on which the groups of other divisions are shown, too.

    `others` are the sizes of those, which are judged before, and `shared` how many people are in
    one group of each division, in the order of judging.
    """

    sizes: Mapping[str, int]
    others: Sizes
    shared: Mapping[tuple[str, ...], int]


#: How many people each group holds on a day, alone or beside another division.
Sizes: TypeAlias = "Mapping[str, int] | Crossed"
#: Who says which groups of a day are hidden, as `hidden_groups` does.
Judge: TypeAlias = "Callable[[Sizes, int], frozenset[str]]"


def levels_apart(weeks: int) -> timedelta:
    """Return how many days around a level judge it.

    Active advocates look back on ``weeks`` whole ISO weeks, and on the days since the last one.
    """
    return max(LEVELS_APART, timedelta(weeks=weeks, days=6))


def hidden_groups(sizes: Sizes, k: int) -> frozenset[str]:
    """Return the groups of one day that are not shown by themselves.

    A group of nobody hides nobody, and is left alone. Ties of size are broken by name, so that the
    same sizes always hide the same groups. Raises `ValueError` for a `k` below 2.
    """
    if k < 2:
        raise ValueError("a group of one is a person")
    counts = _counts(sizes)
    others = _hidden_in_order(sizes.others, k) if isinstance(sizes, Crossed) else ()
    occupied = sorted((size, name) for name, size in counts.items() if size > 0)
    hidden: set[str] = set()
    people = 0
    for size, name in occupied:
        # In order of size the small ones come first, then whoever must keep them company.
        is_covered = size >= k and (not hidden or people >= k)
        if is_covered and not (isinstance(sizes, Crossed) and _tells(sizes, hidden, others, k)):
            break
        hidden.add(name)
        people += size
    return frozenset(hidden)


class Decisions:
    """What `hidden_groups` says, decided once of the same sizes: beside others it takes long.

    Sizes that were given are kept, and must not change any more.
    """

    def __init__(self) -> None:
        self._of_content: dict[Hashable, frozenset[str]] = {}
        # Periods share their days, and thousands of people take long to compare. An identity is
        # that of these sizes for as long as they are kept.
        self._of_identity: dict[tuple[int, int], tuple[Sizes, frozenset[str]]] = {}

    def hidden_groups(self, sizes: Sizes, k: int) -> frozenset[str]:
        """Return the groups of one day that are not shown by themselves."""
        known = self._of_identity.get((id(sizes), k))
        if known is not None:
            return known[1]
        content = (_content(sizes), k)
        hidden = self._of_content.get(content)
        if hidden is None:
            hidden = self._of_content[content] = hidden_groups(sizes, k)
        self._of_identity[id(sizes), k] = sizes, hidden
        return hidden


def _content(sizes: Sizes) -> Hashable:
    if isinstance(sizes, Crossed):
        told = frozenset(sizes.sizes.items()), frozenset(sizes.shared.items())
        return *told, _content(sizes.others)
    return frozenset(sizes.items())


def _hidden_in_order(sizes: Sizes, k: int) -> tuple[frozenset[str], ...]:
    """Return the hidden groups of each division, in the order of judging."""
    before = _hidden_in_order(sizes.others, k) if isinstance(sizes, Crossed) else ()
    return *before, hidden_groups(sizes, k)


def _tells(
    crossed: Crossed, hidden: Collection[str], others: Sequence[Collection[str]], k: int
) -> bool:
    """Tell whether the figures of a division and those before it are about fewer than k people.

    Whatever is added or subtracted gives each group a factor, all hidden ones of a division the
    same, and is about the people of whose groups the factors do not cancel. So, with groups drawn
    as points, and as a line between two of them the people they share, it is about those on the
    lines of some cut; the question is whether a cut has fewer than k. Of several divisions before,
    it is asked as if each combination of their groups were told, which is more than they tell.
    """
    lines = Counter[_Line]()
    for (*before, group), people in crossed.shared.items():
        if people > 0:
            told = zip(before, others, strict=True)
            one = (0, tuple("" if name in hiding else f"={name}" for name, hiding in told))
            lines[one, (1, ("" if group in hidden else f"={group}",))] += people
    while lines:
        inseparable = _inseparable(lines, k)
        if inseparable is None:
            return True
        lines = _contracted(lines, inseparable)
    return False


def _inseparable(lines: Mapping[_Line, int], k: int) -> list[_Line] | None:
    """Return points that no cut of fewer than k separates; None if there is such a cut.

    Points are taken in the order of how many people they share with those taken before. What is
    taken last is cut off by the lines it has; and a point that shares k or more with those before,
    the present one included, is not separated from it by fewer (Nagamochi and Ibaraki, 1992).
    """
    beside: dict[_Point, dict[_Point, int]] = defaultdict(dict)
    for (one, two), people in lines.items():
        beside[one][two] = beside[two][one] = people
    drawn = dict.fromkeys(beside, 0)
    waiting = [(0, point) for point in sorted(beside)]
    taken: set[_Point] = set()
    pairs: list[_Line] = []
    last = None
    while waiting:
        drawn_to, point = heappop(waiting)
        if -drawn_to != drawn[point] or point in taken:
            continue  # it has come closer since
        if not drawn_to and last is not None and drawn[last] < k:
            return None  # what was connected ended there
        taken.add(point)
        last = point
        for other, people in beside[point].items():
            if other not in taken:
                drawn[other] += people
                heappush(waiting, (-drawn[other], other))
                if drawn[other] >= k:
                    pairs.append((point, other))
    return None if last is not None and drawn[last] < k else pairs


def _contracted(lines: Mapping[_Line, int], pairs: Iterable[_Line]) -> Counter[_Line]:
    """Return what is left of the lines when the points of each pair are one."""
    joined: dict[_Point, _Point] = {}

    def found(point: _Point) -> _Point:
        while point in joined:
            point = joined[point]
        return point

    for one, two in pairs:
        if found(one) != found(two):
            joined[found(one)] = found(two)
    left = Counter[_Line]()
    for (one, two), people in lines.items():
        ends = sorted({found(one), found(two)})
        if len(ends) > 1:
            left[ends[0], ends[1]] += people
    return left


def disclose(
    days: Iterable[Sizes],
    k: int,
    *,
    bound: frozenset[str] = _NOBODY,
    judge: Judge = hidden_groups,
) -> Disclosure:
    """Return what may be shown of a period, given the sizes of groups on each of its days.

    Days on which nothing changed may be left out; groups in `bound` are hidden on all of them.
    """
    hidden: set[str] = set()
    is_enough = True
    for sizes in days:
        together = judge(sizes, k) | bound
        hidden |= together
        is_enough = is_enough and (not together or _people(sizes, together) >= k)
    return Disclosure(frozenset(hidden), tuple(sorted(hidden)) if is_enough else ())


def may_filter(
    days: Iterable[Sizes],
    only: frozenset[str],
    k: int,
    *,
    bound: frozenset[str] = _NOBODY,
    judge: Judge = hidden_groups,
) -> bool:
    """Tell whether a figure about the groups `only`, taken together, may be shown.

    It may if, on each day, it is about all the hidden groups or about none of them: a part of them
    could be subtracted from a figure that holds the rest.
    """
    for sizes in days:
        hidden = judge(sizes, k) | bound
        asked = hidden & only
        if asked and (asked != hidden or _people(sizes, hidden) < k):
            return False
    return True


def _people(sizes: Sizes, groups: frozenset[str]) -> int:
    counts = _counts(sizes)
    return sum(counts.get(group, 0) for group in groups)


def _counts(sizes: Sizes) -> Mapping[str, int]:
    return sizes.sizes if isinstance(sizes, Crossed) else sizes
