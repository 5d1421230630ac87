"""The text of an API key: recognised by its checksum before anything is looked up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Unauthenticated
from shared.security.keys import parse

# Pinned: keys that were issued must stay readable.
KEY = "earned_live_0aZ9bY8x_" + "A" * 43


def test_issued_keys_keep_their_form() -> None:
    parsed = parse(KEY + "16LTlB")

    assert (parsed.id, parsed.secret) == ("0aZ9bY8x", "A" * 43)


@pytest.mark.parametrize(
    "text",
    [
        "",
        KEY,
        KEY + "000000",
        KEY + "16LTlB ",
        KEY + "16LTlB\n",
        " " + KEY + "16LTlB",
        (KEY + "16LTlB")[:-1],
        (KEY + "16LTlB").replace("live", "test"),
        (KEY + "16LTlB").replace("0aZ9", "0aZ8"),
        "earned_live_" + "\u0660" * 8 + "_" + "A" * 43 + "000000",
        "earned_live_" + "0" * 100_000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(text)


@given(st.text(max_size=100))
def test_arbitrary_text_is_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(Unauthenticated):
        parse(text)
