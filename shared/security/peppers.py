"""What API keys are hashed with: made from the secret keys, and outliving each of them.

An API key is known here by its hash alone, which a new secret key cannot make anew. So the peppers
of earlier secret keys are kept with the organization, encrypted under the newest one.
"""

from typing import Final
from uuid import UUID

from shared import crypto
from shared.security.keyring import KeyRing

__all__ = ["peppers_of", "seal_peppers", "unseal_peppers"]

_PEPPER_BYTES: Final = 32


def peppers_of(ring: KeyRing) -> list[bytes]:
    """Return the pepper of each key of the ring, the current one's first."""
    return [key.derive("api-key-pepper") for key in ring]


def seal_peppers(ring: KeyRing, org_id: UUID, peppers: list[bytes]) -> bytes:
    """Return former peppers encrypted for one organization."""
    return crypto.encrypt(ring, b"".join(peppers), _place(org_id))


def unseal_peppers(ring: KeyRing, org_id: UUID, sealed: bytes) -> list[bytes]:
    """Return what :func:`seal_peppers` was given.

    Raises:
        SecretUnreadable: another key, another organization, or changed bytes.
    """
    plain = crypto.decrypt(ring, sealed, _place(org_id))
    return [plain[at : at + _PEPPER_BYTES] for at in range(0, len(plain), _PEPPER_BYTES)]


def _place(org_id: UUID) -> crypto.Place:
    return crypto.Place(org_id, "organization", "former_peppers", str(org_id))
