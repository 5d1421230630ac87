"""The application factory: everything an HTTP process of the product has in common."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from shared.db import Database
from shared.observability import metrics
from shared.observability.health import Health
from shared.observability.http import (
    ObservedMiddleware,
    RequestIdMiddleware,
    RouteTemplates,
)
from shared.observability.runtime import observe_process
from shared.queue import Queue
from shared.settings import HttpSettings
from shared.version import product_version
from shared.web.head import HeadMiddleware
from shared.web.limits import BodyLimitMiddleware, SecurityHeadersMiddleware
from shared.web.origins import OriginsMiddleware
from shared.web.probes import probe_routes
from shared.web.problems import UnhandledMiddleware, install_problem_handlers
from shared.web.state import Resources

__all__ = ["Lifespan", "create_base_app"]

#: Opens what one application needs beyond the common resources; what it yields joins the state.
Lifespan = Callable[[Resources], AbstractAsyncContextManager[Mapping[str, Any]]]

_KIB: Final = 1024


def create_base_app(
    title: str,
    settings: HttpSettings,
    *,
    component: metrics.Component,
    description: str = "",
    lifespan: Lifespan | None = None,
    body_limit: int = 256 * _KIB,
    body_limits: Mapping[str, int] | None = None,
    body_patience: timedelta = timedelta(seconds=10),
    publishes_docs: bool = True,
) -> FastAPI:
    """Return an application with resources, probes, problems, limits, logs and metrics in place.

    Include routers before it starts. Endpoints find ``resources(request)`` (database, queue, keys)
    and whatever ``lifespan`` yields on ``request.state``.

    Args:
        component: names the process in metrics and logs, and decides which metrics it exposes.
        body_limit: largest body in bytes; ``body_limits`` overrides it by path prefix.
        publishes_docs: whether ``/docs`` and ``/openapi.json`` are served.
    """
    database = Database(
        settings.database_url.get_secret_value(),
        application_name=f"earned-{component}",
        pool_size=settings.database_pool_size,
        max_overflow=settings.database_pool_overflow,
    )
    health = Health()
    app = FastAPI(
        title=title,
        version=product_version(),
        description=description,
        lifespan=_lifespan(settings, database, component, lifespan),
        generate_unique_id_function=_operation_id,
        docs_url="/docs" if publishes_docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if publishes_docs else None,
        redirect_slashes=False,
        routes=list[BaseRoute](probe_routes(health, database)),
        middleware=[
            Middleware(RequestIdMiddleware),
            Middleware(SecurityHeadersMiddleware),
            Middleware(ObservedMiddleware),
            *_cross_origin(settings),
            Middleware(UnhandledMiddleware, component=component),
            Middleware(HeadMiddleware),
            Middleware(
                BodyLimitMiddleware,
                limit=body_limit,
                limits=body_limits,
                patience=body_patience,
            ),
        ],
    )
    app.state.health = health
    install_problem_handlers(app)
    return app


def _cross_origin(settings: HttpSettings) -> list[Middleware]:
    """Return what lets front ends of other origins in: nothing unless some are named.

    It stands outside of whatever answers: a front end reads a refusal as it reads an answer.
    """
    if not settings.allowed_origins:
        return []
    return [Middleware(OriginsMiddleware, origins=settings.allowed_origins)]


def _lifespan(
    settings: HttpSettings,
    database: Database,
    component: metrics.Component,
    extra: Lifespan | None,
) -> Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        metrics.expose(component, version=app.version, revision=settings.revision)
        # Here, and not when the application is made: routers have been included by now.
        app.state.route_templates = RouteTemplates(app)
        queue = Queue.connect(settings.redis_url.get_secret_value())
        resources = Resources(database=database, queue=queue, keyring=settings.keyring())
        try:
            async with observe_process(database, queue.ping):
                if extra is None:
                    yield {"resources": resources}
                else:
                    async with extra(resources) as state:
                        yield {**state, "resources": resources}
        finally:
            app.state.health.drain()
            await queue.close()
            await database.close()

    return run


def _operation_id(route: APIRoute) -> str:
    """Name operations ``tag_verb_noun``: generated clients get readable methods."""
    tag = str(route.tags[0]).replace("-", "_") if route.tags else ""
    return f"{tag}_{route.name}" if tag else route.name
