"""Under which user a server runs: PostgreSQL refuses root, and initdb needs an account's name."""

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from cli.embedded.errors import DataDirectoryError

NOBODY = 65534


@dataclass(frozen=True)
class Identity:
    """How a child takes its user: as it is, in a user namespace, or by dropping root."""

    mode: Literal["own", "namespace", "user"]
    uid: int = NOBODY
    gid: int = NOBODY

    def __str__(self) -> str:
        return self.mode if self.mode == "own" else f"{self.mode}:{self.uid}:{self.gid}"


OWN = Identity("own")
# The kernel still sees the launcher's user, so no file changes hands and no directory above has
# to be opened; container runtimes often forbid it.
NAMESPACE = Identity("namespace")


def choose_identity(owner: int | None, *, user: int, works: Callable[[Identity], bool]) -> Identity:
    """Choose how a server runs for the effective user id `user`.

    `owner` is the user id that owns an existing data directory, `works` tries an identity on the
    server's binaries. A data directory decides for its owner; otherwise root (and a user id
    without an account) prefers a user namespace, and root falls back to `nobody`.
    """
    if user != 0:
        if owner not in (None, user):
            raise DataDirectoryError(
                f"the data directory belongs to user id {owner}, this process runs as {user}: "
                "run as its owner, or choose another directory."
            )
        return OWN if _has_account(user) or not works(NAMESPACE) else NAMESPACE
    if owner:
        return _dropped_to(owner)
    return NAMESPACE if works(NAMESPACE) else _dropped_to(NOBODY)


def give(path: str | os.PathLike[str], identity: Identity) -> None:
    """Hand one file or directory to the user that a dropped identity runs as."""
    if identity.mode == "user":
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def _dropped_to(uid: int) -> Identity:
    return Identity("user", uid, pwd.getpwuid(uid).pw_gid if _has_account(uid) else uid)


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
