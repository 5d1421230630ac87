"""Restarts become rarer while a child keeps ending."""

from datetime import timedelta

from cli.supervisor import Backoff


def test_the_delay_doubles_up_to_its_limit() -> None:
    backoff = Backoff(first=timedelta(seconds=1), longest=timedelta(seconds=5))

    delays = [backoff.delay(failures).total_seconds() for failures in (1, 2, 3, 4, 10_000)]

    assert delays == [1, 2, 4, 5, 5]
