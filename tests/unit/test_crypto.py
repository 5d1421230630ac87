"""Stored secrets: readable in their own row under a known key, and nowhere else."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.crypto import Place, decrypt, encrypt, is_current
from shared.errors import SecretUnreadable
from shared.security.keyring import KeyRing, MasterKey

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
RING = KeyRing(NEW)
PLACE = Place(UUID(int=1), "connection", "credentials", "7")


@given(st.binary(max_size=300))
def test_what_was_encrypted_comes_back(plaintext: bytes) -> None:
    assert decrypt(RING, encrypt(RING, plaintext, PLACE), PLACE) == plaintext


def test_the_same_secret_never_looks_the_same() -> None:
    assert encrypt(RING, b"token", PLACE) != encrypt(RING, b"token", PLACE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, org_id=UUID(int=2)),
        replace(PLACE, table="link"),
        replace(PLACE, column="config"),
        replace(PLACE, row="8"),
        Place(PLACE.org_id, "connectio", "ncredentials", "7"),
    ],
)
def test_a_ciphertext_moved_to_another_place_is_unreadable(elsewhere: Place) -> None:
    envelope = encrypt(RING, b"token", PLACE)

    with pytest.raises(SecretUnreadable):
        decrypt(RING, envelope, elsewhere)


def test_any_changed_bit_makes_it_unreadable() -> None:
    envelope = encrypt(RING, b"token", PLACE)

    for position in range(len(envelope)):
        changed = bytearray(envelope)
        changed[position] ^= 1
        with pytest.raises(SecretUnreadable):
            decrypt(RING, bytes(changed), PLACE)


@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_unreadable_and_nothing_worse(noise: bytes) -> None:
    with pytest.raises(SecretUnreadable):
        decrypt(RING, noise, PLACE)


def test_a_rotation_reads_the_old_key_and_writes_the_new_one() -> None:
    envelope = encrypt(KeyRing(OLD), b"token", PLACE)
    rotating = KeyRing(NEW, (OLD,))

    assert decrypt(rotating, envelope, PLACE) == b"token"
    assert not is_current(rotating, envelope)
    assert is_current(rotating, encrypt(rotating, b"token", PLACE))


def test_after_the_rotation_the_old_key_is_gone() -> None:
    envelope = encrypt(KeyRing(OLD), b"token", PLACE)

    with pytest.raises(SecretUnreadable):
        decrypt(KeyRing(NEW), envelope, PLACE)


def test_the_refusal_says_nothing_about_the_secret() -> None:
    with pytest.raises(SecretUnreadable) as refusal:
        decrypt(RING, encrypt(KeyRing(OLD), b"hunter2", PLACE), PLACE)

    assert "hunter2" not in repr(refusal.value)
    assert refusal.value.code == "secret_unreadable"


def test_keys_do_not_show_when_printed() -> None:
    assert "nnnn" not in repr(RING)


def test_keys_for_different_purposes_differ() -> None:
    assert NEW.derive("cursor") != NEW.derive("api-key-pepper")
