"""Authentication of HTTP callers, and the scopes an operation asks for."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from shared.errors import InsufficientScope, Unauthenticated
from shared.observability import metrics
from shared.observability.http import note
from shared.security.keys import Caller, Scope, authenticate
from shared.web.state import resources

__all__ = ["Caller", "require"]

_BEARER = HTTPBearer(
    scheme_name="bearer", description="An API key as a bearer token.", auto_error=False
)
_HEADER = APIKeyHeader(
    name="X-API-Key",
    scheme_name="api_key",
    description="An API key in a header of its own.",
    auto_error=False,
)


def require(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that yields the caller and insists on ``scope``.

    Use: ``caller: Annotated[Caller, Depends(require("kpis:read"))]``. OpenAPI shows the scope.

    Raises (when the request is handled):
        Unauthenticated: no valid key.
        InsufficientScope: a valid key without the scope.
    """

    async def caller_with_scope(
        caller: Annotated[Caller, Security(_authenticated, scopes=[scope])],
    ) -> Caller:
        if scope not in caller.scopes:
            metrics.AUTH_FAILURES.labels("insufficient_scope").inc()
            raise InsufficientScope(scope)
        return caller

    return caller_with_scope


async def _authenticated(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    header: Annotated[str | None, Security(_HEADER)],
) -> Caller:
    presented = _one_of(bearer.credentials if bearer else None, header)
    if presented is None:
        metrics.AUTH_FAILURES.labels("missing").inc()
        raise Unauthenticated
    process = resources(request)
    caller = await authenticate(process.database, process.keyring, presented)
    note(org_id=str(caller.org.id), key_id=caller.key_id)  # the id of a key is no secret
    return caller


def _one_of(bearer: str | None, header: str | None) -> str | None:
    """Return the key presented; two different ones are as good as none."""
    if bearer and header and not hmac.compare_digest(bearer.encode(), header.encode()):
        return None
    return bearer or header or None
