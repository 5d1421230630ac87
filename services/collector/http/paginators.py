"""How a vendor's pages follow one another.

A paginator turns a request and its answer into the request of the next page, or None after the
last. It knows nothing of time windows and cursors: those are :mod:`..connectors.walks`.
"""

from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from services.collector.http.errors import BadPayload, PaginationAborted
from services.collector.http.message import JsonObject, Request

__all__ = [
    "AfterCursor",
    "LinkedPages",
    "OffsetLimit",
    "PageGuard",
    "Paginator",
    "SinglePage",
    "dig",
]

_LONGEST_CURSOR = 4096


class Paginator(Protocol):
    """Finds the next page."""

    def follow(self, request: Request, document: JsonObject) -> Request | None:
        """Return the request of the page after ``document``, or None if it was the last.

        Raises:
            BadPayload: the paging fields are not what the contract says.
        """
        ...

    def cuts_short(self, request: Request, document: JsonObject) -> bool:
        """Tell whether the vendor has more behind the last page than it gives to one query."""
        ...


@dataclass(frozen=True, slots=True)
class SinglePage:
    """The answer is the whole."""

    def follow(self, request: Request, document: JsonObject) -> Request | None:
        return None

    def cuts_short(self, request: Request, document: JsonObject) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class AfterCursor:
    """An opaque cursor in the answer, sent back in the body of the next request.

    HubSpot's search: ``{"paging": {"next": {"after": "200"}}}`` → ``{"after": "200"}``. The search
    ends at ``result_limit`` results whatever ``paging`` says, because the vendor answers 400 beyond
    it; the walk begins a new search from the last record seen.
    """

    result_limit: int
    path: tuple[str, ...] = ("paging", "next", "after")
    field_name: str = "after"

    def follow(self, request: Request, document: JsonObject) -> Request | None:
        after = self._after(document)
        if after is None or self._is_at_limit(after):
            return None
        return replace(request, json={**(request.json or {}), self.field_name: after})

    def cuts_short(self, request: Request, document: JsonObject) -> bool:
        after = self._after(document)
        return after is not None and self._is_at_limit(after)

    def _after(self, document: JsonObject) -> str | None:
        after = dig(document, self.path)
        if after is None:
            return None
        if not isinstance(after, str) or not 0 < len(after) <= _LONGEST_CURSOR:
            raise BadPayload("bad_paging")
        return after

    def _is_at_limit(self, after: str) -> bool:
        return after.isascii() and after.isdigit() and int(after) >= self.result_limit


@dataclass(frozen=True, slots=True)
class LinkedPages:
    """A ready link to the next page: ``{"paging": {"links": [{"rel": "next", "href": "/…"}]}}``.

    A link without a host is the same resource with another query. One with a host is taken as it
    is; the session refuses it if it leaves the connection's origin.
    """

    def follow(self, request: Request, document: JsonObject) -> Request | None:
        links = dig(document, ("paging", "links"))
        if links is None:
            return None
        if not isinstance(links, list):
            raise BadPayload("bad_paging")
        for link in links:
            if isinstance(link, dict) and link.get("rel") == "next":
                href = link.get("href")
                if not isinstance(href, str) or not 0 < len(href) <= _LONGEST_CURSOR:
                    raise BadPayload("bad_paging")
                return replace(request, url=_linked(request.url, href))
        return None

    def cuts_short(self, request: Request, document: JsonObject) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class OffsetLimit:
    """A row offset in the body, with the count of all rows in the answer.

    Google Analytics: int64 as strings, ``{"offset": "10000", "limit": "10000"}``, answered with
    ``{"rowCount": 12345}``; an empty report has no ``rowCount``.
    """

    rows_field: str = "rows"
    count_field: str = "rowCount"

    def follow(self, request: Request, document: JsonObject) -> Request | None:
        rows, count = document.get(self.rows_field, []), document.get(self.count_field, 0)
        is_count = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        if not isinstance(rows, list) or not is_count:
            raise BadPayload("bad_paging")
        body = request.json or {}
        offset = int(body.get("offset", "0")) + len(rows)
        if offset >= count:
            return None
        if not rows:
            # Fewer rows than announced: going on at the same offset would never end.
            raise BadPayload("short_page")
        return replace(request, json={**body, "offset": str(offset)})

    def cuts_short(self, request: Request, document: JsonObject) -> bool:
        return False


@dataclass(slots=True)
class PageGuard:
    """Ends paging that would not end by itself: loops, repeated pages, far too many pages."""

    page_cap: int
    _seen_requests: set[bytes] = field(default_factory=set)
    _last_records: bytes | None = None
    _pages: int = 0

    def begin_window(self) -> None:
        """Expect the first page of a window: it may be the last one of the window before again."""
        self._last_records = None

    def admit(self, request: Request) -> None:
        """Let a request through once.

        Raises:
            PaginationAborted: the same request was made before in this run, or the cap is reached.
        """
        self._pages += 1
        if self._pages > self.page_cap:
            raise PaginationAborted("page_cap")
        fingerprint = request.fingerprint()
        if fingerprint in self._seen_requests:
            raise PaginationAborted("loop")
        self._seen_requests.add(fingerprint)

    def inspect(self, records: bytes) -> None:
        """Compare a page's records with the page before in its window; ``records`` is empty for an
        empty page.

        Raises:
            PaginationAborted: the vendor gave the same page under another cursor.
        """
        if records and records == self._last_records:
            raise PaginationAborted("repeated_page")
        self._last_records = records


def _linked(url: str, href: str) -> str:
    try:
        link = urlsplit(href)
    except ValueError:
        raise BadPayload("bad_paging") from None
    if link.scheme or link.netloc:
        return href
    return urlunsplit(urlsplit(url)._replace(query=link.query, fragment=""))


def dig(document: JsonObject, path: tuple[str, ...]) -> Any:
    """Return the value at ``path`` in nested objects, or None where the path ends early."""
    value: Any = document
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value
