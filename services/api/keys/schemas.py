"""What the key endpoints take and answer."""

from datetime import date, datetime

from pydantic import Field

from services.api.model import Input, Output
from shared.facts.fields import Text
from shared.security.keys import Scope

__all__ = ["Key", "Keys", "NewKey", "NewlyMadeKey"]

_AT = "2025-04-30T06:00:00Z"
_SCOPES = ["kpis:read", "roi:read"]


class NewKey(Input):
    """A key to be. It can do at most what the key that asks for it can."""

    name: Text = Field(description="What it is for.", examples=["BI dashboard"])
    scopes: list[Scope] = Field(
        description="What it may do.", min_length=1, max_length=20, examples=[_SCOPES]
    )
    expires_at: datetime | None = Field(
        default=None, description="When it ends; never, if absent.", examples=[_AT]
    )


class Key(Output):
    """An API key, without its secret."""

    id: str = Field(description="Its public part.", examples=["7Ka2bQ9z"])
    name: str = Field(description="What it is for.", examples=["BI dashboard"])
    scopes: list[str] = Field(description="What it may do.", examples=[_SCOPES])
    created_at: datetime = Field(description="When it was made.", examples=[_AT])
    expires_at: datetime | None = Field(description="When it ends.", examples=[None])
    revoked_at: datetime | None = Field(description="When it was revoked.", examples=[None])
    last_used_on: date | None = Field(
        description="The last day it was used.", examples=["2025-04-30"]
    )


class NewlyMadeKey(Key):
    """A new key, with its text: the only time it is shown."""

    key: str = Field(
        description="The key itself. It is not stored and cannot be shown again.",
        examples=["earned_live_7Ka2bQ9z_…"],
    )


class Keys(Output):
    """The organization's keys."""

    keys: list[Key] = Field(description="The newest first, revoked ones included.")
