"""A lock that the kernel releases when its last holder dies."""

import fcntl
import os
from pathlib import Path


class FileLock:
    """An exclusive flock. A child that inherits `fileno` holds it too, until it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    @property
    def fileno(self) -> int:
        """The descriptor to hand to a child; raise RuntimeError when this process holds nothing."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path} is not locked by this process")
        return self._descriptor

    def try_acquire(self) -> bool:
        """Take the lock if it is free; raise OSError when the file is out of reach, or a link."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go of it in this process; children that inherited it keep it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
