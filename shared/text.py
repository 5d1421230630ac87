"""Text as it is compared, one spelling of what reads the same, and as lists are given in it."""

import unicodedata
from typing import Any, TypeVar, cast

__all__ = ["comma_separated", "composed"]

_T = TypeVar("_T")


def composed(value: _T) -> _T:
    """Return text in Unicode's composed form (NFC), or a list or mapping with its texts in it.

    An accented letter may be one character, or a letter and a mark: both are the same name, and
    only the first is kept.
    """
    result: Any = value
    if isinstance(value, str):
        result = value if value.isascii() else unicodedata.normalize("NFC", value)
    elif isinstance(value, list):
        result = [composed(one) for one in value]
    elif isinstance(value, dict):
        result = {key: composed(one) for key, one in value.items()}
    return cast("_T", result)


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the parts of a text with commas between, those left empty out."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
