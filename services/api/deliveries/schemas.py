"""What the delivery endpoints take and answer. Bodies hold personal data and are never shown."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.api.model import Output, Page, PageQuery

__all__ = ["Deliveries", "Delivery", "ListQuery"]

State = Literal["received", "done", "quarantined"]
_ID = "0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"
_AT = "2025-04-30T06:00:00Z"


class ListQuery(PageQuery):
    """Deliveries in one state."""

    state: State = Field(
        default="quarantined", description="Only deliveries in this state.", examples=["done"]
    )


class Delivery(Output):
    """Something that arrived: a webhook, or a polled record nobody could read yet."""

    id: UUID = Field(description="Id of the delivery.", examples=[_ID])
    connection_id: UUID = Field(description="The connection it came through.", examples=[_ID])
    origin: Literal["webhook", "poll"] = Field(description="How it came.", examples=["webhook"])
    stream: str | None = Field(description="Kind of data, if polled.", examples=["deals"])
    received_at: datetime = Field(description="When it came.", examples=[_AT])
    state: State = Field(
        description="received: waiting; done: turned into facts; quarantined: put aside.",
        examples=["quarantined"],
    )
    reason: str | None = Field(
        description="Why it was put aside.", examples=["rejected: currency_mismatch"]
    )
    attempts: int = Field(description="How often it was tried.", examples=[3])
    bytes: int = Field(description="Size of its body.", examples=[512])


class Deliveries(Page):
    """Deliveries, the newest first."""

    deliveries: list[Delivery] = Field(description="This page's deliveries.")
