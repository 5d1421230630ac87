"""Query parameters: those an operation declares, each once unless it is a list, and no others.

A parameter that is not there is a mistake of the caller: read as if it had not been said, it would
change what the request does.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import iter_route_contexts

from shared.errors import FieldError, Invalid
from shared.security.keys import Scope
from shared.web.auth import Caller, require

__all__ = ["DeclaredParameters", "authorized", "declared_parameters"]

#: operationId → query parameter → whether it may be repeated.
DeclaredParameters = Mapping[str, Mapping[str, bool]]


def authorized(scope: Scope) -> Callable[..., Awaitable[Caller]]:
    """Return a dependency that yields the caller, for operations that open no transaction yet.

    Raises (when the request is handled):
        Unauthenticated: no valid key.
        InsufficientScope: a valid key without ``scope``.
        Invalid: a query parameter is unknown, repeated where one value is expected, or no text that
            could be stored anywhere; or the path is not.
    """

    async def caller_of(
        request: Request, caller: Annotated[Caller, Depends(require(scope))]
    ) -> Caller:
        _refuse_unusable_parameters(request)
        return caller

    return caller_of


def declared_parameters(app: FastAPI) -> DeclaredParameters:
    """Return the query parameters of every operation, as its OpenAPI document declares them.

    Read from the routes: the document itself, with every schema, takes most of a second to write,
    and a process that starts has no use for it yet.
    """
    return {
        context.unique_id: _query_parameters(context.dependant)
        for context in iter_route_contexts(app.routes)
        if hasattr(context, "dependant")
    }


def _query_parameters(dependant: Dependant) -> dict[str, bool]:
    """Return what an endpoint and its dependencies read from the query, by name."""
    read = [field for one in _with_dependencies(dependant) for field in one.query_params]
    # FastAPI knows how to take a model of parameters apart.
    flat = get_flat_params(Dependant(query_params=read))
    return {field.alias: _is_list(field.field_info.annotation) for field in flat}


def _with_dependencies(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _with_dependencies(one)


def _is_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_is_list(option) for option in get_args(annotation))
    return origin in (list, tuple, set, frozenset)


def _refuse_unusable_parameters(request: Request) -> None:
    declared: DeclaredParameters = request.app.state.declared_parameters
    known = declared[request.scope["route"].operation_id]
    query = request.query_params
    errors = []
    # Names the caller made up are not repeated in the answer: only how many there are.
    if unknown := sum(name not in known for name in query):
        message = f"{unknown} query parameter(s) do not exist here."
        errors.append(FieldError(field="query", rule="extra_forbidden", message=message))
    errors += [
        FieldError(field=f"query.{name}", rule="repeated", message="Give this parameter once.")
        for name, is_list in known.items()
        if not is_list and len(query.getlist(name)) > 1
    ]
    given = [("query", *pair) for pair in query.multi_items()]
    given += [("path", name, str(value)) for name, value in request.path_params.items()]
    # PostgreSQL has no text with this character, and fails at it.
    errors += [
        FieldError(field=f"{place}.{name}", rule="invalid_text", message="NUL is not a character.")
        for place, name, value in given
        if "\x00" in value and (place == "path" or name in known)
    ]
    if errors:
        raise Invalid("One or more parameters cannot be used.", errors=errors)
