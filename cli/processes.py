"""The composition root: which parts each process is made of."""

from uuid import UUID

import asyncpg

from shared.connections import ConnectionChange, NewConnection
from shared.security.keyring import KeyRing

__all__ = ["Vendors", "serve_api", "serve_collector", "work_collector", "work_metrics"]


class Vendors:
    """The collector's vendors, as the API is given them: services do not know each other."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def create(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        ring: KeyRing,
        org_id: UUID,
        new: NewConnection,
    ) -> UUID:
        from services.collector.connections import create_connection

        return await create_connection(
            connection, ring, org_id, new, allow_private=self._allow_private
        )

    async def update(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        ring: KeyRing,
        org_id: UUID,
        connection_id: UUID,
        change: ConnectionChange,
    ) -> None:
        from services.collector.connections import update_connection

        await update_connection(
            connection, ring, org_id, connection_id, change, allow_private=self._allow_private
        )


def serve_api() -> None:
    """Serve the API."""
    from services.api.app import create_app
    from shared.settings import ApiSettings
    from shared.web.process import serve

    settings = ApiSettings.from_environment()
    vendors = Vendors(allow_private=settings.allow_private_vendors)
    serve(create_app(settings, vendors=vendors), settings, component="api")


def serve_collector() -> None:
    """Serve webhooks, tracked links and imports."""
    from services.collector.app import create_app
    from shared.settings import CollectorSettings
    from shared.web.process import serve

    settings = CollectorSettings.from_environment()
    serve(create_app(settings), settings, component="collector")


def work_collector() -> None:
    """Poll vendors and work off the inbox."""
    from services.collector.worker import main
    from shared.settings import CollectorWorkerSettings

    main(CollectorWorkerSettings.from_environment())


def work_metrics() -> None:
    """Fold the ledger into rollups."""
    from services.metrics.worker import main
    from shared.settings import MetricsWorkerSettings

    main(MetricsWorkerSettings.from_environment())
