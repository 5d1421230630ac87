"""What a process opens at start and its endpoints use: kept in the lifespan state."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from shared.db import Database
from shared.queue import Queue
from shared.security.keyring import KeyRing

__all__ = ["Resources", "database", "queue", "resources"]


@dataclass(frozen=True, slots=True)
class Resources:
    """Everything opened at start and closed at the end, by the application's lifespan."""

    database: Database
    queue: Queue
    keyring: KeyRing


def resources(request: HTTPConnection) -> Resources:
    """Return the process's resources."""
    found = request.state.resources
    assert isinstance(found, Resources)
    return found


def database(request: HTTPConnection) -> Database:
    """Return the process's database; also usable as a dependency."""
    return resources(request).database


def queue(request: HTTPConnection) -> Queue:
    """Return the process's queue; also usable as a dependency."""
    return resources(request).queue
