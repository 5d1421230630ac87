"""The OpenAPI document: what a partner's generated client is made from."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.facts.documents import fact_batch_schemas, portable
from shared.web.documents import (
    CONFLICT,
    EVERYWHERE,
    PROBLEM_SCHEMAS,
    WITH_BODY,
    document_problems,
)

__all__ = ["DESCRIPTION", "install_openapi"]

DESCRIPTION: Final = """\
What employee advocacy earns, and the proof of it.

**Reading figures.** Days are the organization's own; ranges are half-open, `[from, to)`. Decimals
are strings. A null is never a zero: `null_reason` says what is missing. Every answer says until
when it is complete (`complete_until`), and every figure can be explained down to its facts.

**Time.** Nothing is overwritten: `as_of` asks for a figure as it was known at the end of a past
day. A published period is frozen: its figures stay as published, and `live=true` shows what they
would be now. Every answer says as of when it is. The pages of an explanation all tell of the moment
of its first one, whatever arrives meanwhile.

**Keys.** Send an API key as a bearer token, or in `X-API-Key`. Each operation names the scope it
needs. What belongs to another organization is answered exactly like what does not exist.

**Errors** are `application/problem+json` (RFC 9457): a stable `code`, and `errors` with the field
and the rule it breaks.
"""

_TAGS: Final = (
    ("kpis", "The catalogue of KPIs, their values over time, and what they are made of."),
    ("roi", "Return on investment: one model, all models, and the events behind them."),
    ("leaderboard", "Employees by what they did; people are opaque references."),
    ("goals", "SMART goals: stated by versions, with progress, pace and forecast."),
    ("restatements", "How figures moved after they were first known, and by which facts."),
    ("publications", "Periods whose figures are frozen, by whom and why."),
    ("facts", "The ledger: post what happened, withdraw it, read it by position."),
    ("people", "How facts refer to people outside the company."),
    ("connections", "Connectors: configured, watched, paused."),
    ("deliveries", "What arrived and could not be read yet."),
    ("links", "Tracked links with UTM parameters."),
    ("assumptions", "The rates behind the figures, dated and versioned."),
    ("organization", "Whose data these are, and how healthy."),
    ("keys", "API keys and their scopes."),
)
_WITH_NAME: Final = {404: "There is no such thing, or it is another organization's."}
#: What these do may be at odds with what is there already.
_WITH_STATE: Final = frozenset(
    {
        "connections_create_connection",
        "connections_start_sync",
        "deliveries_start_replay",
        "facts_append_facts",
        "facts_retract_facts",
        "goals_update_goal",
        "publications_publish_period",
        "publications_withdraw_publication",
    }
)
_REF: Final = "#/components/schemas/{model}"


def install_openapi(app: FastAPI) -> None:
    """Make ``app.openapi()`` return the document, built once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the hook that FastAPI documents


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary="What employee advocacy earns.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS],
        servers=[{"url": "/", "description": "This server."}],
    )
    schemas = document["components"]["schemas"]
    schemas |= {**PROBLEM_SCHEMAS, **fact_batch_schemas(_REF)}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _without_null(parameter["schema"])
            _document_problems(path, operation)
    whole: dict[str, Any] = portable(document)
    return whole


def _document_problems(path: str, operation: dict[str, Any]) -> None:
    statuses = dict(EVERYWHERE)
    if "{" in path or _asks_for_kpi(operation):
        statuses |= _WITH_NAME
    if "requestBody" in operation:
        statuses |= WITH_BODY
    if operation["operationId"] in _WITH_STATE:
        statuses |= CONFLICT
    elif _parameters(operation) >= {"as_of", "live", "cursor"}:
        statuses |= {409: "Computed anew since the list was begun: begin it again."}
    document_problems(operation, statuses)


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: one that may be left out is no null, which none can be."""
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    said = {name: part for name, part in schema.items() if name != "anyOf"}
    if len(options) > 1:
        return {**said, "anyOf": options}
    return {**said, **options[0]} if options else said


def _parameters(operation: Mapping[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation.get("parameters", ())}


def _asks_for_kpi(operation: Mapping[str, Any]) -> bool:
    """Tell whether a KPI is named in the query: no other parameter has a pattern."""
    schemas = (parameter["schema"] for parameter in operation.get("parameters", ()))
    return any("pattern" in schema.get("items", schema) for schema in schemas)
