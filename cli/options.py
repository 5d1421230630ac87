"""What several commands take, and how all of them end when something is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DATA_DIR",
    "END_DAY",
    "FIRST_DAY",
    "ApiUrl",
    "CollectorUrl",
    "DataDir",
    "DatabaseUrl",
    "EndDay",
    "FirstDay",
    "Key",
    "Organization",
    "PreviousSecretKeys",
    "RedisUrl",
    "SecretKey",
    "of_redis",
    "told",
]

DATA_DIR = Path(".earned")
#: The demo's quarter. Days, which typer takes as instants without a zone.
FIRST_DAY, END_DAY = datetime(2025, 1, 1), datetime(2025, 4, 1)  # noqa: DTZ001


def _of_postgresql(value: str | None) -> str | None:
    from shared.db.url import sqlalchemy_url

    return _checked(value, sqlalchemy_url)


def of_redis(value: str | None) -> str | None:
    """Return the address of a Redis that was typed; refuse another one."""
    from shared.queue.url import require_redis_url

    return _checked(value, require_redis_url)


def _of_header(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isprintable()):
        raise typer.BadParameter("must be a key as it was shown when it was made")
    return value


def _checked(value: str | None, check: Callable[[str], object]) -> str | None:
    """Return what was typed; of an address, which may hold a password, no refusal repeats any."""
    try:
        if value is not None:
            check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return value


DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Keeps the database, the logs and the keys.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="EARNED_DATABASE_URL",
        callback=_of_postgresql,
        help="postgresql://…; the installation's own if none.",
    ),
]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        envvar="EARNED_REDIS_URL",
        callback=of_redis,
        help="redis://… or unix://…; the installation's own if none.",
    ),
]
SecretKey = Annotated[
    str | None,
    typer.Option(
        "--secret-key",
        envvar="EARNED_SECRET_KEY",
        help="32 bytes in base64; the data directory's unless given.",
        show_default=False,
    ),
]
PreviousSecretKeys = Annotated[
    str | None,
    typer.Option(
        "--previous-secret-keys",
        envvar="EARNED_PREVIOUS_SECRET_KEYS",
        help="The keys of before, with commas between.",
        show_default=False,
    ),
]
ApiUrl = Annotated[
    str | None, typer.Option("--api-url", help="Address of the API; what `earned up` runs if none.")
]
CollectorUrl = Annotated[
    str | None,
    typer.Option(
        "--collector-url", help="Address of the collector; what `earned up` runs if none."
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        envvar="EARNED_API_KEY",
        callback=_of_header,
        help="API key; the demo's if neither a key nor an address is given.",
        show_default=False,
    ),
]
FirstDay = Annotated[
    datetime,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help="First day; of the demo's quarter if none.",
        show_default=f"{FIRST_DAY:%F}",
    ),
]
EndDay = Annotated[
    datetime,
    typer.Option(
        "--to", formats=["%Y-%m-%d"], help="Day after the last.", show_default=f"{END_DAY:%F}"
    ),
]
Organization = Annotated[
    str, typer.Option("--organization", help="Name or id of the organization.")
]


@contextmanager
def told() -> Iterator[None]:
    """End with a sentence for a person instead of a traceback when the situation is a known one."""
    try:
        yield
    except Exception as error:
        from cli.faults import KNOWN, sentence

        if not isinstance(error, KNOWN):
            raise
        typer.echo(f"earned: {sentence(error)}", err=True)
        raise typer.Exit(1) from None
