"""Text as it is compared: one spelling of what reads the same."""

import unicodedata
from typing import Any, TypeVar, cast

__all__ = ["composed"]

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
