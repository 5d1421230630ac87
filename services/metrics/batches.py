"""How many entries are folded at once: as many as pay, and fewer where facts are much work."""

from typing import Final
from uuid import UUID

import structlog

__all__ = ["BatchSizes"]

#: A batch that takes too long, or one of its statements, is taken in parts, each so many times
#: smaller: facts may be such that few of them are much work, and what fails for ever would stop all
#: that follows. So many that single entries are reached in one run.
_PARTS: Final = 32
#: A batch that was folded lets the next one be a quarter larger. Sixteen of them lead back to where
#: it took too long: what is much work seldom comes alone, and finding out costs a statement's time.
_GROWTH: Final = 4

_log = structlog.get_logger(__name__)


class BatchSizes:
    """The size of each organization's batches, in the memory of one worker.

    Remembered from turn to turn: a turn that began with the largest batch again would first wait
    for it to fail. Another worker finds out by itself.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._smaller: dict[UUID, int] = {}

    def of(self, org_id: UUID) -> int:
        """Return how many entries to fold at once."""
        return self._smaller.get(org_id, self._largest)

    def shrink(self, org_id: UUID, size: int, error: BaseException) -> None:
        """Take note that a batch of ``size`` took too long; raise ``error`` if it was one entry."""
        if size == 1:
            raise error
        _log.warning("fold.batch_too_long", limit=size)
        self._smaller[org_id] = max(size // _PARTS, 1)

    def grow(self, org_id: UUID) -> None:
        """Take note that a batch of this size was folded."""
        size = self._smaller.get(org_id)
        if size is None:
            return
        size += -(-size // _GROWTH)
        if size < self._largest:
            self._smaller[org_id] = size
        else:
            del self._smaller[org_id]
