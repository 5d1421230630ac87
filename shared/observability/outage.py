"""What fails again and again, told once in full, then briefly and rarely, and when it is over."""

from collections.abc import Callable
from time import monotonic
from typing import Any, Final

__all__ = ["Outage"]

_BRIEFLY_EVERY_SECONDS: Final = 60.0
#: A reason that came up this recently is not told in full again: what comes and goes every few
#: seconds would otherwise fill the log with one traceback.
_IN_FULL_EVERY_SECONDS: Final = 3600.0
_LONGEST_REASON: Final = 300


class Outage:
    """Logs the failures of one thing that is tried for ever.

    Each change is a line: ``<name>.failed`` when it begins to fail or fails for a new reason, with
    the reason; ``<name>.recovered`` when it succeeds again. In between, ``<name>.still_failing``
    once a minute. A reason is the kind of the exception and its SQLSTATE, not its words, which may
    differ each time.
    """

    def __init__(
        self,
        log: Any,
        name: str,
        *,
        with_traceback: bool = True,
        now: Callable[[], float] = monotonic,
        **fields: object,
    ) -> None:
        self._log, self._name, self._fields = log, name, fields
        self._with_traceback = with_traceback
        self._now = now
        self._since: float | None = None
        self._failures = 0
        self._last_line = 0.0
        self._told_in_full: dict[tuple[str, str | None], float] = {}

    def failed(self, error: BaseException) -> None:
        """Note a failure; it is told if it is news, or if the last line is a minute ago."""
        now = self._now()
        begins = self._since is None
        if self._since is None:
            self._since, self._failures = now, 0
            self._forget_before(now - _IN_FULL_EVERY_SECONDS)
        self._failures += 1
        reason = (type(error).__name__, _sqlstate(error))
        is_new = reason not in self._told_in_full
        if is_new:
            self._told_in_full[reason] = now
        if begins or is_new:
            self._tell("failed", error, exc_info=error if is_new and self._with_traceback else None)
        elif now - self._last_line >= _BRIEFLY_EVERY_SECONDS:
            counted = {"failures": self._failures, "seconds": round(now - self._since)}
            self._tell("still_failing", error, **counted)

    def over(self) -> None:
        """Note a success; it is told if it ends something."""
        if self._since is None:
            return
        seconds, self._since = round(self._now() - self._since), None
        self._log.info(
            f"{self._name}.recovered", failures=self._failures, seconds=seconds, **self._fields
        )

    def _tell(self, event: str, error: BaseException, **more: object) -> None:
        self._last_line = self._now()
        kind, sqlstate = type(error).__name__, _sqlstate(error)
        known = {"sqlstate": sqlstate} if sqlstate else {}
        # Without a traceback it is somebody else's failure, which the product lives with.
        log = self._log.error if self._with_traceback else self._log.warning
        log(
            f"{self._name}.{event}",
            error=kind,
            reason=str(error)[:_LONGEST_REASON],
            **known,
            **self._fields,
            **more,
        )

    def _forget_before(self, instant: float) -> None:
        self._told_in_full = {
            reason: at for reason, at in self._told_in_full.items() if at > instant
        }


def _sqlstate(error: BaseException) -> str | None:
    # What SQLAlchemy raises carries the driver's error.
    state = getattr(getattr(error, "orig", None) or error, "sqlstate", None)
    return state if isinstance(state, str) else None
