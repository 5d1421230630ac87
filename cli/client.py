"""Calls to a running installation, patient with processes that are being restarted."""

import time
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

__all__ = ["Client", "RefusedError", "UnreachableError"]

_TIMEOUT = httpx.Timeout(30, connect=3)
_AGAIN = frozenset({429, 502, 503, 504})
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class RefusedError(RuntimeError):
    """The server answered with a problem; the text says which, for a person."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class UnreachableError(RuntimeError):
    """Nobody answered in time."""


class Client:
    """HTTP to one base address, with an API key.

    A refused connection, a broken answer and "not now" (429, 502 to 504) are tried again until
    `patience` is used up. That is safe because everything the product takes may be sent twice.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        patience: timedelta = timedelta(seconds=60),
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._patience = patience.total_seconds()
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=_TIMEOUT,
            # A proxy named in the environment has no business on loopback.
            trust_env=urlsplit(self.base_url).hostname not in _LOOPBACK,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON document at `path`; query values may be lists."""
        return self._json("GET", path, params=query)

    def post(self, path: str, body: Any) -> Any:
        """Post a JSON document and return the answer."""
        return self._json("POST", path, json=body)

    def put(self, path: str, body: Any) -> Any:
        """Put a JSON document and return the answer."""
        return self._json("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """Change a resource and return the answer."""
        return self._json("PATCH", path, json=body)

    def post_file(self, path: str, content: bytes, *, media_type: str, **query: Any) -> Any:
        """Post a file and return the answer."""
        headers = {"Content-Type": media_type}
        return self._json("POST", path, content=content, headers=headers, params=query)

    def pages(self, path: str, items: str, **query: Any) -> list[Any]:
        """Return all items of a list, following its cursors."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            found += page[items]
            if not page.get("next_cursor"):
                return found
            cursor = {"cursor": page["next_cursor"]}

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._patiently(method, path, **arguments)
        if response.is_error:
            raise _refused(response)
        return response.json() if response.content else None

    def _patiently(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        deadline, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            response, reason = None, ""
            try:
                response = self._http.request(method, self.base_url + path, **arguments)
                if response.status_code not in _AGAIN:
                    return response
            except httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}"
            if time.monotonic() + pause > deadline:
                if response is not None:
                    return response
                raise UnreachableError(f"{self.base_url} does not answer ({reason}).")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _refused(response: httpx.Response) -> RefusedError:
    """Read a problem document; anything else is quoted by its status."""
    where = f"{response.request.method} {response.request.url.path}"
    try:
        problem = response.json()
        code, title = str(problem["code"]), str(problem["title"])
    except (ValueError, KeyError, TypeError):
        return RefusedError(response.status_code, "", f"{where}: HTTP {response.status_code}")
    lines = [f"{where}: {title} ({response.status_code} {code})"]
    if problem.get("detail", title) != title:
        lines.append(str(problem["detail"]))
    lines += [f"  {error['field']}: {error['message']}" for error in problem.get("errors") or ()]
    return RefusedError(response.status_code, code, "\n".join(lines))
