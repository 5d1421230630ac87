"""Find the installation that `earned up` runs, so that other commands need no addresses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.directory import DataDirectory
from shared.text import comma_separated

if TYPE_CHECKING:
    from shared.security.keyring import KeyRing

__all__ = [
    "Found",
    "NothingRunsError",
    "StoredAccess",
    "find",
    "stored_access",
    "stored_database",
]

_OPTIONS = {
    "api": "--api-url",
    "collector": "--collector-url",
    "sandbox": "--sandbox-url",
    "key": "--key (or EARNED_API_KEY)",
}


class NothingRunsError(RuntimeError):
    """Neither an address was given nor does `earned up` run on this data directory."""


@dataclass(frozen=True, slots=True)
class Found:
    """Addresses and key, as far as they are known."""

    known: Mapping[str, str]

    def need(self, name: str) -> str:
        """Return one of them; raises NothingRunsError if it is not known."""
        value = self.known.get(name)
        if not value:
            raise NothingRunsError(
                f"`earned up` does not run here; start it, or give {_OPTIONS[name]}."
            )
        return value


def find(data_dir: Path, **given: str | None) -> Found:
    """Return what was given, and the rest from the running installation of `data_dir`."""
    running = _running(data_dir)
    known = {name: running.get(name, "") for name in _OPTIONS}
    # A key is sent to the address it belongs to: never the demo's to an address of the caller's.
    if any(value for name, value in given.items() if name != "key"):
        known["key"] = ""
    return Found(known | {name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class StoredAccess:
    """The database itself and the keys that protect the secrets in it, the newest first."""

    database_url: str
    secret_key: str
    previous_secret_keys: tuple[str, ...] = ()

    def ring(self) -> "KeyRing":
        """Return the keys as processes have them.

        Raises:
            shared.security.keyring.KeyRingError: one of them is none.
        """
        # Here: most commands that find an installation need no key of it.
        from shared.security.keyring import KeyRing

        return KeyRing.from_base64(self.secret_key, *self.previous_secret_keys)


def stored_access(
    data_dir: Path,
    database_url: str | None,
    secret_key: str | None = None,
    previous_secret_keys: str | None = None,
) -> StoredAccess:
    """Return access to the database that was given, or to that of the running installation.

    Raises:
        NothingRunsError: no database was given and none runs on `data_dir`, or no secret key was
            given and there is none in it.
    """
    url = stored_database(data_dir, database_url)
    # One made here would make keys that no process of that database takes.
    known = secret_key or DataDirectory(data_dir).known_secret_key()
    if known is None:
        raise NothingRunsError(
            f"There is no secret key in {data_dir}; give --secret-key (or EARNED_SECRET_KEY)."
        )
    return StoredAccess(url, known, comma_separated(previous_secret_keys or ""))


def stored_database(data_dir: Path, database_url: str | None) -> str:
    """Return the database that was given, or that of the running installation.

    Raises:
        NothingRunsError: no database was given and none runs on `data_dir`.
    """
    url = database_url or _running(data_dir).get("database_url")
    if not url:
        raise NothingRunsError("`earned up` does not run here; start it, or give --database-url.")
    return url


def _running(data_dir: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(
            DataDirectory(data_dir).running.read_text(encoding="utf-8")
        )
    except FileNotFoundError:
        return {}
    return known
