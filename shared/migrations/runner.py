"""Bring a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

__all__ = ["head_revision", "migrate"]

_LOCATION = Path(__file__).parent


def _config(database_url: str = "") -> Config:
    config = Config()
    config.set_main_option("script_location", str(_LOCATION))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade the database at ``database_url`` (as its owner); safe to run again, or twice at once.

    Must be called where no event loop runs: Alembic drives its own.
    """
    command.upgrade(_config(database_url), revision)


def head_revision() -> str:
    """Return the revision the code expects; readiness compares it with the database's."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head
