"""The API: REST for front ends and partner systems. It computes nothing."""

from typing import Final

from fastapi import FastAPI

from services.api.assumptions.endpoints import router as assumptions
from services.api.connections.endpoints import router as connections
from services.api.deliveries.endpoints import router as deliveries
from services.api.facts.endpoints import LARGEST_BATCH
from services.api.facts.endpoints import router as facts
from services.api.goals.endpoints import router as goals
from services.api.keys.endpoints import router as keys
from services.api.kpis.endpoints import router as kpis
from services.api.leaderboard.endpoints import router as leaderboard
from services.api.links.endpoints import router as links
from services.api.openapi import DESCRIPTION, install_openapi
from services.api.organization.endpoints import router as organization
from services.api.people.endpoints import router as people
from services.api.publications.endpoints import router as publications
from services.api.restatements.endpoints import router as restatements
from services.api.roi.endpoints import router as roi
from shared.connections import VendorRegistry
from shared.settings import ApiSettings
from shared.web.app import create_base_app
from shared.web.parameters import declared_parameters

__all__ = ["create_app"]

_ROUTERS: Final = (
    kpis,
    roi,
    leaderboard,
    goals,
    publications,
    restatements,
    facts,
    people,
    connections,
    deliveries,
    links,
    assumptions,
    organization,
    keys,
)


def create_app(settings: ApiSettings, *, vendors: VendorRegistry | None = None) -> FastAPI:
    """Return the API.

    Args:
        vendors: checks and stores connections. The collector owns the vendors' declarations, and
            services do not know each other, so whoever composes the process hands it in. Without
            it, connections can be seen, paused and synced; making and changing one answers 503.
    """
    app = create_base_app(
        "Earned",
        settings,
        component="api",
        description=DESCRIPTION,
        body_limits={"/v1/facts": LARGEST_BATCH},
    )
    app.state.vendors = vendors
    app.state.public_url = settings.public_url
    for router in _ROUTERS:
        app.include_router(router)
    install_openapi(app)
    app.state.declared_parameters = declared_parameters(app)
    return app
