"""Bodies are read whole, small and inflated at most once."""

import gzip
from collections.abc import AsyncIterator

import pytest

from services.collector.http.errors import BadPayload
from services.collector.http.inflate import read_body


async def _chunks(body: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for first in range(0, len(body), size):
        yield body[first : first + size]


async def test_a_plain_and_a_compressed_body_read_the_same() -> None:
    body = b'{"a": 1}' * 500

    assert await read_body(_chunks(body), None) == body
    assert await read_body(_chunks(gzip.compress(body)), "gzip") == body


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (b"a" * 2001, None, "too_large"),
        (gzip.compress(b"a" * 2001), "gzip", "too_large"),
        (gzip.compress(b"abc")[:-4], "gzip", "truncated"),
        (b"", "gzip", "truncated"),
        (gzip.compress(b"abc") + b"more", "gzip", "trailing_bytes"),
        (b"no gzip", "gzip", "bad_compression"),
        (b"abc", "br", "unexpected_encoding"),
        (b"abc", "gzip, gzip", "unexpected_encoding"),
    ],
    # Named: a compressed body holds the time it was made, and would name the test differently each
    # time it is collected.
    ids=[
        "plain-too-large",
        "inflated-too-large",
        "cut-short",
        "empty",
        "more-after-the-end",
        "not-gzip",
        "another-coding",
        "coded-twice",
    ],
)
async def test_a_body_that_breaks_a_limit_is_refused(
    body: bytes, coding: str | None, reason: str
) -> None:
    with pytest.raises(BadPayload, match=reason):
        await read_body(_chunks(body), coding, limit=2000)


async def test_a_bomb_is_noticed_by_its_ratio() -> None:
    with pytest.raises(BadPayload, match="compression_ratio"):
        await read_body(_chunks(gzip.compress(b"\0" * 15_000_000), 4096), "gzip")
