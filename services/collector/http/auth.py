"""Proving to a vendor who is calling.

An authentication is a flow: it yields the requests to send and is given their answers, so that it
may fetch a token in the middle of a call. The client drives it and keeps the limits; the flow knows
neither sockets nor the database.
"""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

import jwt
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from services.collector.http.errors import BadPayload, ReauthRequired, Transient
from services.collector.http.message import Answer, Request
from shared import clock

__all__ = [
    "Auth",
    "AuthFlow",
    "BearerAuth",
    "OAuthAuth",
    "OAuthGrant",
    "ServiceAccountAuth",
    "ServiceAccountKey",
    "StaticToken",
    "TokenVault",
    "is_bearable",
]

AuthFlow = AsyncGenerator[Request, Answer]

# Shorter than the database's idle-in-transaction limit: the grant's row is locked meanwhile.
_TOKEN_DEADLINE = timedelta(seconds=10)
_EXPIRY_MARGIN = timedelta(seconds=60)
_JWT_LIFE = timedelta(hours=1)
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: What RFC 6750 lets a token be made of, and a few signs more that a header can hold.
_BEARABLE: Final = re.compile(r"[\x21-\x7e]+")


class Auth(Protocol):
    """Adds the proof to a request."""

    def flow(self, request: Request) -> AuthFlow:
        """Yield the requests to send; the answer to the last one is the answer of the call.

        Raises:
            ReauthRequired: a person has to grant access again.
        """
        ...


