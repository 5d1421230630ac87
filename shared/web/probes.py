"""``/livez``, ``/readyz`` and ``/metrics``: the same three on every process."""

import asyncio
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.db import Database
from shared.migrations.runner import head_revision
from shared.observability.health import Health

__all__ = ["probe_routes"]

_PATIENCE_SECONDS: Final = 2.0

_log = structlog.get_logger(__name__)


def probe_routes(health: Health, database: Database) -> list[Route]:
    """Return the routes. They need no key and tell nothing about anyone's data."""
    expected = head_revision()

    async def livez(_: Request) -> Response:
        """Say "do not restart me": this process alone counts, never what it depends on."""
        return _status("ok" if health.is_alive else "stalled", is_ok=health.is_alive)

    async def readyz(_: Request) -> Response:
        """Say "send me work": not while ending, without a database, or on an older schema."""
        if health.is_draining:
            return _status("draining", is_ok=False)
        reason = await _why_not_ready(database, expected)
        return _status(reason or "ok", is_ok=reason is None)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/livez", livez, include_in_schema=False),
        Route("/readyz", readyz, include_in_schema=False),
        Route("/metrics", metrics, include_in_schema=False),
    ]


def _status(status: str, *, is_ok: bool) -> Response:
    return JSONResponse({"status": status}, status_code=200 if is_ok else 503)


async def _why_not_ready(database: Database, expected: str) -> str | None:
    try:
        async with (
            asyncio.timeout(_PATIENCE_SECONDS),
            database.transaction() as connection,
        ):
            revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    except Exception as error:  # whatever it is, the answer is "not ready"
        _log.warning("readyz.database_unavailable", error=type(error).__name__)
        return "database_unavailable"
    # Revisions are numbered. A newer schema serves older code, since migrations add before they
    # remove: otherwise a roll-out would take every old process out before a new one is up.
    return None if revision is not None and revision >= expected else "schema_outdated"
