"""The one way out to vendors, and the only module that knows the HTTP library.

Every call has a total deadline, a bounded body, no redirects, no proxy from the environment and no
cookies (one client serves many organizations: a vendor's cookie must not travel from one to the
next).
"""

import asyncio
import socket
from collections.abc import Iterable
from contextlib import aclosing
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import perf_counter
from typing import Any

import httpcore
import httpx
import stamina
import structlog

from services.collector.documents import UnreadableJson, read_json
from services.collector.http.auth import Auth
from services.collector.http.errors import (
    RateLimited,
    Transient,
    UpstreamError,
    UrlNotAllowed,
)
from services.collector.http.guard import check_addresses, check_url
from services.collector.http.inflate import read_body
from services.collector.http.message import Answer, JsonObject, Request, redacted
from services.collector.http.rules import AnswerRules, judge
from shared import clock
from shared.observability import metrics

__all__ = ["UpstreamClient"]

_ATTEMPTS = 3
_RETRY_FOR = timedelta(seconds=60)
# A longer wait is not slept through with a lease in hand: the stream is put off instead.
_LONGEST_SLEEP = timedelta(seconds=12)
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": "earned-collector",
}
_log = structlog.get_logger(__name__)


class UpstreamClient:
    """Sends requests to vendors. One per process; close it at the end.

    ``allow_private`` lets it talk to this machine and the local network: for vendor look-alikes
    only, never where connections are configured by strangers.
    """

    def __init__(
        self, *, allow_private: bool = False, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.allow_private = allow_private
        self._client = httpx.AsyncClient(
            transport=transport or _transport(allow_private=allow_private),
            headers=_HEADERS,
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(30, connect=5),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def call(
        self, request: Request, *, provider: str, auth: Auth, rules: AnswerRules
    ) -> tuple[JsonObject, Answer]:
        """Send a request with its authentication and return the document of a good answer.

        What is likely to pass soon is tried again, at most twice and for at most a minute.

        Raises:
            UpstreamError: the class says what to do about it.
        """
        async for attempt in stamina.retry_context(
            on=_wait_before_retry, attempts=_ATTEMPTS, timeout=_RETRY_FOR
        ):
            with attempt:
                return await self._measured(request, provider, auth, rules)
        raise AssertionError("the retry loop returns or raises")

    async def _measured(
        self, request: Request, provider: str, auth: Auth, rules: AnswerRules
    ) -> tuple[JsonObject, Answer]:
        started = perf_counter()
        outcome = "ok"
        try:
            answer = await self._authorized(request, auth)
            return judge(answer, rules, clock.now()), answer
        except UpstreamError as error:
            outcome = error.outcome
            _log.info(
                "upstream.call_failed",
                provider=provider,
                method=request.method,
                url=redacted(request.url),
                reason=error.reason,
            )
            raise
        finally:
            metrics.UPSTREAM_REQUESTS.labels(provider, outcome).inc()
            metrics.UPSTREAM_REQUEST_DURATION.labels(provider).observe(perf_counter() - started)

    async def _authorized(self, request: Request, auth: Auth) -> Answer:
        async with aclosing(auth.flow(request)) as flow:
            outgoing = await anext(flow)
            while True:
                answer = await self._exchange(outgoing)
                try:
                    outgoing = await flow.asend(answer)
                except StopAsyncIteration:
                    return answer

    async def _exchange(self, request: Request) -> Answer:
        check_url(request.url, allow_private=self.allow_private)
        try:
            async with asyncio.timeout(request.deadline.total_seconds()):
                return await self._send(request)
        except (TimeoutError, httpx.TimeoutException):
            raise Transient("deadline_passed", outcome="timeout") from None
        except httpx.ConnectError:
            raise Transient("no_connection", outcome="connect") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise UrlNotAllowed("url_not_allowed") from None
        except httpx.HTTPError:
            # A broken connection or a body shorter than announced: nothing of it is used.
            raise Transient("broken_answer", outcome="invalid_body") from None

    async def _send(self, request: Request) -> Answer:
        content = request.content()
        outgoing = self._client.build_request(
            request.method,
            request.url,
            headers={**request.headers, **_content_type(content)},
            content=content,
            data=None if request.form is None else dict(request.form),
        )
        response = await self._client.send(outgoing, stream=True)
        try:
            body = await read_body(response.aiter_raw(), response.headers.get("content-encoding"))
        finally:
            await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, _document(body, headers))


def _wait_before_retry(error: Exception) -> bool | timedelta:
    wait = getattr(error, "wait", None)
    if isinstance(error, RateLimited) or (isinstance(error, Transient) and wait is not None):
        return wait if wait is not None and wait <= _LONGEST_SLEEP else False
    return isinstance(error, Transient)


def _content_type(content: bytes | None) -> dict[str, str]:
    return {} if content is None else {"Content-Type": "application/json"}


def _document(body: bytes, headers: dict[str, str]) -> JsonObject | None:
    """Return the JSON object of a body; None for a login page, an empty body or anything else."""
    media_type = headers.get("content-type", "").split(";")[0].strip().lower()
    if not (media_type == "application/json" or media_type.endswith("+json")):
        return None
    try:
        document = read_json(body)
    except UnreadableJson:
        return None
    return document if isinstance(document, dict) else None


def _transport(*, allow_private: bool) -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(trust_env=False) if allow_private else _GuardedTransport()


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """A transport whose connections go to checked public addresses only."""

    def __init__(self) -> None:
        super().__init__(trust_env=False)
        # The library offers no argument for the network backend. TLS still verifies the name:
        # only the address behind it is chosen here.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=GuardedBackend(),
        )


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, checks every address, and connects to the one it checked."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address = check_addresses(await self._resolve(host, port))
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_STREAM
            )
        except OSError:
            raise httpcore.ConnectError("the name does not resolve") from None
        return [str(entry[4][0]) for entry in found]

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
