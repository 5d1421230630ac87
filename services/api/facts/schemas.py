"""What the fact endpoints take and answer; the facts themselves are :mod:`shared.facts`."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api.model import Input, Output
from shared.facts.fields import SourceName, Text

__all__ = [
    "Appended",
    "Entry",
    "FactKind",
    "FactKinds",
    "FactsQuery",
    "Identity",
    "LedgerPage",
    "Retracted",
    "Retractions",
]

_AT = "2025-01-07T08:00:00Z"


class Appended(Output):
    """What became of a batch, in facts."""

    inserted: int = Field(description="New facts.", examples=[97])
    unchanged: int = Field(description="Facts the ledger holds as they are.", examples=[2])
    corrected: int = Field(description="Facts that restate an earlier version.", examples=[1])
    stale: int = Field(
        description="Versions older than what the ledger holds; ignored.", examples=[0]
    )
    position: int = Field(
        description="The ledger's newest position: figures hold the batch once data-health's "
        "`folded_position` has reached it.",
        examples=[8123],
    )


class Identity(Input):
    """What a fact is known by."""

    source: SourceName = Field(description="Who said it.", examples=["acme-intranet"])
    kind: Text = Field(description="Its kind.", examples=["post.published"])
    external_id: Text = Field(description="The source's own id of it.", examples=["share-0001"])
    revision: Annotated[
        int | None,
        Field(
            strict=True,
            ge=0,
            lt=2**62,
            description="Orders the retraction against versions of the fact: given if they have"
            " one, not given if they have none.",
            examples=[1743460200000],
        ),
    ] = None


class Retractions(Input):
    """Facts to withdraw."""

    identities: list[Identity] = Field(
        description="What they are known by: those of your own sources, and of files (`csv`).",
        min_length=1,
        max_length=1000,
    )


class Retracted(Output):
    """What became of a withdrawal, in facts."""

    retracted: int = Field(description="Facts withdrawn.", examples=[1])
    unchanged: int = Field(
        description="Facts that were withdrawn already, or never told.", examples=[0]
    )
    stale: int = Field(description="Facts with a higher revision; kept.", examples=[0])
    position: int = Field(description="The ledger's newest position.", examples=[8124])


class FactsQuery(BaseModel):
    """A stretch of the ledger."""

    model_config = ConfigDict(frozen=True)

    after_position: int = Field(
        default=0,
        ge=0,
        lt=2**62,
        description="Only entries after this position; 0 for the beginning.",
        examples=[8000],
    )
    kind: list[Annotated[str, Field(max_length=64)]] = Field(
        default=[],
        max_length=50,
        description="Only these kinds; repeat the parameter.",
        examples=[["deal.changed"]],
    )
    limit: int = Field(
        default=500, ge=1, le=1000, description="Most entries of one page.", examples=[500]
    )


class Entry(Output):
    """One line of the ledger."""

    position: int = Field(description="Gapless, in the order of recording.", examples=[42])
    weight: Literal[-1, 1] = Field(
        description="+1 states a fact, -1 takes it back. A correction is both.", examples=[1]
    )
    kind: str = Field(description="Kind of fact.", examples=["post.published"])
    source: str = Field(description="Who said so.", examples=["acme-intranet"])
    external_id: str = Field(description="The source's own id of it.", examples=["share-0001"])
    occurred_at: datetime = Field(description="When it happened.", examples=[_AT])
    recorded_at: datetime = Field(description="When it was written.", examples=[_AT])
    day: date = Field(description="The day it is booked on.", examples=["2025-01-07"])
    employee: str | None = Field(description="Employee reference.", examples=["E007"])
    account: str | None = Field(description="Brand account.", examples=["golden-ratio"])
    network: str | None = Field(description="Network.", examples=["linkedin"])
    campaign: str | None = Field(description="Campaign.", examples=["launch-2025"])
    content: str | None = Field(description="Content item.", examples=["article-12"])
    channel: str | None = Field(description="Channel.", examples=["employee_advocacy"])
    body: dict[str, Any] = Field(
        description="What is particular to the kind.", examples=[{"post": "urn:li:share:7001"}]
    )


class LedgerPage(Output):
    """A stretch of the ledger."""

    entries: list[Entry] = Field(description="In order of position; may be empty before the end.")
    next_after_position: int = Field(description="Go on after this position.", examples=[500])
    head_position: int = Field(description="The newest position there is.", examples=[8123])
    has_more: bool = Field(description="Whether positions are left to read.", examples=[True])


class FactKind(Output):
    """A kind of fact and what it looks like."""

    kind: str = Field(description="Its name.", examples=["post.published"])
    description: str = Field(description="What it says.", examples=["A post went out."])
    json_schema: dict[str, Any] = Field(
        description="JSON Schema of a fact of this kind.", examples=[{"type": "object"}]
    )


class FactKinds(Output):
    """The vocabulary of facts."""

    kinds: list[FactKind] = Field(description="Every kind.")
