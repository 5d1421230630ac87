"""Paging cursors: opaque, signed, and bound to the organization and the query they came from.

A cursor says where the next page starts. It is ``base64url(position) . base64url(tag)``; the tag
also covers the organization and the query, so that a cursor cannot be moved to another list,
another filter or another organization, and positions cannot be made up.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson

from shared.errors import InvalidCursor
from shared.security.keyring import KeyRing, MasterKey

__all__ = ["CursorCodec"]

_TAG_BYTES: Final = 16
_LONGEST: Final = 1024

Position = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class CursorCodec:
    """Reads and writes the cursors of one list: an organization's, under one query.

    ``query`` holds everything that decides what is listed and in which order, the page size not.
    """

    ring: KeyRing
    org_id: UUID
    query: Mapping[str, Any]

    def encode(self, position: Position) -> str:
        """Return the cursor for the position of the last item of a page."""
        payload = orjson.dumps(list(position))
        return f"{_spell(payload)}.{_spell(self._tag(self.ring.current, payload))}"

    def decode(self, cursor: str) -> list[str | int]:
        """Return the position a cursor holds.

        Raises:
            InvalidCursor: not ours, changed, or of another list.
        """
        head, separator, tail = cursor.partition(".")
        if not separator or len(cursor) > _LONGEST:
            raise InvalidCursor
        payload, tag = _read(head), _read(tail)
        # All are compared, whichever fits: the time tells nothing.
        matches = [hmac.compare_digest(tag, self._tag(key, payload)) for key in self.ring]
        if not any(matches):
            raise InvalidCursor
        position: list[str | int] = orjson.loads(payload)
        return position

    def _tag(self, key: MasterKey, payload: bytes) -> bytes:
        scope = orjson.dumps(
            [str(self.org_id), dict(self.query)],
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
            default=str,
        )
        message = len(scope).to_bytes(4, "big") + scope + payload
        return hmac.new(key.derive("cursor"), message, hashlib.sha256).digest()[:_TAG_BYTES]


def _spell(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _read(text: str) -> bytes:
    try:
        standard = text.replace("-", "+").replace("_", "/")
        content = base64.b64decode(standard + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCursor from None
    if _spell(content) != text:  # one spelling only: no second cursor means the same
        raise InvalidCursor
    return content
