"""The collector's HTTP side: webhooks, tracked links and imports."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.collector.imports.endpoints import LARGEST_FILE
from services.collector.imports.endpoints import router as imports_router
from services.collector.links import LinkService, redirect_route
from services.collector.openapi import DESCRIPTION, install_openapi
from services.collector.series import initialize_series
from services.collector.webhooks import LARGEST_DELIVERY, WebhookService, webhook_route
from shared.settings import CollectorSettings
from shared.web.app import create_base_app
from shared.web.parameters import declared_parameters
from shared.web.state import Resources

__all__ = ["create_app"]


def create_app(settings: CollectorSettings) -> FastAPI:
    """Return the application of the ``collector`` process."""
    app = create_base_app(
        "Earned collector",
        settings,
        component="collector",
        description=DESCRIPTION,
        lifespan=_services(settings),
        body_limits={"/webhooks/": LARGEST_DELIVERY, "/v1/imports/": LARGEST_FILE},
    )
    # Plain routes, without FastAPI's machinery: these two are called more than all the rest.
    app.router.routes += [webhook_route, redirect_route]
    app.include_router(imports_router)
    install_openapi(app)
    app.state.declared_parameters = declared_parameters(app)
    return app


def _services(
    settings: CollectorSettings,
) -> Callable[[Resources], AbstractAsyncContextManager[Mapping[str, Any]]]:
    @asynccontextmanager
    async def opened(resources: Resources) -> AsyncIterator[Mapping[str, Any]]:
        initialize_series()
        links = LinkService(resources.database, resources.queue)
        webhooks = WebhookService(resources, public_url=settings.public_url)
        try:
            yield {"links": links, "webhooks": webhooks}
        finally:
            await webhooks.close()
            await links.close()

    return opened
