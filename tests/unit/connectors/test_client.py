"""The client: authentication in mid-flow, judgement of answers, and nothing re-encoded."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
import stamina
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from services.collector.http.auth import (
    BearerAuth,
    OAuthAuth,
    OAuthGrant,
    ServiceAccountAuth,
    ServiceAccountKey,
)
from services.collector.http.client import UpstreamClient
from services.collector.http.errors import (
    BadPayload,
    RateLimited,
    ReauthRequired,
    Refused,
    Transient,
    UpstreamError,
    UrlNotAllowed,
)
from services.collector.http.message import Request
from services.collector.http.rules import AnswerRules

URL = "https://api.vendor.example/things"
BEARER = BearerAuth(SecretStr("a-token"))
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


class Wire(httpx.AsyncBaseTransport):
    """Answers with a handler, as a stream that was not read yet: like a real connection."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = self._handler(request)
        if not response.is_stream_consumed:
            return response
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=httpx.ByteStream(response.content),
        )


async def call(handler: Handler, request: Request | None = None, **options: object) -> object:
    client = UpstreamClient(transport=Wire(handler))
    auth = options.get("auth", BEARER)
    try:
        document, _ = await client.call(
            request or Request("GET", URL),
            provider="hubspot",
            auth=auth,  # type: ignore[arg-type]
            rules=AnswerRules(),
        )
    finally:
        await client.aclose()
    return document


async def test_a_query_reaches_the_wire_as_it_was_written() -> None:
    query = "ids=List(urn%3Ali%3Ashare%3A1,b)&range=(start:(day:1),end:(day:2))"
    seen: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return httpx.Response(200, json={})

    await call(answer, Request("GET", f"{URL}?{query}"))

    assert seen == [f"/things?{query}".encode()]


async def test_cookies_of_a_vendor_are_not_kept() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, json={}, headers={"Set-Cookie": "a=b"})

    client = UpstreamClient(transport=Wire(answer))
    for _ in range(2):
        await client.call(Request("GET", URL), provider="hubspot", auth=BEARER, rules=AnswerRules())
    await client.aclose()

    assert seen == [None, None]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(200, text="<html>"), BadPayload),
        (httpx.Response(200, json=[1]), BadPayload),
        (httpx.Response(302, headers={"Location": "http://169.254.169.254/"}), UrlNotAllowed),
        (httpx.Response(401, json={}), ReauthRequired),
        (httpx.Response(403, json={}), Refused),
        (httpx.Response(426, json={}), Refused),
        (httpx.Response(429, json={}), RateLimited),
        (httpx.Response(429, json={}, headers={"Retry-After": "1"}), RateLimited),
        (httpx.Response(500, text="oops"), Transient),
    ],
)
async def test_each_answer_means_one_thing(
    response: httpx.Response, error: type[UpstreamError]
) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            response.status_code, headers=response.headers, content=response.content
        )

    with pytest.raises(error):
        await call(answer)


async def test_what_may_pass_soon_is_tried_three_times_and_the_rest_once() -> None:
    calls: list[int] = []

    def answer(status: int, headers: dict[str, str]) -> Handler:
        def handler(_: httpx.Request) -> httpx.Response:
            calls.append(status)
            return httpx.Response(status, json={}, headers=headers)

        return handler

    for status, headers in ((503, {}), (429, {"Retry-After": "5"}), (429, {}), (404, {})):
        with pytest.raises(UpstreamError):
            await call(answer(status, headers))

    assert calls == [503] * 3 + [429] * 3 + [429] + [404]


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]
)
async def test_a_broken_connection_is_transient(error: Exception) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(Transient):
        await call(answer)


async def test_the_deadline_is_for_the_whole_exchange() -> None:
    class Dripping(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Dripping())

    with pytest.raises(Transient, match="deadline_passed"):
        await call(answer, Request("GET", URL, deadline=timedelta(milliseconds=20)))


async def test_an_address_that_is_not_allowed_is_not_called() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("called")

    with pytest.raises(UrlNotAllowed):
        await call(answer, Request("GET", "http://169.254.169.254/latest"))


class Vault:
    """A grant in memory, with the lock and the commit of the real one."""

    def __init__(self, grant: OAuthGrant) -> None:
        self.grant = grant
        self.committed = grant
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def locked(self) -> AsyncIterator["Locked"]:
        async with self._lock:
            inside = Locked(self.committed)
            yield inside
            self.committed = self.grant = inside.grant


