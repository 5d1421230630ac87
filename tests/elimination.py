"""Exact elimination: what follows from a set of answers, each a sum of unknowns."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

__all__ = ["reduced", "remainder"]

Row = Sequence[Fraction]


def reduced(rows: Iterable[Row]) -> list[Row]:
    """Return rows in echelon form that span what ``rows`` span."""
    basis: list[Row] = []
    for row in rows:
        rest = remainder(basis, row)
        if lead := next((value for value in rest if value), None):
            basis.append([value / lead for value in rest])
    return basis


def remainder(basis: Iterable[Row], row: Row) -> Row:
    """Return what is left of a row; nothing but zeros if it is a combination of the basis."""
    for known in basis:
        pivot = next(index for index, value in enumerate(known) if value)
        if factor := row[pivot]:
            row = [value - factor * other for value, other in zip(row, known, strict=True)]
    return row
