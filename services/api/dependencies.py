"""What endpoints ask for: an authorized caller, and a transaction inside its organization."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import asyncpg
from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import iter_route_contexts

from shared.connections import VendorRegistry
from shared.db import Database, plan_for_any_organization
from shared.errors import FieldError, Invalid, Unavailable
from shared.orgs import Org
from shared.security.keys import Scope
from shared.web.auth import Caller, require
from shared.web.state import resources

__all__ = [
    "Access",
    "DeclaredParameters",
    "authorized",
    "declared_parameters",
    "reads",
    "vendors",
    "writes",
]

#: operationId → query parameter → whether it may be repeated.
DeclaredParameters = Mapping[str, Mapping[str, bool]]


@dataclass(frozen=True, slots=True)
class Access:
    """A caller inside one open transaction of its organization."""

    caller: Caller
    connection: "asyncpg.Connection[asyncpg.Record]"

    @property
    def org(self) -> Org:
        """Return the organization that is asked about; there is no other way to name one."""
        return self.caller.org


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


def reads(scope: Scope) -> Any:
    """Return a dependency that yields an :class:`Access` to read with.

    One snapshot for the whole answer: parts read one after another fit together, even while the
    fold commits between two statements.
    """

    async def snapshot(
        request: Request, caller: Annotated[Caller, Depends(authorized(scope))]
    ) -> AsyncIterator[Access]:
        database = _reading(resources(request).database)
        async with database.transaction(caller.org.id) as connection:
            await plan_for_any_organization(connection)
            yield Access(caller, connection)

    return Depends(snapshot, scope="function")


def writes(scope: Scope) -> Any:
    """Return a dependency that yields an :class:`Access` to write with.

    Its scope is the function: the commit comes before the answer, so a commit that fails is an
    error and not a promise.
    """

    async def unit_of_work(
        request: Request, caller: Annotated[Caller, Depends(authorized(scope))]
    ) -> AsyncIterator[Access]:
        async with resources(request).database.transaction(caller.org.id) as connection:
            # What is written may take reading: a goal is stated with its forecast.
            await plan_for_any_organization(connection)
            yield Access(caller, connection)

    return Depends(unit_of_work, scope="function")


def vendors(request: Request) -> VendorRegistry:
    """Return what checks and stores connections.

    Raises:
        Unavailable: the process was composed without vendors.
    """
    registry: VendorRegistry | None = request.app.state.vendors
    if registry is None:
        raise Unavailable("Connections cannot be configured here.")
    return registry


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


def _reading(database: Database) -> Database:
    """Return the same pool under REPEATABLE READ; nothing can be written by mistake."""
    reading = copy(database)
    reading.engine = database.engine.execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    return reading
