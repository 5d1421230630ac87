"""Identifiers: time-ordered uuid7, made by the process and never by a database sequence."""

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["new_id"]


def new_id() -> UUID:
    """Return a new time-ordered identifier (uuid version 7)."""
    return uuid7()
