"""The log file of one child process: opened for the child, read back for a person."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_ROTATE_AT_BYTES = 8 * 1024 * 1024
_TAIL_BYTES = 64 * 1024


class LogFile:
    """Appends across restarts; starts anew, keeping one predecessor, once it has grown large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_up_to = 0
        self._partial = b""

    def open(self) -> IO[bytes]:
        """Open for appending, creating the directory; the caller hands it to a child and closes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._size() > _ROTATE_AT_BYTES:
            os.replace(self.path, self.path.with_name(self.path.name + ".1"))
        return self.path.open("ab")

    def last_lines(self, count: int) -> list[str]:
        """Return up to `count` last lines; none when nothing was logged yet."""
        content = self._read_from(max(0, self._size() - _TAIL_BYTES))
        return content.decode(errors="replace").splitlines()[-count:]

    def skip_to_end(self) -> None:
        """Make `new_lines` start with what is written from now on."""
        self._read_up_to, self._partial = self._size(), b""

    def new_lines(self) -> Iterator[str]:
        """Yield the complete lines written since the last call."""
        if self._size() < self._read_up_to:
            self._read_up_to, self._partial = 0, b""
        content = self._read_from(self._read_up_to)
        self._read_up_to += len(content)
        *lines, self._partial = (self._partial + content).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _read_from(self, offset: int) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read()
        except FileNotFoundError:
            return b""
