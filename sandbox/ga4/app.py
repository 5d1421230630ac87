"""The HTTP face of the Google Analytics look-alike."""

from collections.abc import Callable
from datetime import datetime
from json import JSONDecodeError

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.credentials import (
    ACCOUNTS,
    GA4_PROPERTY,
    SERVICE_ACCOUNT_EMAIL,
    TokenBook,
    TokenRefusedError,
    service_account_key,
)
from sandbox.errors import VendorError, error_body, render_vendor_error
from sandbox.forms import form_fields
from sandbox.ga4.report import run_report
from sandbox.golden.program import ZONE, CodeOf
from sandbox.golden.web import session_rows

__all__ = ["create_ga4"]

SCOPE = "https://www.googleapis.com/auth/analytics.readonly"
_GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_ASSERTION_SECONDS = 3600
_ACCESS_TOKEN_SECONDS = 3599


def create_ga4(tokens: TokenBook, *, code_of: CodeOf, clock: Callable[[], datetime]) -> Starlette:
    """Return the look-alike of ``analyticsdata.googleapis.com`` and of Google's ``/token``.

    ``code_of`` is asked at every report, so that links made after the start are seen.
    """
    api = _Analytics(tokens, code_of, clock)
    routes = [
        Route("/token", api.token, methods=["POST"]),
        Route("/v1beta/properties/{property_id}:runReport", api.run_report, methods=["POST"]),
        Route("/v1beta/properties/{property_id}/keyEvents", api.key_events),
    ]
    return Starlette(routes=routes, exception_handlers={VendorError: render_vendor_error})


class _Analytics:
    def __init__(self, tokens: TokenBook, code_of: CodeOf, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._code_of = code_of
        self._clock = clock

    async def run_report(self, request: Request) -> Response:
        self._authorize(request)
        try:
            body = await request.json()
        except (JSONDecodeError, UnicodeDecodeError):
            body = None
        if not isinstance(body, dict):
            raise _problem(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        today = self._clock().astimezone(ZONE).date()
        return JSONResponse(run_report(session_rows(self._code_of), body, today=today))

    async def key_events(self, request: Request) -> Response:
        self._authorize(request)
        event = {
            "name": f"properties/{GA4_PROPERTY}/keyEvents/14757626640",
            "eventName": "generate_lead",
            "createTime": "2025-01-01T08:00:00.000000Z",
            "deletable": True,
            "custom": True,
            "countingMethod": "ONCE_PER_EVENT",
        }
        return JSONResponse({"keyEvents": [event]})

    def _authorize(self, request: Request) -> None:
        try:
            self._tokens.holder_of(request.headers.get("authorization", ""))
        except TokenRefusedError as refused:
            raise _unauthenticated(refused.reason) from refused
        if request.path_params["property_id"] != GA4_PROPERTY:
            message = "User does not have sufficient permissions for this property."
            raise _problem(403, "PERMISSION_DENIED", message)

    async def token(self, request: Request) -> Response:
        form = await form_fields(request)
        if form.get("grant_type") != _GRANT:
            return _grant_error("unsupported_grant_type", f"Invalid grant_type: {_GRANT}")
        try:
            claims = jwt.decode(
                form.get("assertion", ""),
                service_account_key().public_key(),
                algorithms=["RS256"],
                audience=[str(request.url), _GOOGLE_AUDIENCE],
                issuer=SERVICE_ACCOUNT_EMAIL,
                options={"require": ["iat", "exp", "iss", "aud"]},
            )
        except jwt.InvalidSignatureError:
            return _grant_error("invalid_grant", "Invalid JWT Signature.")
        except jwt.PyJWTError as error:
            return _grant_error("invalid_grant", f"Invalid JWT: {error}")
        if claims["exp"] - claims["iat"] > _LONGEST_ASSERTION_SECONDS:
            return _grant_error("invalid_grant", "Invalid JWT: it lives longer than 60 minutes.")
        if SCOPE not in str(claims.get("scope")).split():
            return _grant_error("invalid_scope", "Invalid OAuth scope or ID token audience.")
        return JSONResponse(
            {
                "access_token": self._tokens.issue(ACCOUNTS["ga4"]),
                "expires_in": _ACCESS_TOKEN_SECONDS,
                "token_type": "Bearer",
            }
        )


def _unauthenticated(reason: str) -> VendorError:
    body = error_body(
        "ga4",
        status=401,
        message="Request had invalid authentication credentials. Expected OAuth 2 access token, "
        "login cookie or other valid authentication credential.",
        code="UNAUTHENTICATED",
    )
    reasons = {"expired": "ACCESS_TOKEN_EXPIRED"}
    body["error"]["details"] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reasons.get(reason, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
            "domain": "googleapis.com",
            "metadata": {
                "service": "analyticsdata.googleapis.com",
                "method": "google.analytics.data.v1beta.BetaAnalyticsData.RunReport",
            },
        }
    ]
    return VendorError(401, body)


def _problem(status: int, code: str, message: str) -> VendorError:
    return VendorError(status, error_body("ga4", status=status, message=message, code=code))


def _grant_error(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status_code=400)
