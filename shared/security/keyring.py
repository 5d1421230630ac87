"""The process's secret keys and the purpose-bound keys derived from them."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["KEY_BYTES", "KeyRing", "KeyRingError", "MasterKey"]

KEY_BYTES = 32
_ID_BYTES = 8


class KeyRingError(Exception):
    """A configured secret key is not 32 bytes in base64."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    """One secret key; never used itself, only to derive keys that have a single purpose."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """Eight bytes that name the key in what was made with it, and tell nothing about it."""
        return self.derive("key-id")[:_ID_BYTES]

    def derive(self, purpose: str) -> bytes:
        """Return 32 bytes bound to ``purpose`` (HKDF-SHA256, RFC 5869)."""
        info = b"earned/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self.secret)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The current key, used for writing, and previous ones, still accepted for reading."""

    current: MasterKey
    previous: tuple[MasterKey, ...] = ()

    def __iter__(self) -> Iterator[MasterKey]:
        yield self.current
        yield from self.previous

    @classmethod
    def from_base64(cls, current: str, *previous: str) -> "KeyRing":
        """Read keys as they stand in settings.

        Raises:
            KeyRingError: one of them is not 32 bytes in base64.
        """
        return cls(_read(current), tuple(_read(key) for key in previous))


def _read(encoded: str) -> MasterKey:
    try:
        # Both alphabets: keys come from `openssl rand -base64 32` and from token_urlsafe alike.
        standard = encoded.strip().replace("-", "+").replace("_", "/").rstrip("=")
        secret = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise KeyRingError("a secret key must be base64") from None
    if len(secret) != KEY_BYTES:
        raise KeyRingError("a secret key must be 32 bytes")
    return MasterKey(secret)
