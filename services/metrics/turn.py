"""Turns: long work ends between two of its steps, to be gone on with, before anything cuts it."""

import time
from datetime import timedelta
from typing import Final

__all__ = ["ENDLESS", "Turn"]


class Turn:
    """How long a call goes on. It ends after the step in which the time is over, never before one.

    A step is a transaction, so a turn loses nothing, and whoever called may call again.
    """

    def __init__(self, lasts: timedelta) -> None:
        self._ends = time.monotonic() + lasts.total_seconds()

    @property
    def is_over(self) -> bool:
        """Whether no further step begins."""
        return time.monotonic() >= self._ends


#: The turn of who has nothing else to do, such as a command.
ENDLESS: Final = Turn(timedelta.max)
