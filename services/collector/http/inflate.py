"""Reading a body of bounded size, compressed at most once.

The HTTP library would inflate stacked codings without a limit: 262 bytes become 300 MB. So bodies
are read raw and inflated here.
"""

import zlib
from collections.abc import AsyncIterator

from services.collector.http.errors import BadPayload

__all__ = ["LARGEST_BODY", "read_body"]

LARGEST_BODY = 16 * 1024 * 1024
_HIGHEST_RATIO = 100
# Small bodies may compress better than any honest large one: the ratio counts from here.
_RATIO_FROM = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


async def read_body(
    chunks: AsyncIterator[bytes], coding: str | None, *, limit: int = LARGEST_BODY
) -> bytes:
    """Return the whole body, inflated if ``coding`` is gzip.

    Raises:
        BadPayload: too large on the wire or inflated, an implausible ratio, a coding that was not
            asked for, or a stream that ends early or goes on after its end.
    """
    match (coding or "identity").strip().lower():
        case "identity":
            return await _read_plain(chunks, limit)
        case "gzip":
            return await _read_gzip(chunks, limit)
        case _:
            raise BadPayload("unexpected_encoding")


async def _read_plain(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise BadPayload("too_large")
    return bytes(body)


async def _read_gzip(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    body = bytearray()
    received = 0
    async for chunk in chunks:
        received += len(chunk)
        if received > limit or inflater.eof:
            raise BadPayload("too_large" if received > limit else "trailing_bytes")
        try:
            # One byte more than allowed: enough to tell "full" from "too large".
            body += inflater.decompress(chunk, limit + 1 - len(body))
        except zlib.error:
            raise BadPayload("bad_compression") from None
        _check_size(len(body), received, limit)
    if not inflater.eof or inflater.unused_data:
        raise BadPayload("truncated" if not inflater.eof else "trailing_bytes")
    return bytes(body)


def _check_size(inflated: int, received: int, limit: int) -> None:
    if inflated > limit:
        raise BadPayload("too_large")
    if inflated > _RATIO_FROM and inflated > received * _HIGHEST_RATIO:
        raise BadPayload("compression_ratio")
