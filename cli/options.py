"""What several commands take, and how all of them end when something is wrong."""

from collections.abc import Iterator
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
    "RedisUrl",
    "SecretKey",
    "told",
]

DATA_DIR = Path(".earned")
#: The demo's quarter. Days, which typer takes as instants without a zone.
FIRST_DAY, END_DAY = datetime(2025, 1, 1), datetime(2025, 4, 1)  # noqa: DTZ001

DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Keeps the database, the logs and the keys.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="EARNED_DATABASE_URL",
        help="postgresql://…; the installation's own if none.",
    ),
]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        envvar="EARNED_REDIS_URL",
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
