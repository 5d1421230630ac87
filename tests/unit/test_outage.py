"""What the log says of what fails for a long time: when it begins, now and then, when it ends."""

from collections.abc import Iterator

import asyncpg
import pytest
import structlog
from structlog.typing import EventDict

from shared.observability.outage import Outage


class Failing:
    """An outage with a clock of its own, and the lines it has written."""

    def __init__(self, logged: list[EventDict], *, with_traceback: bool = True) -> None:
        self.now = 1000.0
        self._logged = logged
        self.outage = Outage(
            structlog.get_logger("t"),
            "sweep",
            with_traceback=with_traceback,
            now=lambda: self.now,
            queue="fold",
        )

    def after(self, seconds: float, error: Exception | None) -> EventDict | None:
        """Try again after some seconds and return the line that this leaves, or None."""
        self.now += seconds
        before = len(self._logged)
        if error is None:
            self.outage.over()
        else:
            self.outage.failed(error)
        assert len(self._logged) <= before + 1
        return self._logged[before] if len(self._logged) > before else None


@pytest.fixture
def failing() -> Iterator[Failing]:
    with structlog.testing.capture_logs() as logged:
        yield Failing(logged)


def names(*lines: EventDict | None) -> list[str | None]:
    return [None if line is None else line["event"] for line in lines]


def test_an_outage_is_told_in_full_once_then_once_a_minute_and_at_its_end(failing: Failing) -> None:
    refused = ConnectionRefusedError("nobody listens")

    first = failing.after(5, refused)
    others = [failing.after(5, refused) for _ in range(24)]
    end = failing.after(5, None)

    assert first is not None
    assert first["event"] == "sweep.failed"
    assert first["exc_info"] is refused
    assert (first["error"], first["reason"]) == ("ConnectionRefusedError", "nobody listens")
    told = [line for line in others if line is not None]
    assert [(line["event"], line["failures"], line["seconds"]) for line in told] == [
        ("sweep.still_failing", 13, 60),
        ("sweep.still_failing", 25, 120),
    ]
    assert not any(line.get("exc_info") for line in told)
    assert end is not None
    assert (end["event"], end["failures"], end["seconds"]) == ("sweep.recovered", 25, 125)
    assert {line["queue"] for line in (first, *told, end)} == {"fold"}


def test_what_never_failed_has_nothing_to_tell(failing: Failing) -> None:
    assert failing.after(5, None) is None


def test_another_reason_is_news_and_one_that_comes_back_is_not(failing: Failing) -> None:
    refused, starting = ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting up")

    lines = [failing.after(5, error) for error in (refused, starting, refused, starting)]

    assert names(*lines) == ["sweep.failed", "sweep.failed", None, None]
    assert lines[1] is not None
    assert (lines[1]["sqlstate"], lines[1]["exc_info"]) == ("57P03", starting)


def test_what_comes_and_goes_is_told_each_time_but_in_full_only_once_an_hour(
    failing: Failing,
) -> None:
    def outages() -> list[EventDict]:
        lines = [failing.after(5, error) for error in (ConnectionError(), None) * 3]
        assert names(*lines) == ["sweep.failed", "sweep.recovered"] * 3
        return [line for line in lines[::2] if line is not None]

    first = outages()
    failing.now += 3600
    later = outages()

    for lines in (first, later):
        assert [bool(line["exc_info"]) for line in lines] == [True, False, False]


def test_a_reason_may_be_enough_without_its_traceback() -> None:
    with structlog.testing.capture_logs() as logged:
        Failing(logged, with_traceback=False).after(0, ConnectionError("gone"))

    assert (logged[0]["reason"], logged[0]["exc_info"]) == ("gone", None)
