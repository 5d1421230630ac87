"""The collector's OpenAPI document: files, webhooks and tracked links, with what each refuses."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.web.documents import EVERYWHERE, PROBLEM_SCHEMAS, WITH_BODY, document_problems

__all__ = ["DESCRIPTION", "install_openapi"]

DESCRIPTION: Final = """\
Takes what others send: webhooks of connected vendors, visits of tracked links, and CSV files.

**Keys.** Files need an API key with the scope `imports:write`, as a bearer token or in `X-API-Key`.
Webhooks prove themselves by the vendor's signature, and anybody may follow a link.

**Errors** are `application/problem+json` (RFC 9457): a stable `code`, and `errors` with the place
and the rule it breaks. What is refused has written nothing.
"""

_TAGS: Final = (
    ("imports", "CSV files: all of a file, or nothing."),
    ("webhooks", "Deliveries of connected vendors, kept before they are answered."),
    ("links", "Tracked links: a visit is booked, and goes on to the link's target."),
)
# The two that are called most are plain routes, which FastAPI knows nothing of.
_DELIVERY: Final[dict[str, Any]] = {
    "tags": ["webhooks"],
    "summary": "Receive Delivery",
    "description": (
        "Keep a delivery of a vendor. 202 is sent after it was committed; sent again, it is known"
        " by its identity and counts once."
    ),
    "operationId": "webhooks_receive_delivery",
    "security": [],
    "parameters": [
        {
            "name": "provider",
            "in": "path",
            "required": True,
            "description": "The vendor, as in the connection.",
            "schema": {"type": "string", "examples": ["hubspot"]},
        },
        {
            "name": "connection_id",
            "in": "path",
            "required": True,
            "description": "The connection's id.",
            "schema": {
                "type": "string",
                "format": "uuid",
                "examples": ["0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"],
            },
        },
    ],
    "requestBody": {
        "required": True,
        "description": "As the vendor's contract says: its signature is over these very bytes.",
        "content": {"application/json": {"schema": {}}},
    },
    "responses": {"202": {"description": "Kept, or known already."}},
}
_VISIT: Final[dict[str, Any]] = {
    "tags": ["links"],
    "summary": "Follow Link",
    "description": "Book a visit and send the visitor on. HEAD, too; programs do not count.",
    "operationId": "links_follow_link",
    "security": [],
    "parameters": [
        {
            "name": "code",
            "in": "path",
            "required": True,
            "description": "The link's code.",
            "schema": {"type": "string", "examples": ["8Hc2Lq0ZtXw"]},
        }
    ],
    "responses": {
        "302": {
            "description": "Go on to the target.",
            "headers": {
                "Location": {
                    "description": "The link's target, with its UTM parameters.",
                    "schema": {"type": "string", "format": "uri"},
                }
            },
        }
    },
}
_OF_FILES: Final = {
    **EVERYWHERE,
    **WITH_BODY,
    422: "A parameter, the file, or a row of it breaks a rule.",
}
_OF_DELIVERIES: Final = {
    400: "The signature is right, and this is no JSON document.",
    401: "The signature is missing, wrong, or too old.",
    404: "There is no such connection.",
    **WITH_BODY,
    409: "The delivery's identity was used for something else; it was put aside.",
    500: EVERYWHERE[500],
    503: EVERYWHERE[503],
}
_OF_VISITS: Final = {404: "There is no such link.", 500: EVERYWHERE[500], 503: EVERYWHERE[503]}


def install_openapi(app: FastAPI) -> None:
    """Make ``app.openapi()`` return the document, built once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS],
        servers=[{"url": "/", "description": "This server."}],
    )
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= PROBLEM_SCHEMAS
    for operation in (of for path in document["paths"].values() for of in path.values()):
        document_problems(operation, _OF_FILES)
    for path, method, operation, statuses in (
        ("/webhooks/{provider}/{connection_id}", "post", _DELIVERY, _OF_DELIVERIES),
        ("/l/{code}", "get", _VISIT, _OF_VISITS),
    ):
        written = {**operation, "responses": dict(operation["responses"])}
        document_problems(written, statuses)
        document["paths"][path] = {method: written}
    return document
