"""How many histories comparisons draw: fewer where each is dear."""

from typing import Final

from hypothesis import settings

__all__ = ["LONG", "USUAL", "dear", "one_in"]

#: Histories of the default profile, and of the long one.
USUAL: Final = 50
LONG: Final = 600


def one_in(number: int) -> settings:
    """Return the profile chosen, with a part of its histories, and of the default's at least."""
    return settings(max_examples=max(settings().max_examples, USUAL) // number)


def dear(*, long: int, otherwise: int) -> settings:
    """Return the profile chosen, with so many histories if it is the long one, or else so few."""
    return settings(max_examples=long if settings().max_examples >= LONG else otherwise)
