"""How long the collector waits."""

from datetime import UTC, datetime, timedelta

import pytest

from services.collector.http.waiting import backoff, jittered, retry_after, until_utc_midnight

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("-5", 1),
        ("1000000000", 3600),
        ("Sun, 22 Nov 2026 12:05:00 GMT", 300),
        ("Sun, 22 Nov 2020 12:05:00 GMT", 1),
        ("Sun, 22 Nov 2099 12:05:00 GMT", 3600),
    ],
)
def test_retry_after_is_clamped_to_a_second_and_an_hour(header: str, seconds: int) -> None:
    assert retry_after(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize("header", [None, "", "soon", "1e9", "--5", "١٢", "9" * 40, "Sun, 99 Nov"])
def test_an_unreadable_retry_after_says_nothing(header: str | None) -> None:
    assert retry_after(header, NOW) is None


def test_backoff_grows_to_its_cap_and_never_ends() -> None:
    assert all(timedelta(seconds=1) <= backoff(1) <= timedelta(seconds=30) for _ in range(50))
    assert all(backoff(10_000) <= timedelta(hours=1) for _ in range(50))


def test_an_interval_is_stretched_by_a_twentieth_at_most() -> None:
    hour = timedelta(hours=1)
    assert all(hour <= jittered(hour) <= hour * 1.05 for _ in range(50))


def test_midnight_is_utc() -> None:
    assert until_utc_midnight(NOW) == timedelta(hours=12, minutes=1)
