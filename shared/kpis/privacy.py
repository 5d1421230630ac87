"""Privacy of groups: figures about fewer than k people are not shown, nor left to be computed.

A group below k is hidden. If the hidden ones together are still fewer than k people, the total less
what is shown would give them away; then the smallest of the others are hidden too (complementary
suppression), and the hidden groups are shown only as one, merged. k counts the people a figure can
be about, not those who did something: 3 of 12 is a figure about twelve.

Group sizes change from day to day, so the decision is made for each day, and a period shows a group
only if each of its days does. Whatever is added or subtracted then, groups that are hidden on a day
appear on that day with the same factor, all or none: no combination of answers takes them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["FLOOR", "WORKS_COUNCIL", "Disclosure", "disclose", "hidden_groups", "may_filter"]

FLOOR = 5
"""No organization shows groups of fewer people than this."""
WORKS_COUNCIL = 10
"""What is usually agreed with a works council."""


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


def disclose(days: Iterable[Mapping[str, int]], k: int) -> Disclosure:
    """Return what may be shown of a period, given the sizes of groups on each of its days.

    Days on which nothing changed may be left out.
    """
    hidden: set[str] = set()
    is_enough = True
    for sizes in days:
        together = hidden_groups(sizes, k)
        hidden |= together
        is_enough = is_enough and (not together or sum(sizes[name] for name in together) >= k)
    return Disclosure(frozenset(hidden), tuple(sorted(hidden)) if is_enough else ())


def may_filter(days: Iterable[Mapping[str, int]], only: frozenset[str], k: int) -> bool:
    """Tell whether a figure about the groups `only`, taken together, may be shown.

    It may if, on each day, it is about all the hidden groups or about none of them: a part of them
    could be subtracted from a figure that holds the rest.
    """
    for sizes in days:
        hidden = hidden_groups(sizes, k)
        asked = hidden & only
        if asked and (asked != hidden or sum(sizes[name] for name in hidden) < k):
            return False
    return True
