"""Problems on the wire: every refusal is ``application/problem+json`` (RFC 9457), once, here.

Nothing the caller sent is repeated in an answer. That is for safety and for robustness: what cannot
be written as JSON (NaN, a lone surrogate) can then never turn a 422 into a 500.
"""

import errno
import re
import socket
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import sqlalchemy.exc
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import (
    FieldError,
    Invalid,
    MalformedJson,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    RequestTimeout,
    TooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from shared.observability import metrics
from shared.observability.http import allowed_methods, request_id_of

__all__ = [
    "UnhandledMiddleware",
    "install_problem_handlers",
    "problem_of",
    "problem_response",
]

_MEDIA_TYPE = "application/problem+json"
_MOST_ERRORS = 50
_MOST_TEXTS = 2000
#: Those that list what may be given instead are the longest.
_LONGEST_RULE = 1000
#: Rules whose words list what may be given: made of the rule alone, whatever was sent.
_LISTS = frozenset({"enum", "literal_error"})
#: How the validator writes a literal that is a member of an enumeration: callers know its value.
_MEMBER = re.compile(r"<\w+\.\w+: ('[^']*')>", re.ASCII)
_FIELDS_NAMED = re.compile("`([a-z_]{1,64})`", re.ASCII)
_OF_STATUS: dict[int, type[Problem]] = {
    400: MalformedRequest,
    404: NotFound,
    405: MethodNotAllowed,
    408: RequestTimeout,
    413: TooLarge,
    415: UnsupportedMediaType,
    422: Invalid,
}
# SQLSTATE classes and codes after which the same request may well succeed.
# Connection, login, resources, operator intervention: the one to mend them is not the caller.
_PASSING_CLASSES = frozenset({"08", "28", "53", "57"})
_PASSING_CODES = frozenset({"40001", "40P01", "55P03", "25006"})  # conflicts, locks, a stand-by

_log = structlog.get_logger(__name__)


def install_problem_handlers(app: FastAPI) -> None:
    """Render every exception an endpoint can raise as a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            raise error
        if problem.status == MethodNotAllowed.status:
            problem.headers["Allow"] = ", ".join(allowed_methods(request))
        return problem_response(problem, request.scope)

    for kind in (
        Problem,
        RequestValidationError,
        HTTPException,
        sqlalchemy.exc.DBAPIError,
        sqlalchemy.exc.TimeoutError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
    ):
        app.add_exception_handler(kind, handle)


def problem_response(problem: Problem, scope: Scope) -> Response:
    """Return the answer that states ``problem``."""
    body: dict[str, Any] = {
        "type": f"urn:earned:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail or problem.title,
        "instance": f"urn:earned:request:{request_id_of(scope)}",
        "code": problem.code,
        "request_id": request_id_of(scope),
    }
    if problem.errors:
        body["errors"] = problem.errors[:_MOST_ERRORS]
    return Response(
        orjson.dumps(body),
        status_code=problem.status,
        headers=problem.headers,
        media_type=_MEDIA_TYPE,
    )


def problem_of(error: BaseException) -> Problem | None:
    """Return the problem an exception stands for, or None if nobody expected it."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _of_validation(error)
        case HTTPException():
            return _of_http(error)
        case sqlalchemy.exc.TimeoutError():
            _log.warning("database.pool_exhausted")
            return Unavailable("Too many requests are under way.", retry_after=timedelta(seconds=2))
        case sqlalchemy.exc.DBAPIError():
            return _of_database(_sqlstate(error.orig), error)
        case asyncpg.PostgresError():
            metrics.count_database_error(error.sqlstate)
            return _of_database(error.sqlstate, error)
        case asyncpg.InterfaceError():
            # Raised by the driver itself when the connection under it has gone.
            metrics.count_database_error("08")
            return _unavailable(error)
        # The last is a Unix socket that is not there, its server down: a missing file has a name.
        case (
            ConnectionError()
            | TimeoutError()
            | socket.gaierror()
            | FileNotFoundError(filename=None)
        ):
            return _unavailable(error)
        case OSError() if error.errno in {
            errno.ENOSPC,
            errno.EDQUOT,
            errno.EMFILE,
            errno.ENFILE,
        }:
            return _unavailable(error)
    return None


def _of_http(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):
        # FastAPI turns whatever reading a body raises into its own 400.
        return error.__cause__
    kind = _OF_STATUS.get(error.status_code)
    headers = dict(error.headers or {})
    if kind is None:
        return Problem(status=error.status_code, code="http_error", title="Refused")
    problem = kind()
    problem.headers.update(headers)
    return problem


def _of_validation(error: RequestValidationError) -> Problem:
    """Say which fields break which rules. Messages are the rule's words, never the input's."""
    if isinstance(error.body, bytes):
        # FastAPI leaves a body as it came unless it is sent as JSON: no field of it was looked at.
        return UnsupportedMediaType("Send the body as application/json.")
    errors: Sequence[Any] = error.errors()
    if any(error["type"] == "json_invalid" for error in errors):
        return MalformedJson()
    return Invalid(
        "One or more fields break a rule.",
        errors=[
            FieldError(
                field=_field(error),
                rule=str(error["type"])[:64],
                message=_message(error),
            )
            for error in errors[:_MOST_ERRORS]
        ],
    )


def _field(error: dict[str, Any]) -> str:
    """Spell a location: ``body.items.3.amount``. Names the caller invented are not repeated."""
    parts = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        parts[-1] = "?"
    return ".".join(part if _is_name(part) else "?" for part in parts)[:200]


def _is_name(part: str) -> bool:
    letters = part.replace("_", "").replace("-", "").replace(".", "")
    return len(part) <= 64 and part.isascii() and letters.isalnum()


def _message(error: dict[str, Any]) -> str:
    """Return the rule in words: the validator's, unless they quote what the caller sent."""
    text = _MEMBER.sub(r"\1", str(error["msg"]).removeprefix("Value error, "))
    is_plain = text.isprintable() and len(text) <= _LONGEST_RULE
    # What was sent may well be a part of what could have been: "media" of "media_value".
    if not is_plain or (error["type"] not in _LISTS and _quotes(text, error.get("input"))):
        return "The value breaks a rule of this field."
    return text


def _quotes(message: str, sent: object) -> bool:
    """Tell whether a message repeats any text of ``sent``; if that is too much to tell, say so.

    A rule about several fields names them, in backticks: that a field of this name was sent makes
    the name no quotation.
    """
    waiting = [sent]
    for _ in range(_MOST_TEXTS):
        if not waiting:
            return False
        item = waiting.pop()
        if isinstance(item, dict):
            named = _FIELDS_NAMED.findall(message)
            waiting.extend([*(key for key in item if key not in named), *item.values()])
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif isinstance(item, str | bytes) and item:
            text = item if isinstance(item, str) else item.decode("utf-8", "replace")
            if text in message or repr(text)[1:-1] in message:
                return True
    return True


def _sqlstate(driver_error: BaseException | None) -> str | None:
    state = getattr(driver_error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _of_database(sqlstate: str | None, error: BaseException) -> Problem | None:
    if sqlstate is None:
        is_passing = isinstance(
            error, sqlalchemy.exc.InterfaceError | sqlalchemy.exc.OperationalError
        ) or bool(getattr(error, "connection_invalidated", False))
    else:
        is_passing = sqlstate[:2] in _PASSING_CLASSES or sqlstate in _PASSING_CODES
    return _unavailable(error, sqlstate) if is_passing else None


def _unavailable(error: BaseException, sqlstate: str | None = None) -> Problem:
    _log.warning("dependency.unavailable", error=type(error).__name__, sqlstate=sqlstate)
    return Unavailable("Nothing was lost; please try again.")


class UnhandledMiddleware:
    """Answer what nobody expected with a generic 500, log it, count it."""

    def __init__(self, app: ASGIApp, *, component: str) -> None:
        self._app = app
        self._component = component

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_started = False

        async def send_noting(message: Message) -> None:
            nonlocal has_started
            has_started = has_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except ClientDisconnect:
            _log.info("http.client_gone")
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                metrics.UNHANDLED_EXCEPTIONS.labels(self._component).inc()
                _log.exception("http.unhandled")
                problem = Problem()
            if has_started:
                raise  # half an answer cannot become another one; the connection is closed
            await problem_response(problem, scope)(scope, receive, send)
