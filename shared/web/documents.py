"""What OpenAPI documents say of refusals: the same in the documents of all HTTP processes."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CONFLICT", "EVERYWHERE", "PROBLEM_SCHEMAS", "WITH_BODY", "document_problems"]

_STRING: Final = {"type": "string"}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": _STRING
        | {"description": "Names the problem.", "examples": ["urn:earned:problem:not_found"]},
        "title": _STRING | {"description": "The problem in words.", "examples": ["Not found"]},
        "status": {"type": "integer", "description": "HTTP status.", "examples": [404]},
        "detail": _STRING | {"description": "What to do about it.", "examples": ["Not found"]},
        "instance": _STRING
        | {"description": "This occurrence.", "examples": ["urn:earned:request:0197c1a4"]},
        "code": _STRING | {"description": "Stable name.", "examples": ["not_found"]},
        "request_id": _STRING
        | {"description": "As in X-Request-ID; tell it to support.", "examples": ["0197c1a4"]},
        "errors": {
            "type": "array",
            "description": "The fields at fault.",
            "items": {"$ref": "#/components/schemas/FieldError"},
        },
    },
}
_FIELD_ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What is wrong with one field.",
    "required": ["field", "rule", "message"],
    "properties": {
        "field": _STRING | {"description": "Where it is.", "examples": ["facts.3.amount"]},
        "rule": _STRING | {"description": "The rule it breaks.", "examples": ["value_error"]},
        "message": _STRING | {"description": "The rule in words.", "examples": ["too long"]},
    },
}
#: Of every operation, by status.
EVERYWHERE: Final[Mapping[int, str]] = {
    400: "The request cannot be read.",
    401: "No valid API key.",
    403: "The key lacks the scope.",
    422: "A parameter or field breaks a rule.",
    500: "Something went wrong on our side.",
    503: "Temporarily unavailable; try again after Retry-After.",
}
#: Of operations that take a body.
WITH_BODY: Final[Mapping[int, str]] = {
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    415: "Not a media type that is read here.",
}
#: Of operations whose request may be at odds with what is there.
CONFLICT: Final[Mapping[int, str]] = {409: "At odds with what is already there."}
#: The schemas that refusals refer to, by name.
PROBLEM_SCHEMAS: Final[Mapping[str, Any]] = {"Problem": _PROBLEM, "FieldError": _FIELD_ERROR}
_HEADERS: Final[Mapping[int, Mapping[str, Any]]] = {
    401: {"WWW-Authenticate": {"description": "How to send a key.", "schema": _STRING}},
    503: {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}}},
}


def document_problems(operation: dict[str, Any], statuses: Mapping[int, str]) -> None:
    """Write into an operation what it refuses with; an answer that stands there is replaced."""
    for status, description in sorted(statuses.items()):
        answer: dict[str, Any] = {
            "description": description,
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        if status in _HEADERS:
            answer["headers"] = dict(_HEADERS[status])
        operation["responses"][str(status)] = answer
