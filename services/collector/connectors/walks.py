"""How streams move through time.

A cursor is a small JSON text. It is stored in the transaction that books the page it was taken
from, so it is never ahead of its data; what lies in a window before it is read again on purpose,
because vendors correct their numbers late and their clocks disagree.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from services.collector.connectors.declaration import Frame, Walk, Window
from services.collector.http.errors import PaginationAborted

__all__ = ["DayWindows", "EachPost", "ModifiedSince", "Snapshot"]

_BEGINNING = date(2000, 1, 1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ModifiedSince(Walk):
    """Everything modified since the latest modification seen, less ``lag``.

    Records arrive in order of modification, so every page moves the cursor. Whatever is modified
    meanwhile moves to the end, and all behind it one place ahead: a vendor's next page would pass
    one by. So each page is asked for from the last record of the page before; equal times at the
    seam are read twice rather than lost. Only what was modified at one instant is read by the
    vendor's pages, as far as it gives them (HubSpot: 10,000 results).
    """

    lag: timedelta

    def first(self, cursor: str | None, frame: Frame[Any]) -> Window | None:
        since = _read(cursor, "since")
        if since is None:
            return Window(_midnight(frame.config.start_on or _BEGINNING), frame.now)
        return Window(datetime.fromisoformat(since) - self.lag, frame.now)

    def leaves(self, window: Window, *, high_water: datetime | None) -> bool:
        return high_water is not None and high_water > window.start

    def following(
        self, window: Window, frame: Frame[Any], *, high_water: datetime | None, is_full: bool
    ) -> Window | None:
        if not is_full:
            return None
        if high_water is None or high_water <= window.start:
            raise PaginationAborted("stuck")
        return Window(high_water, window.end)

    def remember(
        self, cursor: str | None, window: Window, *, high_water: datetime | None, is_done: bool
    ) -> str | None:
        if high_water is None:
            return cursor
        before = _read(cursor, "since")
        # A record from the vendor's future must not make the collector skip what comes before it.
        since = min(high_water, window.end)
        if before is not None:
            since = max(since, datetime.fromisoformat(before))
        return _write("since", since.isoformat())


@dataclass(frozen=True, slots=True)
class DayWindows(Walk):
    """Whole days in pieces of ``days``, beginning ``reread_days`` before the last day read.

    Today is read too and read again tomorrow: its numbers are not final, and neither are those of
    the days before.
    """

    days: int
    reread_days: int
    default_days: int

    def first(self, cursor: str | None, frame: Frame[Any]) -> Window | None:
        today = frame.now.astimezone(UTC).date()
        earliest = frame.config.start_on or today - self.default_days * _DAY
        through = _read(cursor, "through")
        if through is None:
            return self._window(earliest, today)
        return self._window(
            max(earliest, date.fromisoformat(through) - self.reread_days * _DAY), today
        )

    def following(
        self, window: Window, frame: Frame[Any], *, high_water: datetime | None, is_full: bool
    ) -> Window | None:
        return self._window(window.end_day, frame.now.astimezone(UTC).date())

    def remember(
        self, cursor: str | None, window: Window, *, high_water: datetime | None, is_done: bool
    ) -> str | None:
        return _write("through", window.end_day.isoformat()) if is_done else cursor

    def _window(self, first: date, today: date) -> Window | None:
        end = min(first + self.days * _DAY, today + _DAY)
        return Window(_midnight(first), _midnight(end)) if first < end else None


@dataclass(frozen=True, slots=True)
class Snapshot(Walk):
    """One reading of the present."""

    def first(self, cursor: str | None, frame: Frame[Any]) -> Window | None:
        return Window(frame.now, frame.now)

    def following(
        self, window: Window, frame: Frame[Any], *, high_water: datetime | None, is_full: bool
    ) -> Window | None:
        return None

    def remember(
        self, cursor: str | None, window: Window, *, high_water: datetime | None, is_done: bool
    ) -> str | None:
        return _write("observed", window.end.isoformat())


@dataclass(frozen=True, slots=True)
class EachPost(Walk):
    """One reading of the present for each post of the frame."""

    def first(self, cursor: str | None, frame: Frame[Any]) -> Window | None:
        return Window(frame.now, frame.now, frame.posts[0]) if frame.posts else None

    def following(
        self, window: Window, frame: Frame[Any], *, high_water: datetime | None, is_full: bool
    ) -> Window | None:
        assert window.post is not None
        later = frame.posts[frame.posts.index(window.post) + 1 :]
        return Window(frame.now, frame.now, later[0]) if later else None

    def remember(
        self, cursor: str | None, window: Window, *, high_water: datetime | None, is_done: bool
    ) -> str | None:
        return _write("observed", window.end.isoformat())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _read(cursor: str | None, name: str) -> str | None:
    if cursor is None:
        return None
    value = orjson.loads(cursor).get(name)
    return value if isinstance(value, str) else None


def _write(name: str, value: str) -> str:
    return orjson.dumps({name: value}).decode()
