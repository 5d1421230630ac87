"""What the connection endpoints take and answer. Credentials go in and never come out."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from services.api.model import Output, Page
from shared.connections import ConnectionChange, ConnectionState
from shared.facts.fields import Text
from shared.observability.metrics import RunOutcome

__all__ = [
    "Connection",
    "ConnectionPatch",
    "Connections",
    "Run",
    "Runs",
    "Stream",
]

_ID = "0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"
_AT = "2025-04-30T06:00:00Z"


class ConnectionPatch(ConnectionChange):
    """What to change; a field that is not given, or null, stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: Text | None = Field(
        default=None, description="New name for people.", examples=["HubSpot, sales"]
    )
    config: dict[str, Any] | None = Field(
        default=None,
        description="The vendor's settings, whole: they replace the present ones.",
        examples=[{"base_url": "https://api.hubapi.com"}],
    )
    credentials: dict[str, Any] | None = Field(
        default=None,
        description="New credentials, whole; stored encrypted and never shown again.",
        examples=[{"auth": {"type": "token", "access_token": "pat-eu1-8f2c51d0"}}],
    )
    state: Literal["active", "paused"] | None = Field(
        default=None, description="Pause, or resume.", examples=["paused"]
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_to_change", "Give at least one field.")
        return self


class Stream(Output):
    """How far one kind of data of a connection has been read."""

    stream: str = Field(description="Kind of data.", examples=["deals"])
    interval_seconds: int = Field(description="How often it is read.", examples=[300])
    next_due_at: datetime = Field(description="When it is read next.", examples=[_AT])
    last_success_at: datetime | None = Field(
        description="When it was last read to the end.", examples=[_AT]
    )
    attempts: int = Field(description="Failures since the last success.", examples=[0])
    last_error: str | None = Field(
        description="Why the last run failed.", examples=["rate_limited"]
    )


class Connection(Output):
    """A configured connector."""

    id: UUID = Field(description="Id of the connection.", examples=[_ID])
    provider: str = Field(description="The vendor.", examples=["hubspot"])
    source: str = Field(description="Its name in facts.", examples=["hubspot"])
    name: str = Field(description="Its name for people.", examples=["HubSpot, sales"])
    config: dict[str, Any] = Field(
        description="The vendor's settings, without secrets.",
        examples=[{"base_url": "https://api.hubapi.com"}],
    )
    has_credentials: bool = Field(description="Whether credentials are stored.", examples=[True])
    state: ConnectionState = Field(
        description="degraded: failing, and tried again; reauth_required: a person has to grant "
        "access again.",
        examples=["active"],
    )
    state_reason: str | None = Field(description="Why it is in this state.", examples=[None])
    created_at: datetime = Field(description="When it was made.", examples=[_AT])
    updated_at: datetime = Field(description="When it was last changed.", examples=[_AT])
    streams: list[Stream] = Field(description="Its kinds of data.")


class Connections(Page):
    """Connections, the newest first."""

    connections: list[Connection] = Field(description="This page's connections.")


class Run(Output):
    """One reading of one stream."""

    id: UUID = Field(description="Id of the run.", examples=[_ID])
    stream: str = Field(description="Kind of data.", examples=["deals"])
    started_at: datetime = Field(description="When it began.", examples=[_AT])
    finished_at: datetime = Field(description="When it ended.", examples=[_AT])
    outcome: RunOutcome = Field(description="How it ended.", examples=["succeeded"])
    pages: int = Field(description="Pages read.", examples=[3])
    inserted: int = Field(description="Facts that were new.", examples=[12])
    unchanged: int = Field(description="Facts that were known.", examples=[288])
    corrected: int = Field(description="Facts that were restated.", examples=[2])
    deleted: int = Field(description="Facts that were withdrawn.", examples=[0])
    quarantined: int = Field(description="Records nobody could read.", examples=[0])
    error: str | None = Field(description="Why it failed.", examples=[None])


class Runs(Page):
    """Runs of a connection, the newest first."""

    runs: list[Run] = Field(description="This page's runs.")
