"""The HTTP face of the HubSpot look-alike."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from json import JSONDecodeError
from typing import Any
from uuid import uuid4

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.credentials import OAUTH_CLIENTS, TokenBook, TokenRefusedError
from sandbox.errors import VendorError, error_body, render_vendor_error
from sandbox.forms import form_fields
from sandbox.golden.crm import hubspot_time
from sandbox.hubspot.search import search
from sandbox.hubspot.store import (
    DEFAULT_PROPERTIES,
    OBJECT_TYPES,
    CrmStore,
    Record,
    UnknownObjectError,
    render,
)

__all__ = ["create_hubspot"]

LARGEST_PAGE = 100
LARGEST_BATCH = 100
MOST_ASSOCIATED = 1000
ACCESS_TOKEN_SECONDS = 1800
# Association type ids HubSpot defines: deal to contact, contact to deal.
_ASSOCIATION = {("deals", "contacts"): 3, ("contacts", "deals"): 4}
_RATE_HEADERS = {
    "x-hubspot-ratelimit-daily": "250000",
    "x-hubspot-ratelimit-daily-remaining": "249000",
    "x-hubspot-ratelimit-interval-milliseconds": "10000",
    "x-hubspot-ratelimit-max": "110",
    "x-hubspot-ratelimit-remaining": "109",
    "x-hubspot-ratelimit-secondly": "11",
    "x-hubspot-ratelimit-secondly-remaining": "10",
}
_Handler = Callable[[Request], Awaitable[dict[str, Any]]]


def create_hubspot(
    store: CrmStore, tokens: TokenBook, *, clock: Callable[[], datetime]
) -> Starlette:
    """Return the look-alike of ``api.hubapi.com``.

    Objects and pipelines answer under the v3 paths and under their date-versioned successors.
    """
    api = _HubSpot(store, tokens, clock)
    routes = [
        Route(f"/oauth/{version}/token", api.token, methods=["POST"])
        for version in ("2026-03", "v1")
    ]
    for objects in ("/crm/v3/objects/{kind}", "/crm/objects/2026-09/{kind}"):
        routes += [
            Route(objects, api.answer(api.list_objects)),
            Route(f"{objects}/search", api.answer(api.search, is_search=True), methods=["POST"]),
            Route(f"{objects}/batch/read", api.batch_read, methods=["POST"]),
            Route(f"{objects}/{{object_id}}", api.answer(api.one_object)),
        ]
    for pipelines in ("/crm/v3/pipelines/{kind}", "/crm/pipelines/2026-09/{kind}"):
        routes.append(Route(pipelines, api.answer(api.list_pipelines)))
    associations = "/crm/v4/associations/{kind}/{other}/batch/read"
    routes.append(Route(associations, api.batch_associations, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={VendorError: render_vendor_error})


class _HubSpot:
    def __init__(self, store: CrmStore, tokens: TokenBook, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock

    def answer(
        self, handler: _Handler, *, is_search: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        # Search has a limit of its own and says nothing about it in headers.
        headers = {} if is_search else _RATE_HEADERS

        async def endpoint(request: Request) -> Response:
            self._authorize(request)
            return _json(await handler(request), headers=headers)

        return endpoint

    def _authorize(self, request: Request) -> None:
        try:
            self._tokens.holder_of(request.headers.get("authorization", ""))
        except TokenRefusedError as refused:
            if refused.reason == "expired":
                message = "The OAuth token used to make this call expired 3 minute(s) ago."
                raise _problem(401, message, "EXPIRED_AUTHENTICATION") from refused
            message = "Authentication credentials not found or not valid."
            raise _problem(401, message, "INVALID_AUTHENTICATION") from refused

    async def list_objects(self, request: Request) -> dict[str, Any]:
        kind, query = _object_type(request), request.query_params
        limit = _page_size(query.get("limit", "10"))
        records = self._store.records(kind, archived=_archived(request))
        start = _after(query.get("after"), records)
        page = records[start : start + limit]
        answer: dict[str, Any] = {
            "results": [
                render(
                    record,
                    kind,
                    properties=self._selected(kind, query.get("properties")),
                    association=_association(kind, query.get("associations")),
                )
                for record in page
            ]
        }
        if start + limit < len(records):
            after = page[-1].object_id
            link = str(request.url.include_query_params(after=after))
            answer["paging"] = {"next": {"after": after, "link": link}}
        return answer

    async def one_object(self, request: Request) -> dict[str, Any]:
        kind, query = _object_type(request), request.query_params
        try:
            record = self._store.get(
                kind, request.path_params["object_id"], archived=_archived(request)
            )
        except UnknownObjectError as error:
            raise _problem(404, "resource not found", "OBJECT_NOT_FOUND") from error
        return render(
            record,
            kind,
            properties=self._selected(kind, query.get("properties")),
            association=_association(kind, query.get("associations")),
        )

    async def search(self, request: Request) -> dict[str, Any]:
        return search(self._store, _object_type(request), await _body(request))

    async def list_pipelines(self, request: Request) -> dict[str, Any]:
        return {"results": self._store.pipelines if _object_type(request) == "deals" else []}

    async def batch_read(self, request: Request) -> Response:
        self._authorize(request)
        kind, body = _object_type(request), await _body(request)
        wanted = self._selected(kind, ",".join(body.get("properties") or []))
        results, missing = [], []
        for object_id in _inputs(body):
            try:
                record = self._store.get(kind, object_id, archived=_archived(request))
            except UnknownObjectError:
                missing.append(object_id)
            else:
                results.append(render(record, kind, properties=wanted))
        errors = []
        if missing:
            message = "Could not get some objects, they may be deleted or not exist."
            errors = [_batch_error("OBJECT_NOT_FOUND", message, {"ids": missing})]
        return self._batch(results, errors)

    async def batch_associations(self, request: Request) -> Response:
        self._authorize(request)
        kind, other = _object_type(request), OBJECT_TYPES.get(request.path_params["other"], "")
        if (kind, other) not in _ASSOCIATION:
            raise _problem(400, "Unable to infer object type.", "VALIDATION_ERROR")
        results, errors = [], []
        for object_id in _inputs(await _body(request), at_most=MOST_ASSOCIATED):
            record = self._found(kind, object_id)
            if record is None or not record.associated:
                errors.append(_no_association(kind, other, object_id))
            else:
                results.append(_associations_of(record, _ASSOCIATION[kind, other]))
        return self._batch(results, errors)

    def _found(self, kind: str, object_id: str) -> Record | None:
        try:
            return self._store.get(kind, object_id)
        except UnknownObjectError:
            return None

    def _batch(self, results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Response:
        now = hubspot_time(self._clock())
        body: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
        body |= {"startedAt": now, "completedAt": now}
        return _json(body, status=207 if errors else 200, headers=_RATE_HEADERS)

    def _selected(self, kind: str, names: str | None) -> list[str]:
        """Return the properties to show: those asked for that exist, or HubSpot's default few."""
        if not names:
            return list(DEFAULT_PROPERTIES[kind])
        known = self._store.known_properties(kind)
        return [name for name in names.split(",") if name in known]

    async def token(self, request: Request) -> Response:
        form = await form_fields(request)
        client = (form.get("client_id"), form.get("client_secret"))
        if client != OAUTH_CLIENTS["hubspot"]:
            raise _problem(400, "missing or invalid client id or secret", "BAD_CLIENT_ID")
        if form.get("grant_type") != "refresh_token":
            raise _problem(400, "grant type not supported here", "BAD_GRANT_TYPE")
        try:
            access, refresh = self._tokens.refresh(form.get("refresh_token", ""))
        except TokenRefusedError as refused:
            message = "missing or invalid refresh token"
            raise _problem(400, message, "BAD_REFRESH_TOKEN") from refused
        return JSONResponse(
            {
                "token_type": "bearer",
                "access_token": access,
                "refresh_token": refresh,
                "expires_in": ACCESS_TOKEN_SECONDS,
            }
        )