class Locked:
    def __init__(self, grant: OAuthGrant) -> None:
        self.grant = grant

    async def replace(self, grant: OAuthGrant) -> None:
        self.grant = grant


def grant(access_token: str | None = None) -> OAuthGrant:
    return OAuthGrant(
        client_id="app",
        client_secret=SecretStr("app-secret"),
        refresh_token=SecretStr("refresh-1"),
        access_token=SecretStr(access_token) if access_token else None,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC) if access_token else None,
    )


class TokenServer:
    """Accepts each refresh token once, and only the newest access token."""

    def __init__(self, vault: Vault) -> None:
        self.renewals = 0
        self.vault = vault

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return self._renew(request)
        bearer = request.headers["authorization"]
        if bearer != f"Bearer access-{self.renewals}":
            return httpx.Response(401, json={})
        # The token was stored before it was used.
        token = self.vault.committed.access_token
        assert token is not None
        assert bearer.endswith(token.get_secret_value())
        return httpx.Response(200, json={"ok": True})

    def _renew(self, request: httpx.Request) -> httpx.Response:
        form = dict(pair.split("=") for pair in request.content.decode().split("&"))
        if form["refresh_token"] != f"refresh-{self.renewals + 1}":
            return httpx.Response(400, json={"error": "invalid_grant"})
        self.renewals += 1
        tokens = {
            "access_token": f"access-{self.renewals}",
            "refresh_token": f"refresh-{self.renewals + 1}",
            "expires_in": 1800,
        }
        return httpx.Response(200, json=tokens)


@pytest.mark.parametrize("stored", [None, "access-refused"])
async def test_a_token_that_is_missing_or_refused_is_renewed_once(stored: str | None) -> None:
    vault = Vault(grant(stored))
    server = TokenServer(vault)
    auth = OAuthAuth("https://api.vendor.example/token", vault)

    documents = await asyncio.gather(*(call(server, auth=auth) for _ in range(4)))

    assert documents == [{"ok": True}] * 4
    assert server.renewals == 1


@pytest.mark.parametrize("token", ["pat-…", "pat-1\n", "pat 1", "\x7f"])
async def test_a_stored_token_that_no_header_can_hold_asks_for_a_person(token: str) -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing is sent")

    with pytest.raises(ReauthRequired, match="token_unusable"):
        await call(nobody, auth=BearerAuth(SecretStr(token)))


async def test_an_access_token_that_no_header_can_hold_is_renewed() -> None:
    vault = Vault(grant("pat-…"))

    document = await call(
        TokenServer(vault), auth=OAuthAuth("https://api.vendor.example/token", vault)
    )

    assert document == {"ok": True}


async def test_a_token_answer_that_no_header_can_hold_is_not_kept() -> None:
    vault = Vault(grant())
    answer = {"access_token": "pat-…", "expires_in": 1800}

    with pytest.raises(BadPayload, match="bad_token_answer"):
        await call(
            lambda _: httpx.Response(200, json=answer),
            auth=OAuthAuth("https://api.vendor.example/token", vault),
        )

    assert vault.committed == grant()


async def test_a_revoked_grant_asks_for_a_person() -> None:
    vault = Vault(grant())
    auth = OAuthAuth("https://api.vendor.example/token", vault)

    with pytest.raises(ReauthRequired, match="grant_refused"):
        await call(lambda _: httpx.Response(400, json={"error": "invalid_grant"}), auth=auth)

    assert vault.committed == grant()


async def test_a_service_account_signs_an_assertion_and_keeps_the_token() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        if request.url.path != "/token":
            assert request.headers["authorization"] == "Bearer ya29"
            return httpx.Response(200, json={})
        assertion = request.content.decode().rpartition("assertion=")[2]
        assert jwt.get_unverified_header(assertion)["kid"] == "key-1"
        claims = jwt.decode(
            assertion, key.public_key(), algorithms=["RS256"], audience=str(request.url)
        )
        assert claims["exp"] - claims["iat"] == 3600
        return httpx.Response(200, json={"access_token": "ya29", "expires_in": 3599})

    auth = ServiceAccountAuth(
        ServiceAccountKey(
            client_email="collector@project.example",
            private_key_id="key-1",
            private_key=SecretStr(pem),
            token_uri="https://oauth.vendor.example/token",
        ),
        "scope",
    )
    for _ in range(2):
        await call(answer, auth=auth)

    assert paths == ["/token", "/things", "/things"]
