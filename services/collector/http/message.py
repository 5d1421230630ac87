"""What is sent to a vendor and what comes back: plain values, free of any HTTP library."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson

__all__ = ["Answer", "JsonObject", "Request", "origin_of", "redacted"]

JsonObject = dict[str, Any]

_DEFAULT_PORTS = {"https": 443, "http": 80}
_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a vendor.

    ``url`` is complete and already percent-encoded: some vendors distinguish ``List(a,b)`` from its
    encoded form, so nothing between here and the wire may encode again. ``deadline`` is for the
    whole exchange, from the connection to the last byte of the body.
    """

    method: Literal["GET", "POST"]
    url: str
    headers: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    json: JsonObject | None = None
    form: Mapping[str, str] | None = None
    deadline: timedelta = timedelta(seconds=30)

    def with_headers(self, headers: Mapping[str, str]) -> "Request":
        """Return this request with ``headers`` added; theirs win."""
        return replace(self, headers={**self.headers, **headers})

    def content(self) -> bytes | None:
        """Return the JSON body, or None for a form or no body."""
        return None if self.json is None else orjson.dumps(self.json)

    def fingerprint(self) -> bytes:
        """Return 16 bytes that are equal for equal calls: how a pagination loop is noticed."""
        material = b"\0".join((self.method.encode(), self.url.encode(), self.content() or b""))
        return hashlib.blake2b(material, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's complete answer. ``document`` is None unless the body is a JSON object."""

    status: int
    headers: Mapping[str, str]
    document: JsonObject | None

    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name."""
        return self.headers.get(name)


def origin_of(url: str) -> tuple[str, str, int]:
    """Return (scheme, host, port) of a URL.

    Raises:
        ValueError: the URL has no host, or its port is not a number.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("not an http(s) URL")
    return scheme, parts.hostname.lower(), parts.port or _DEFAULT_PORTS[scheme]


def redacted(url: str) -> str:
    """Return a URL fit for a log: no query (it may name people), no user, no fragment."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
