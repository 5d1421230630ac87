"""The errors a person can do something about, and how they are said."""

import asyncpg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from cli.client import RefusedError, UnreachableError
from cli.embedded.errors import EmbeddedServerError
from cli.golden import NotSettledError
from cli.ports import PortTakenError
from cli.running import NothingRunsError
from cli.supervisor import NotReadyError
from cli.tenant import AmbiguousOrganizationError, UnknownOrganizationError
from services.metrics.rebuild import PeriodsPublished, RebuildAborted, RebuildUnderWay
from shared.errors import Problem
from shared.security.keyring import KeyRingError

__all__ = ["KNOWN", "sentence"]

# Statements that go to the driver itself raise what the driver does.
_OF_DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError)
KNOWN = (
    *_OF_DRIVER,
    AmbiguousOrganizationError,
    DBAPIError,
    EmbeddedServerError,
    KeyRingError,
    NotReadyError,
    NotSettledError,
    NothingRunsError,
    OSError,
    PeriodsPublished,
    PortTakenError,
    Problem,
    RebuildAborted,
    RebuildUnderWay,
    RefusedError,
    UnknownOrganizationError,
    UnreachableError,
    ValidationError,
)


def sentence(error: BaseException) -> str:
    """Return the error as a sentence, without anything that could be a secret."""
    match error:
        case ValidationError():
            return "settings: " + "; ".join(
                f"{_variable(fault['loc'])}: {fault['msg']}"
                for fault in error.errors(include_input=False, include_url=False)
            )
        case DBAPIError():
            return f"the database refuses: {error.orig}"
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return f"the database refuses: {error}"
        case Problem():
            return str(error.detail or error.title)
    return str(error)


def _variable(location: tuple[int | str, ...]) -> str:
    return "EARNED_" + "_".join(str(part) for part in location).upper()
