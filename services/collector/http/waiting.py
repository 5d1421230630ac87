"""How long to wait: what vendors ask for, and what the collector chooses."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

__all__ = [
    "LONGEST_WAIT",
    "SHORTEST_WAIT",
    "backoff",
    "jittered",
    "retry_after",
    "until_utc_midnight",
]

SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(hours=1)

_FIRST_BACKOFF = timedelta(seconds=30)
_INTERVAL_JITTER = 0.05
_SECONDS = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_random = secrets.SystemRandom()


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return the wait a ``Retry-After`` header asks for, or None if it says nothing readable.

    Seconds and HTTP dates are understood; whatever is asked is clamped to one second … one hour,
    so that neither a negative nor an absurd value can make the collector hammer or give up.
    """
    if value is None:
        return None
    text = value.strip()
    if _SECONDS.fullmatch(text):
        seconds = max(min(int(text), LONGEST_WAIT // SHORTEST_WAIT), 0)
        return _clamped(timedelta(seconds=seconds))
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError):
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return _clamped(instant - now)


def until_utc_midnight(now: datetime) -> timedelta:
    """Return the time left of the present UTC day, plus a minute for the vendor's own clock."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1, minutes=1) - now


def backoff(attempts: int, *, cap: timedelta = LONGEST_WAIT) -> timedelta:
    """Return a random wait below an exponentially growing limit (full jitter).

    ``attempts`` is how many times in a row it has failed, from 1.
    """
    growth: int = 1 << min(attempts - 1, 16)
    limit = min(_FIRST_BACKOFF * growth, cap)
    return max(limit * _random.random(), SHORTEST_WAIT)


def jittered(interval: timedelta) -> timedelta:
    """Return the interval plus up to a twentieth, so that connections do not poll in step."""
    return interval * (1 + _INTERVAL_JITTER * _random.random())


def _clamped(wait: timedelta) -> timedelta:
    return max(SHORTEST_WAIT, min(wait, LONGEST_WAIT))
