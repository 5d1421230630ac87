"""Problems: every refusal the product can answer, one exception per situation.

Services raise them; :mod:`shared.web.problems` renders them once, as ``application/problem+json``
(RFC 9457). The tree is the list of what a caller may meet::

    Problem
    ├── MalformedRequest  400    ├── Conflict              409
    │   ├── MalformedJson        ├── TooLarge              413
    │   └── InvalidCursor        ├── UnsupportedMediaType  415
    ├── Unauthenticated   401    ├── Invalid               422
    ├── Forbidden         403    ├── TooManyRequests       429
    │   └── InsufficientScope    ├── SecretUnreadable      500
    ├── NotFound          404    └── Unavailable           503
    ├── MethodNotAllowed  405
    └── RequestTimeout    408

A ``detail`` is written for the caller: it never repeats what the caller sent, and never names what
is inside.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import ClassVar, TypedDict

__all__ = [
    "Conflict",
    "FieldError",
    "Forbidden",
    "InsufficientScope",
    "Invalid",
    "InvalidCursor",
    "MalformedJson",
    "MalformedRequest",
    "MethodNotAllowed",
    "NotFound",
    "Problem",
    "RequestTimeout",
    "SecretUnreadable",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedMediaType",
]


class FieldError(TypedDict):
    """What is wrong with one field: where it is, the rule it breaks, and the rule in words."""

    field: str
    rule: str
    message: str


class Problem(Exception):
    """A refusal with a status and a stable ``code``; raise a subclass, or say both here."""

    status: int = 500
    code: str = "internal_error"
    title: str = "Something went wrong on our side"

    def __init__(
        self,
        detail: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        title: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or title or self.title)
        self.detail = detail
        self.status = status or self.status
        self.code = code or self.code
        self.title = title or self.title
        self.errors: list[FieldError] = list(errors)
        self.headers: dict[str, str] = dict(headers or {})


class MalformedRequest(Problem):
    """The request cannot be read."""

    status = 400
    code = "malformed_request"
    title = "The request cannot be read"


class MalformedJson(MalformedRequest):
    """The body is not the JSON this product reads: see :mod:`shared.web.json`."""

    code = "malformed_json"
    title = "The body is not readable JSON"


class InvalidCursor(MalformedRequest):
    """A paging cursor that was changed, or that belongs to another list."""

    code = "invalid_cursor"
    title = "The cursor does not belong to this list"


class Unauthenticated(Problem):
    """No key, or not one that is valid now; which of the two is never said."""

    status = 401
    code = "unauthenticated"
    title = "A valid API key is required"

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="earned"'})


class Forbidden(Problem):
    """The caller is known and may not do this."""

    status = 403
    code = "forbidden"
    title = "Not allowed"


class InsufficientScope(Forbidden):
    """The key lacks the scope of the operation."""

    code = "insufficient_scope"
    title = "The API key lacks a scope"

    def __init__(self, scope: str) -> None:
        super().__init__(
            f"This operation needs the scope {scope}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )


class NotFound(Problem):
    """Nothing there: also the answer for what belongs to another organization."""

    status = 404
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(Problem):
    """The path exists, not under this method."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class RequestTimeout(Problem):
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"
    title = "The request took too long to arrive"


class Conflict(Problem):
    """Well-formed, and at odds with what is already there."""

    status = 409
    code = "conflict"
    title = "Conflicts with the present state"


class TooLarge(Problem):
    """The body is larger than the operation accepts."""

    status = 413
    code = "too_large"
    title = "The body is too large"


class UnsupportedMediaType(Problem):
    """A content type or coding the operation does not read."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class Invalid(Problem):
    """Readable, and breaks a rule; ``errors`` names each field and rule."""

    status = 422
    code = "invalid"
    title = "The request breaks a rule"


class _Later(Problem):
    """A refusal that says when to come back."""

    default_wait: ClassVar[timedelta] = timedelta(seconds=1)

    def __init__(
        self,
        detail: str | None = None,
        *,
        retry_after: timedelta | None = None,
        code: str | None = None,
    ) -> None:
        wait = self.default_wait if retry_after is None else retry_after
        seconds = max(1, ceil(wait.total_seconds()))
        super().__init__(detail, code=code, headers={"Retry-After": str(seconds)})


class TooManyRequests(_Later):
    """The caller exceeds its rate."""

    status = 429
    code = "too_many_requests"
    title = "Too many requests"


class Unavailable(_Later):
    """Something this depends on is away; nothing was lost and a retry is right."""

    default_wait = timedelta(seconds=5)
    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"


class SecretUnreadable(Problem):
    """A stored secret cannot be decrypted here: wrong key, wrong place, or changed bytes."""

    code = "secret_unreadable"
    title = "A stored secret cannot be read"
