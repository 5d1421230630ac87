"""Cursors: they lead on in the list they came from, and nowhere else."""

from base64 import urlsafe_b64decode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvalidCursor
from shared.security.keyring import KeyRing, MasterKey
from shared.web.cursor import CursorCodec

RING = KeyRing(MasterKey(b"k" * 32))
CODEC = CursorCodec(RING, UUID(int=1), {"kind": "post.published", "order": "position"})

positions = st.lists(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.integers(min_value=-(2**63), max_value=2**63 - 1),
    max_size=5,
)


@given(positions)
def test_a_position_comes_back(position: list[str | int]) -> None:
    assert CODEC.decode(CODEC.encode(position)) == position


def test_the_order_of_the_query_parts_does_not_matter() -> None:
    same = CursorCodec(RING, UUID(int=1), {"order": "position", "kind": "post.published"})

    assert same.decode(CODEC.encode([3])) == [3]


@pytest.mark.parametrize(
    "other",
    [
        CursorCodec(RING, UUID(int=2), CODEC.query),
        CursorCodec(RING, UUID(int=1), {"kind": "deal.changed", "order": "position"}),
        CursorCodec(RING, UUID(int=1), {}),
        CursorCodec(KeyRing(MasterKey(b"x" * 32)), UUID(int=1), CODEC.query),
    ],
    ids=["organization", "filter", "list", "key"],
)
def test_a_cursor_is_worth_nothing_elsewhere(other: CursorCodec) -> None:
    with pytest.raises(InvalidCursor):
        other.decode(CODEC.encode([3]))


def test_a_cursor_does_not_tell_what_it_holds() -> None:
    cursor = CODEC.encode(["E007", 42])

    assert b"E007" not in urlsafe_b64decode(cursor + "==")
    assert cursor == CODEC.encode(["E007", 42])
    assert cursor != CODEC.encode(["E008", 42])


def test_any_changed_character_is_noticed() -> None:
    cursor = CODEC.encode(["2025-01-01T00:00:00Z", 42])

    for position, character in enumerate(cursor):
        changed = cursor[:position] + ("A" if character != "A" else "B") + cursor[position + 1 :]
        with pytest.raises(InvalidCursor):
            CODEC.decode(changed)


@given(st.text(max_size=200))
def test_arbitrary_text_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(InvalidCursor):
        CODEC.decode(text)


def test_a_place_with_the_longest_names_can_be_gone_on_from() -> None:
    # Of 128 characters each, four bytes a character: a line between two teams.
    name = "\N{GOTHIC LETTER HWAIR}" * 128
    place: list[str | int] = [1, "x" * 250, 3, f"2025-01-01 {'f' * 32} {name} and {name}"]

    assert CODEC.decode(CODEC.encode(place)) == place


def test_cursors_survive_a_rotation_of_the_key() -> None:
    old = KeyRing(MasterKey(b"o" * 32))
    cursor = CursorCodec(old, UUID(int=1), {}).encode([7])

    rotated = KeyRing(MasterKey(b"n" * 32), (old.current,))

    assert CursorCodec(rotated, UUID(int=1), {}).decode(cursor) == [7]
