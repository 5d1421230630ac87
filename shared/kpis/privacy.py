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

Departments, roles and cohorts divide the people whom teams divide already, and a team less the
roles that lie wholly in it is a group as well: of a team of ten with nine leaders, who are all
there are, it is one person. So a division is judged beside those before it (`Crossed`): its groups
are hidden until nothing that they tell together is about fewer than k people.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import compress
from typing import TypeAlias

from shared.kpis.cuts import Drawing

__all__ = [
    "FLOOR",
    "LEVELS_APART",
    "WORKS_COUNCIL",
    "Crossed",
    "Decisions",
    "Disclosure",
    "Judge",
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


#: Who are told of by other divisions: a group of each, None for its hidden ones.
_Beside: TypeAlias = "tuple[str | None, ...]"
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
    return _hidden_in_order(sizes, k)[-1]


def _hidden_in_order(sizes: Sizes, k: int) -> tuple[frozenset[str], ...]:
    """Return the hidden groups of each division, in the order of judging."""
    counts = _counts(sizes)
    occupied = [
        name for _, name in sorted((size, name) for name, size in counts.items() if size > 0)
    ]
    fewest = _fewest(counts, occupied, k)
    if not isinstance(sizes, Crossed):
        return (frozenset(occupied[:fewest]),)
    before = _hidden_in_order(sizes.others, k)
    fewest = _until_nothing_is_told(sizes, occupied, fewest, before, k)
    return *before, frozenset(occupied[:fewest])


def _fewest(counts: Mapping[str, int], occupied: Sequence[str], k: int) -> int:
    """Return how many of the groups must be hidden, in order of size, for what each tells."""
    people = 0
    for number, name in enumerate(occupied):
        # The small ones come first, then whoever must keep them company.
        if counts[name] >= k and (not number or people >= k):
            return number
        people += counts[name]
    return len(occupied)


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


def _until_nothing_is_told(
    crossed: Crossed,
    occupied: Sequence[str],
    fewest: int,
    others: Sequence[Collection[str]],
    k: int,
) -> int:
    """Return how many groups must be hidden, in order, for what they tell beside other divisions.

    Whatever is added or subtracted gives each group a factor, all hidden ones of a division the
    same, and is about the people of whose groups the factors do not cancel. So, with groups drawn
    as points, and as a line between two of them each person they share, it is about those on the
    lines of some cut; the question is whether a cut has fewer than k. Of several divisions before,
    it is asked as if each combination of their groups were told, which is more than they tell.

    They do not tell it, however many groups of theirs are alike: what they tell by themselves is
    judged before. Where the groups of this division have one factor, nothing more is told; where
    they have two, each line between the one and the other is in it. So nothing is told, either, if
    no cut of fewer than k people parts any two groups of this division.

    The more groups are hidden, which are one point then, the fewer cuts there are: half of those in
    question are tried at a time.
    """
    shares = _shares(crossed, occupied, others)
    drawing, least, most = _drawn(shares), fewest, len(occupied)
    tried = least
    while least < most:
        hidden = drawing.joined((0, number) for number in range(1, tried))
        left, is_told = hidden.closed(k)
        if not is_told or (len(others) > 1 and _hold_together(shares, tried, k)):
            most = tried
        else:
            drawing, least = left, tried + 1
        tried = (least + most) // 2
    return least


def _shares(
    crossed: Crossed, occupied: Sequence[str], others: Sequence[Collection[str]]
) -> list[Counter[_Beside]]:
    """Return for each group of ``occupied`` whom it shares with those of other divisions."""
    shares: dict[str, Counter[_Beside]] = {name: Counter() for name in occupied}
    for (*before, group), people in crossed.shared.items():
        if people > 0:
            told = zip(before, others, strict=True)
            beside = tuple(None if name in hiding else name for name, hiding in told)
            shares.setdefault(group, Counter())[beside] += people
    return list(shares.values())


def _drawn(shares: Sequence[Mapping[_Beside, int]]) -> Drawing:
    """Draw groups, by their numbers, beside those of other divisions as told."""
    points: defaultdict[_Beside, int] = defaultdict(lambda: len(shares) + len(points))
    return Drawing(
        {
            (number, points[beside]): people
            for number, held in enumerate(shares)
            for beside, people in held.items()
        }
    )


def _hold_together(shares: Sequence[Counter[_Beside]], hidden: int, k: int) -> bool:
    """Tell whether it is seen at once that no cut of fewer than k parts two groups of a division.

    The first ``hidden`` ones are one. Two groups that share k people's worth of other points, each
    taken as often as the one has it who has it less often, are not parted by fewer: that many ways
    lead from one to the other. Then they are one, and what they share counts for the next one.
    """
    groups = [sum(shares[:hidden], Counter[_Beside]()), *shares[hidden:]]
    first, *rest = sorted((held for held in groups if held), key=Counter.total, reverse=True)
    while rest:
        near = [(first & held).total() >= k for held in rest]
        if not any(near):
            return False
        first = sum(compress(rest, near), first)
        rest = [held for held, is_near in zip(rest, near, strict=True) if not is_near]
    return True


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
