"""Reading vendors' values strictly: what is missing or of another type is never taken for zero."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.collector.connectors.errors import Unreadable

__all__ = [
    "milliseconds",
    "optional_ref",
    "read_instant",
    "read_object",
    "read_text",
    "read_whole",
    "whole_of_text",
]

# At most 18 digits: always within 64 bits. A fraction of zeros is how some report whole numbers.
_WHOLE = re.compile(r"(-?[0-9]{1,18})(?:\.0{1,18})?", re.ASCII)


def read_text(values: Mapping[str, Any], name: str) -> str | None:
    """Return a text, or None if it is absent, null or empty.

    Raises:
        Unreadable: it is something else than a text.
    """
    value = values.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unreadable(f"{name}: expected a text")
    return value


def read_object(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a nested object.

    Raises:
        Unreadable: it is missing or something else.
    """
    value = values.get(name)
    if not isinstance(value, dict):
        raise Unreadable(f"{name}: expected an object")
    return value


def read_whole(values: Mapping[str, Any], name: str) -> int:
    """Return a JSON integer.

    Raises:
        Unreadable: it is missing or something else, ``true`` and ``1.0`` included.
    """
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable(f"{name}: expected a whole number")
    return value


def whole_of_text(value: Any, name: str) -> int:
    """Return the integer in a text such as ``"34"`` or ``"34.0"``.

    Raises:
        Unreadable: it is not a text, or not a whole number.
    """
    match = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Unreadable(f"{name}: expected a whole number in a text")
    return int(match[1])


def read_instant(values: Mapping[str, Any], name: str) -> datetime | None:
    """Return an ISO 8601 instant with its offset, in UTC; None if it is absent, null or empty.

    Raises:
        Unreadable: it is something else, or has no offset.
    """
    text = read_text(values, name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        in_utc = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"{name}: expected an instant") from None
    if instant.tzinfo is None:
        raise Unreadable(f"{name}: expected an offset from UTC")
    return in_utc


def milliseconds(instant: datetime) -> int:
    """Return an instant as whole milliseconds since 1970, without passing through a float."""
    since = instant - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def optional_ref(value: str | None) -> str | None:
    """Return a name for grouping, or None if it is no usable one.

    Analytics tools put placeholders such as ``(not set)`` where a name is missing; an address of a
    person or an over-long text must not become a name.
    """
    if value is None or value.startswith("(") or len(value) > 128:
        return None
    return value if value.isprintable() and value.strip() and "@" not in value else None
