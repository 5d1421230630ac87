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
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

__all__ = [
    "FLOOR",
    "LEVELS_APART",
    "WORKS_COUNCIL",
    "Disclosure",
    "disclose",
    "hidden_groups",
    "may_filter",
]

FLOOR = 5
"""No organization shows groups of fewer people than this."""
WORKS_COUNCIL = 10
"""What is usually agreed with a works council."""
LEVELS_APART = timedelta(days=35)
"""Days around a level that judge it: active advocates look back on four ISO weeks and six days."""

_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What may be shown of groups over some days.

    `hidden` are the groups not shown by themselves; `merged` are these in order, if all of them
    together may be shown as one, and empty otherwise.
    """

    hidden: frozenset[str]
    merged: tuple[str, ...]


def hidden_groups(sizes: Mapping[str, int], k: int) -> frozenset[str]:
    """Return the groups of one day that are not shown by themselves.

    A group of nobody hides nobody, and is left alone. Ties of size are broken by name, so that the
    same sizes always hide the same groups. Raises `ValueError` for a `k` below 2.
    """
    if k < 2:
        raise ValueError("a group of one is a person")
    occupied = sorted((size, name) for name, size in sizes.items() if size > 0)
    hidden: set[str] = set()
    people = 0
    for size, name in occupied:
        # In order of size the small ones come first, then whoever must keep them company.
        if size >= k and (not hidden or people >= k):
            break
        hidden.add(name)
        people += size
    return frozenset(hidden)


def disclose(
    days: Iterable[Mapping[str, int]], k: int, *, bound: frozenset[str] = _NOBODY
) -> Disclosure:
    """Return what may be shown of a period, given the sizes of groups on each of its days.

    Days on which nothing changed may be left out; groups in `bound` are hidden on all of them.
    """
    hidden: set[str] = set()
    is_enough = True
    for sizes in days:
        together = hidden_groups(sizes, k) | bound
        hidden |= together
        is_enough = is_enough and (not together or _people(sizes, together) >= k)
    return Disclosure(frozenset(hidden), tuple(sorted(hidden)) if is_enough else ())


def may_filter(
    days: Iterable[Mapping[str, int]],
    only: frozenset[str],
    k: int,
    *,
    bound: frozenset[str] = _NOBODY,
) -> bool:
    """Tell whether a figure about the groups `only`, taken together, may be shown.

    It may if, on each day, it is about all the hidden groups or about none of them: a part of them
    could be subtracted from a figure that holds the rest.
    """
    for sizes in days:
        hidden = hidden_groups(sizes, k) | bound
        asked = hidden & only
        if asked and (asked != hidden or _people(sizes, hidden) < k):
            return False
    return True


def _people(sizes: Mapping[str, int], groups: frozenset[str]) -> int:
    return sum(sizes.get(group, 0) for group in groups)
