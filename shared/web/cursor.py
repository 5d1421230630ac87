"""Paging cursors: sealed, and bound to the organization and the query they came from.

A cursor says where the next page starts: often at a person, whom not every reader may see. So it
is encrypted, ``base64url(nonce | ciphertext and tag)``, AES-256-GCM; the organization and the query
are authenticated with it, so that a cursor cannot be moved to another list, another filter or
another organization, and positions cannot be made up.
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
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import InvalidCursor
from shared.security.keyring import KeyRing, MasterKey

__all__ = ["CursorCodec"]

_NONCE_BYTES: Final = 12
_LONGEST: Final = 2048

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
        key, scope, payload = self.ring.current, self._scope(), orjson.dumps(list(position))
        # Made of what it seals: the same place has the same cursor, another one another nonce.
        message = len(scope).to_bytes(4, "big") + scope + payload
        digest = hmac.new(key.derive("cursor nonce"), message, hashlib.sha256).digest()
        nonce = digest[:_NONCE_BYTES]
        return _spell(nonce + _cipher(key).encrypt(nonce, payload, scope))

    def decode(self, cursor: str) -> list[str | int]:
        """Return the position a cursor holds.

        Raises:
            InvalidCursor: not ours, changed, or of another list.
        """
        if len(cursor) > _LONGEST:
            raise InvalidCursor
        content, scope = _read(cursor), self._scope()
        nonce, sealed = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
        for key in self.ring:
            try:
                payload = _cipher(key).decrypt(nonce, sealed, scope)
            except (InvalidTag, ValueError):
                continue
            position: list[str | int] = orjson.loads(payload)
            return position
        raise InvalidCursor

    def _scope(self) -> bytes:
        return orjson.dumps(
            [str(self.org_id), dict(self.query)],
            option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS,
            default=str,
        )


def _cipher(key: MasterKey) -> AESGCM:
    return AESGCM(key.derive("cursor"))


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
