"""Stored credentials: AES-256-GCM, bound to the very row they were written to.

An envelope is ``version (1) | key id (8) | nonce (12) | ciphertext and tag``. What it belongs to
(organization, table, column, row, key) is authenticated but not stored: a ciphertext copied to
another row, or to another organization, does not decrypt.
"""

import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.errors import SecretUnreadable
from shared.security.keyring import KeyRing, MasterKey

__all__ = ["Place", "decrypt", "encrypt", "is_current"]

_VERSION = b"\x01"
_KEY_ID = slice(1, 9)
_NONCE = slice(9, 21)
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SMALLEST = _NONCE.stop + _TAG_BYTES


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret is stored: a ciphertext is worth nothing anywhere else."""

    org_id: UUID
    table: str
    column: str
    row: str

    def bound_to(self, key: MasterKey) -> bytes:
        """Return the bytes that are authenticated with a secret stored here under ``key``."""
        parts = (str(self.org_id), self.table, self.column, self.row, key.id.hex())
        # Lengths in front: no two places share one spelling, whatever a row's id contains.
        return b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)


def encrypt(ring: KeyRing, plaintext: bytes, place: Place) -> bytes:
    """Return the envelope of ``plaintext`` for ``place``, under the current key."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(ring.current, place).encrypt(nonce, plaintext, place.bound_to(ring.current))
    return _VERSION + ring.current.id + nonce + sealed


def decrypt(ring: KeyRing, envelope: bytes, place: Place) -> bytes:
    """Return what :func:`encrypt` was given for the same place.

    Raises:
        SecretUnreadable: another key, another place, changed bytes, or no envelope at all.
    """
    if len(envelope) < _SMALLEST or envelope[:1] != _VERSION:
        raise SecretUnreadable
    key = next((key for key in ring if key.id == envelope[_KEY_ID]), None)
    if key is None:
        raise SecretUnreadable
    try:
        return _cipher(key, place).decrypt(
            envelope[_NONCE], envelope[_NONCE.stop :], place.bound_to(key)
        )
    except InvalidTag:
        raise SecretUnreadable from None


def is_current(ring: KeyRing, envelope: bytes) -> bool:
    """Tell whether the envelope was made with the current key; if not, a rotation rewrites it."""
    return envelope[_KEY_ID] == ring.current.id


def _cipher(key: MasterKey, place: Place) -> AESGCM:
    # A key per organization: random nonces are then counted per organization too.
    return AESGCM(key.derive(f"credentials/{place.org_id}"))
