"""Keyset paging: a page is read with one row more, which tells whether another page follows."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar
from uuid import UUID

from shared.errors import InvalidCursor
from shared.web.cursor import CursorCodec

__all__ = ["id_after", "page_of"]

Row = TypeVar("Row")

#: A condition that a cursor makes and its absence does not cannot be looked up by a plan that is
#: kept for both: each page would be read from the newest row on.
_AFTER_ALL: Final = UUID(int=2**128 - 1)


def page_of(
    rows: Sequence[Row],
    limit: int,
    codec: CursorCodec,
    position: Callable[[Row], Sequence[str | int]],
) -> tuple[list[Row], str | None]:
    """Return the rows of the page and the cursor of the next one; ``rows`` holds one row more."""
    page = list(rows[:limit])
    has_more = len(rows) > limit
    return page, codec.encode(position(page[-1])) if has_more else None


def id_after(codec: CursorCodec, cursor: str | None) -> UUID:
    """Return the id below which a list goes on; above all ids at its start.

    Raises:
        InvalidCursor: the cursor belongs to another list.
    """
    if cursor is None:
        return _AFTER_ALL
    match codec.decode(cursor):
        case [str(text)]:
            return UUID(text)
    raise InvalidCursor
