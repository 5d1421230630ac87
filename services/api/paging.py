"""Keyset paging: a page is read with one row more, which tells whether another page follows."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from shared.errors import InvalidCursor
from shared.web.cursor import CursorCodec

__all__ = ["id_after", "page_of"]

Row = TypeVar("Row")


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


def id_after(codec: CursorCodec, cursor: str | None) -> UUID | None:
    """Return the id after which a list goes on; None at its start.

    Raises:
        InvalidCursor: the cursor belongs to another list.
    """
    if cursor is None:
        return None
    match codec.decode(cursor):
        case [str(text)]:
            return UUID(text)
    raise InvalidCursor
