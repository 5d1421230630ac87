"""How many histories a comparison draws that is dearer than the others."""

from hypothesis import settings

__all__ = ["dear"]


def dear(*, long: int, otherwise: int) -> settings:
    """Return the profile chosen, with so many histories if it is the long one, or else so few."""
    chosen = settings()
    return settings(max_examples=long if chosen.max_examples >= 600 else otherwise)