def _object_type(request: Request) -> str:
    named: str = request.path_params["kind"]
    if named not in OBJECT_TYPES:
        message = f"Unable to infer object type from: {named}"
        raise _problem(400, message, "VALIDATION_ERROR")
    return OBJECT_TYPES[named]


def _archived(request: Request) -> bool:
    return request.query_params.get("archived") == "true"


def _association(kind: str, asked: str | None) -> str | None:
    others = {OBJECT_TYPES.get(name, "") for name in (asked or "").split(",")}
    return next((other for other in others if (kind, other) in _ASSOCIATION), None)


def _page_size(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LARGEST_PAGE:
        message = f"limit must be between 1 and {LARGEST_PAGE}."
        raise _problem(400, message, "VALIDATION_ERROR")
    return int(text)


def _after(cursor: str | None, records: list[Record]) -> int:
    if not cursor:
        return 0
    if not cursor.isdecimal():
        raise _problem(400, "The after parameter is not a valid cursor.", "VALIDATION_ERROR")
    return sum(int(record.object_id) <= int(cursor) for record in records)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (JSONDecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, dict):
        raise _problem(400, "Invalid input JSON", "VALIDATION_ERROR")
    return body


def _inputs(body: dict[str, Any], *, at_most: int = LARGEST_BATCH) -> list[str]:
    inputs = body.get("inputs")
    if (
        not isinstance(inputs, list)
        or not 0 < len(inputs) <= at_most
        or not all(isinstance(entry, dict) and "id" in entry for entry in inputs)
    ):
        message = f"inputs must hold 1 to {at_most} ids."
        raise _problem(400, message, "VALIDATION_ERROR")
    return [str(entry["id"]) for entry in inputs]


def _associations_of(record: Record, type_id: int) -> dict[str, Any]:
    kind = {"category": "HUBSPOT_DEFINED", "typeId": type_id, "label": None}
    return {
        "from": {"id": record.object_id},
        "to": [
            {"toObjectId": int(other), "associationTypes": [kind]} for other in record.associated
        ],
    }


def _no_association(kind: str, other: str, object_id: str) -> dict[str, Any]:
    source, target = kind.removesuffix("s"), other.removesuffix("s")
    error = _batch_error(
        "OBJECT_NOT_FOUND",
        f"No {target} is associated with {source} {object_id}.",
        {"fromObjectId": [object_id], "fromObjectType": [source], "toObjectType": [target]},
    )
    return {**error, "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}


def _batch_error(category: str, message: str, context: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "status": "error",
        "category": category,
        "message": message,
        "context": context,
        "errors": [],
        "links": {},
    }


def _json(body: dict[str, Any], *, headers: dict[str, str], status: int = 200) -> Response:
    correlation = {"x-hubspot-correlation-id": str(uuid4())}
    return JSONResponse(body, status_code=status, headers=headers | correlation)


def _problem(status: int, message: str, category: str) -> VendorError:
    body = error_body("hubspot", status=status, message=message, code=category)
    return VendorError(status, body)
