"""JSON that outsiders sent: read once, and known to be such that it can be written again."""

from typing import Any, Final

import orjson

__all__ = ["UnreadableJson", "read_json"]

#: What is nested less can be written: the library reads a thousand levels and writes 254.
_FEW: Final = 200


class UnreadableJson(ValueError):
    """Not JSON, or nested so deeply that it could not be kept."""


def read_json(body: bytes) -> Any:
    """Return the value that ``body`` spells.

    Raises:
        UnreadableJson: it spells none, or one that nobody could write again.
    """
    try:
        document = orjson.loads(body)
        if body.count(b"[") + body.count(b"{") > _FEW:
            orjson.dumps(document)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        raise UnreadableJson from None
    return document
