"""What the key endpoints take and answer."""

import re
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from services.api.model import Input, Output, Page
from shared.facts.fields import Text
from shared.security.keys import Scope

__all__ = ["Key", "Keys", "NewKey", "NewlyMadeKey"]

_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", re.ASCII)
_AT = "2025-04-30T06:00:00Z"
_SCOPES = ["kpis:read", "roi:read"]


def _written_out(value: Any) -> Any:
    # Of an epoch number, nobody can tell whether it counts seconds.
    if value is not None and not (isinstance(value, str) and _INSTANT.match(value)):
        raise PydanticCustomError("instant_form", "An instant is written as in RFC 3339.")
    return value


class NewKey(Input):
    """A key to be. It can do at most what the key that asks for it can."""

    name: Text = Field(description="What it is for.", examples=["BI dashboard"])
    scopes: list[Scope] = Field(
        description="What it may do.", min_length=1, max_length=20, examples=[_SCOPES]
    )
    expires_at: Annotated[datetime | None, BeforeValidator(_written_out)] = Field(
        default=None,
        description="When it ends; never, if absent.",
        examples=["2099-12-31T23:00:00Z"],
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


class Keys(Page):
    """The organization's keys, the newest first."""

    keys: list[Key] = Field(description="This page's keys, revoked ones included.")
