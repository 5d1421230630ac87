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
from cli.tenant import AmbiguousOrganizationError, UnknownKeyError, UnknownOrganizationError
from services.metrics.rebuild import PeriodsPublished, RebuildAborted, RebuildUnderWay
from shared.errors import Problem
from shared.orgs import InvalidOrg
from shared.security.keyring import KeyRingError

__all__ = ["KNOWN", "sentence"]

# Statements that go to the driver itself raise what the driver does.
_OF_DRIVER = (asyncpg.PostgresError, asyncpg.InterfaceError)
KNOWN = (
    *_OF_DRIVER,
    AmbiguousOrganizationError,
    DBAPIError,
    EmbeddedServerError,
    InvalidOrg,
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
    UnknownKeyError,
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
            return _refusal(error.orig)
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return _refusal(error)
        case Problem():
            return str(error.detail or error.title)
        # A missing file has a name, a Unix socket that is not there has none.
        case FileNotFoundError(filename=None):
            return "the database's socket is not there: its server does not run"
    return str(error)


def _refusal(error: BaseException | None) -> str:
    # The detail may hold the row that was refused, and that a key.
    message, _, _ = str(error).partition("\nDETAIL:")
    return f"the database refuses: {message}"


def _variable(location: tuple[int | str, ...]) -> str:
    return "EARNED_" + "_".join(str(part) for part in location).upper()
