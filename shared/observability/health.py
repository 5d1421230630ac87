"""What the probes of a process report about the process itself."""

from datetime import timedelta
from time import monotonic
from typing import Final

__all__ = ["Health"]

_STALE_AFTER: Final = timedelta(seconds=90)


class Health:
    """Whether the process is being ended, and when its main loop last came round."""

    def __init__(self) -> None:
        self._is_draining = False
        self._last_beat: float | None = None

    def beat(self) -> None:
        """Note that the main loop came round."""
        self._last_beat = monotonic()

    def drain(self) -> None:
        """Note that the process is ending: readiness fails from here on."""
        self._is_draining = True

    @property
    def is_draining(self) -> bool:
        """Whether the process is being ended."""
        return self._is_draining

    @property
    def is_alive(self) -> bool:
        """Whether the main loop still comes round; a process without one is alive if it answers."""
        if self._last_beat is None:
            return True
        return monotonic() - self._last_beat < _STALE_AFTER.total_seconds()
