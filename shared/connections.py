"""What it takes to configure a connection, without knowing any vendor.

The vendors' declarations live with the collector, and only they can say whether a configuration is
right. A process that lets people configure connections is therefore given a :class:`VendorRegistry`
by whoever composes it.
"""

from typing import Any, Final, Literal, Protocol
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict, Field

from shared.crypto import Place
from shared.facts.fields import SourceName, Text
from shared.security.keyring import KeyRing

__all__ = [
    "OWN_SOURCES",
    "ConnectionChange",
    "ConnectionState",
    "NewConnection",
    "VendorRegistry",
    "credentials_place",
]

ConnectionState = Literal["active", "degraded", "reauth_required", "paused"]

#: What the product itself tells: imported files, and the redirect's clicks. A connection of such a
#: name would restate what they told.
OWN_SOURCES: Final = frozenset({"csv", "link"})


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NewConnection(_Input):
    """A connection to be. ``source`` names it in facts and never changes afterwards."""

    provider: str = Field(description="The vendor.", max_length=32, examples=["hubspot"])
    source: SourceName = Field(
        description="Names the connection in facts; unique, and never changes.",
        examples=["hubspot"],
    )
    name: Text = Field(description="Name for people.", examples=["HubSpot, sales"])
    config: dict[str, Any] = Field(
        default_factory=dict,
        description="The vendor's own settings; see the guide of the connector.",
        examples=[{"base_url": "https://api.hubapi.com"}],
    )
    credentials: dict[str, Any] = Field(
        description="Stored encrypted, and never shown again.",
        examples=[{"auth": {"type": "token", "access_token": "pat-eu1-8f2c51d0"}}],
    )


class ConnectionChange(_Input):
    """What of a connection may change; a field that is not given stays."""

    name: Text | None = None
    config: dict[str, Any] | None = None
    credentials: dict[str, Any] | None = None


class VendorRegistry(Protocol):
    """Checks configurations against the vendors' declarations, and stores them."""

    async def create(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        ring: KeyRing,
        org_id: UUID,
        new: NewConnection,
    ) -> UUID:
        """Store a connection, its credentials encrypted and its streams due now; return its id.

        Raises:
            shared.errors.Invalid: the configuration or the credentials break a rule.
            shared.errors.Conflict: the source is taken, or the product's own.
        """
        ...

    async def update(
        self,
        connection: "asyncpg.Connection[asyncpg.Record]",
        ring: KeyRing,
        org_id: UUID,
        connection_id: UUID,
        change: ConnectionChange,
    ) -> None:
        """Change a connection, make it active again unless it is paused, and its streams due now.

        Raises:
            shared.errors.NotFound: the organization has no such connection.
            shared.errors.Invalid: the new configuration or credentials break a rule.
        """
        ...


def credentials_place(org_id: UUID, connection_id: UUID) -> Place:
    """Return where the credentials of a connection are stored, and nowhere else can be read."""
    return Place(org_id, "connection", "credentials", str(connection_id))