class _Credentials(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class StaticToken(_Credentials):
    """A token that a person made and that lives until revoked."""

    type: Literal["token"] = "token"
    access_token: SecretStr = Field(min_length=1, max_length=4096)


class OAuthGrant(_Credentials):
    """What OAuth 2 gave: the refresh token buys access tokens until the grant ends."""

    type: Literal["oauth2"] = "oauth2"
    client_id: str = Field(min_length=1, max_length=512)
    client_secret: SecretStr = Field(min_length=1, max_length=4096)
    refresh_token: SecretStr = Field(min_length=1, max_length=4096)
    access_token: SecretStr | None = Field(default=None, max_length=4096)
    expires_at: datetime | None = None

    def usable_token(self, now: datetime) -> SecretStr | None:
        """Return the access token unless it has expired or is about to, or is none.

        One of unknown life is tried: a refusal leads to a renewal.
        """
        if self.expires_at is not None and self.expires_at <= now + _EXPIRY_MARGIN:
            return None
        return self.access_token if self.access_token and is_bearable(self.access_token) else None


class ServiceAccountKey(_Credentials):
    """The part of a Google service account's key file that signing needs."""

    type: Literal["service_account"] = "service_account"
    client_email: str = Field(min_length=3, max_length=320)
    private_key_id: str = Field(min_length=1, max_length=128)
    private_key: SecretStr = Field(min_length=1, max_length=16384)
    token_uri: str = Field(default="https://oauth2.googleapis.com/token", max_length=500)


class LockedGrant(Protocol):
    """A grant read under a row lock; nobody else refreshes it meanwhile."""

    @property
    def grant(self) -> OAuthGrant:
        """The grant as it stands in the database now."""
        ...

    async def replace(self, grant: OAuthGrant) -> None:
        """Store the refreshed grant; it is committed when the lock is released."""
        ...


class TokenVault(Protocol):
    """Where a connection's grant is kept."""

    @property
    def grant(self) -> OAuthGrant:
        """The grant as last seen by this process."""
        ...

    def locked(self) -> AbstractAsyncContextManager[LockedGrant]:
        """Lock the grant's row; leaving the block without error commits what was replaced."""
        ...


@dataclass(frozen=True, slots=True)
class BearerAuth:
    """A static token."""

    token: SecretStr

    async def flow(self, request: Request) -> AuthFlow:
        yield _bearing(request, self.token)


@dataclass(frozen=True, slots=True)
class OAuthAuth:
    """An access token, renewed when it has expired or is refused.

    Two workers may find the token expired at once, and vendors may void a refresh token on use. So
    the renewal happens under the row's lock, a worker that waited for the lock uses what the other
    one stored, and the new token is committed before its first use.
    """

    token_url: str
    vault: TokenVault

    async def flow(self, request: Request) -> AuthFlow:
        used = self.vault.grant.usable_token(clock.now())
        if used is not None:
            answer = yield _bearing(request, used)
            if answer.status != 401:
                return
        async with self.vault.locked() as locked:
            fresh = locked.grant.usable_token(clock.now())
            if fresh is None or fresh == used:
                answer = yield self._renewal(locked.grant)
                renewed = _renewed(locked.grant, answer)
                await locked.replace(renewed)
                fresh = renewed.access_token
        assert fresh is not None
        yield _bearing(request, fresh)

    def _renewal(self, grant: OAuthGrant) -> Request:
        form = {
            "grant_type": "refresh_token",
            "client_id": grant.client_id,
            "client_secret": grant.client_secret.get_secret_value(),
            "refresh_token": grant.refresh_token.get_secret_value(),
        }
        return Request("POST", self.token_url, form=form, deadline=_TOKEN_DEADLINE)


@dataclass(slots=True)
class ServiceAccountAuth:
    """A signed assertion exchanged for an access token, kept for the life of this object."""

    key: ServiceAccountKey
    scope: str
    _token: SecretStr | None = None
    _expires_at: datetime | None = None

    async def flow(self, request: Request) -> AuthFlow:
        now = clock.now()
        if self._token is None or self._expires_at is None or self._expires_at <= now:
            answer = yield self._assertion(now)
            token, life, _ = _tokens(answer)
            self._token, self._expires_at = token, now + life - _EXPIRY_MARGIN
        yield _bearing(request, self._token)

    def _assertion(self, now: datetime) -> Request:
        claims = {
            "iss": self.key.client_email,
            "scope": self.scope,
            "aud": self.key.token_uri,
            "iat": int(now.timestamp()),
            "exp": int((now + _JWT_LIFE).timestamp()),
        }
        try:
            assertion = jwt.encode(
                claims,
                self.key.private_key.get_secret_value(),
                algorithm="RS256",
                headers={"kid": self.key.private_key_id},
            )
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ReauthRequired("private_key_unusable") from None
        form = {"grant_type": _JWT_GRANT, "assertion": assertion}
        return Request("POST", self.key.token_uri, form=form, deadline=_TOKEN_DEADLINE)


def is_bearable(token: SecretStr) -> bool:
    """Tell whether a token can be sent: printable ASCII without blanks, as all of them are."""
    return _BEARABLE.fullmatch(token.get_secret_value()) is not None


def _bearing(request: Request, token: SecretStr) -> Request:
    if not is_bearable(token):
        raise ReauthRequired("token_unusable")
    return request.with_headers({"Authorization": f"Bearer {token.get_secret_value()}"})


def _renewed(grant: OAuthGrant, answer: Answer) -> OAuthGrant:
    token, life, refresh_token = _tokens(answer)
    return grant.model_copy(
        update={
            "access_token": token,
            "expires_at": clock.now() + life,
            # Vendors that rotate send a new one; the others say nothing and the old one stays.
            "refresh_token": refresh_token or grant.refresh_token,
        }
    )


def _tokens(answer: Answer) -> tuple[SecretStr, timedelta, SecretStr | None]:
    if answer.status in {400, 401, 403}:
        raise ReauthRequired("grant_refused")
    if answer.status != 200:
        raise Transient(f"token_http_{answer.status}")
    document: Mapping[str, object] = answer.document or {}
    token, seconds = document.get("access_token"), document.get("expires_in")
    refresh_token = document.get("refresh_token")
    if not isinstance(token, str) or not isinstance(seconds, int) or seconds <= 0:
        raise BadPayload("bad_token_answer")
    if not is_bearable(SecretStr(token)):
        raise BadPayload("bad_token_answer")
    return (
        SecretStr(token),
        timedelta(seconds=min(seconds, 10**8)),
        SecretStr(refresh_token) if isinstance(refresh_token, str) and refresh_token else None,
    )
