"""How each vendor words a failure: one error body per vendor, rendered in one place."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["VendorError", "error_body", "rate_limit_body", "render_vendor_error"]


class VendorError(Exception):
    """An answer other than success, in the vendor's own words."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = dict(body)
        self.headers = dict(headers or {})


async def render_vendor_error(request: Request, error: Exception) -> Response:
    """Render a :class:`VendorError`; registered as an exception handler of each vendor's app."""
    assert isinstance(error, VendorError)
    return JSONResponse(error.body, status_code=error.status, headers=error.headers)


def error_body(vendor: str, *, status: int, message: str, code: str) -> dict[str, Any]:
    """Return the error body of a vendor. ``code`` is its category, code or canonical status."""
    match vendor:
        case "hubspot":
            return {
                "status": "error",
                "message": message,
                "correlationId": str(uuid4()),
                "category": code,
            }
        case "linkedin":
            return {"status": status, "code": code, "message": message}
        case _:
            return {"error": {"code": status, "message": message, "status": code}}


def rate_limit_body(vendor: str, policy: str) -> dict[str, Any]:
    """Return the body of a 429. ``policy`` is HubSpot's (``SECONDLY``, ``DAILY``, …)."""
    match vendor:
        case "hubspot":
            return {
                "status": "error",
                "message": f"You have reached your {policy.lower()} limit.",
                "errorType": "RATE_LIMIT",
                "correlationId": str(uuid4()),
                "policyName": policy,
            }
        case "linkedin":
            throttled = "Resource level throttle APPLICATION DAY limit for calls to this resource"
            return {
                "serviceErrorCode": 101,
                "code": "TOO_MANY_REQUESTS",
                "message": f"{throttled} is reached.",
                "status": 429,
            }
        case _:
            return error_body(
                vendor,
                status=429,
                message="Exhausted property tokens per hour. These quota tokens will return in "
                "under an hour. To learn more, see the quotas documentation.",
                code="RESOURCE_EXHAUSTED",
            )
