"""Bring a database to the newest schema."""

from pathlib import Path
from typing import Final

__all__ = ["head_revision", "migrate"]

_LOCATION: Final = Path(__file__).parent


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade the database at ``database_url`` (as its owner); safe to run again, or twice at once.

    One whose schema is newer than this code is left as it is: revisions are numbered, and what a
    newer one has added serves older code too.

    Must be called where no event loop runs: Alembic drives its own.
    """
    # Here: every process asks for the head revision, few migrate, and Alembic loads slowly.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_LOCATION))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    command.upgrade(config, revision)


def head_revision() -> str:
    """Return the revision the code expects; readiness compares it with the database's.

    Revisions are numbered in one line, and their files are named after them.
    """
    files = (_LOCATION / "versions").glob("[0-9]*_*.py")
    return max(file.name.partition("_")[0] for file in files)
