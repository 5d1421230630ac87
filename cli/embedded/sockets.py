"""A private directory for a server's socket, with a path short enough for the kernel."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from cli.embedded.identity import Identity, give

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_LONGEST_SOCKET_PATH = 103
_TEMPORARY_PREFIX = "earned-"
# PostgreSQL splits a list of directories at commas and quotes, Valkey its arguments at spaces.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+=-]+")


class SocketDirectory:
    """Keeps `link` a directory of mode 0700, or a link to one below the temporary directory."""

    def __init__(self, link: Path, *, socket_name: str) -> None:
        self._link = link
        self._socket_name = socket_name
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The directory itself; raise RuntimeError before `create`."""
        if self._path is None:
            raise RuntimeError("the server has not been started")
        return self._path

    @property
    def socket(self) -> Path:
        return self.path / self._socket_name

    def create(self, identity: Identity) -> None:
        """Create it, first removing what a killed predecessor left behind.

        Called again by the same launcher it only empties the directory, so that the address
        stays the same while a server is restarted.
        """
        if self._path is None or not self._path.is_dir():
            self.remove()
            self._path = self._make()
        for left_over in self._path.iterdir():
            left_over.unlink()
        give(self._path, identity)

    def remove(self) -> None:
        """Remove the directory and, if it is elsewhere, the link to it."""
        if self._link.is_symlink():
            target = Path(os.readlink(self._link))
            # Only ever a directory that `_make` made: the link lies in our own data directory.
            if target.name.startswith(_TEMPORARY_PREFIX):
                shutil.rmtree(target, ignore_errors=True)
            self._link.unlink()
        elif self._link.is_dir():
            shutil.rmtree(self._link)
        self._path = None

    def _make(self) -> Path:
        if self._fits(self._link):
            self._link.mkdir(mode=0o700)
            return self._link
        parent = tempfile.gettempdir()
        if not self._fits(Path(parent, _TEMPORARY_PREFIX + "x" * 8)):
            parent = "/tmp"
        path = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=parent))
        self._link.symlink_to(path)
        return path

    def _fits(self, directory: Path) -> bool:
        socket = os.fspath(directory / self._socket_name)
        return (
            len(os.fsencode(socket)) <= _LONGEST_SOCKET_PATH
            and _PLAIN_PATH.fullmatch(os.fspath(directory)) is not None
        )
