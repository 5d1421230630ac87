"""The data directory: what a launcher remembers between two starts; secrets for its owner alone."""

import base64
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["DataDirectory", "DemoFile", "DemoRecord", "private_write"]

_SECRET_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class DemoRecord:
    """How far the demo of one database has come.

    ``sandbox_url`` is what its connections point to; ``is_loaded`` says that the year is in.
    """

    api_key: str
    sandbox_url: str = ""
    is_loaded: bool = False


class DataDirectory:
    """One directory per installation, ``.earned`` unless another is named."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def sandbox_journal(self) -> Path:
        return self.path / "sandbox.jsonl"

    @property
    def running(self) -> Path:
        """Addresses and key of the running installation, for the other commands."""
        return self.path / "running.json"

    @property
    def curl_config(self) -> Path:
        """The same key for curl's option ``-K``, so that it stands on no command line."""
        return self.path / "curl.conf"

    @property
    def _secret_key(self) -> Path:
        return self.path / "secret.key"

    def create(self) -> None:
        """Make the directory if it is not there yet."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other launchers out while the block runs; the kernel lets go at any kind of death.

        Embedded servers do so by themselves. With servers of one's own, two launchers would write
        the same logs, and the first to stop would take the other's addresses away.

        Raises:
            cli.embedded.DirectoryInUseError: another launcher holds it.
        """
        # The directory itself: a file in it would belong to whoever started here first.
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            # Network file systems lock no directory; there nobody is kept out.
            with suppress(OSError):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    from cli.embedded.errors import DirectoryInUseError

                    raise DirectoryInUseError(
                        f"{self.path} is in use by another `earned up`. Stop that one first, or"
                        " choose another directory."
                    ) from None
            yield
        finally:
            os.close(descriptor)

    def secret_key(self) -> str:
        """Return the installation's secret key in base64, made at the first call."""
        known = self.known_secret_key()
        if known is not None:
            return known
        made = base64.b64encode(secrets.token_bytes(_SECRET_KEY_BYTES)).decode()
        private_write(self._secret_key, made)
        return self._secret_key.read_text(encoding="ascii").strip()

    def known_secret_key(self) -> str | None:
        """Return the installation's secret key, None if none was made yet."""
        try:
            return self._secret_key.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None

    def demo(self, given_database_url: str | None) -> "DemoFile":
        """Return where the demo is remembered; None stands for the embedded database."""
        if given_database_url is None:
            return DemoFile(self.path / "golden-ratio.json")
        parts = urlsplit(given_database_url)
        # Without user and password: they change while the database stays the same.
        place = f"{parts.hostname}:{parts.port}{parts.path}?{parts.query}"
        digest = hashlib.sha256(place.encode()).hexdigest()[:12]
        return DemoFile(self.path / f"golden-ratio-{digest}.json")


class DemoFile:
    """Keeps the `DemoRecord` of one database, durably: its key can be read nowhere else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> DemoRecord | None:
        """Return what is known, None if nothing is."""
        try:
            return DemoRecord(**json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def write(self, record: DemoRecord) -> None:
        """Remember `record`."""
        private_write(self._path, json.dumps(asdict(record)))


def private_write(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read; whole, or not at all, at any crash."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
