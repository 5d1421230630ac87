"""Facts as explanations list them: one line per fact, with what it adds."""

from datetime import date, datetime
from typing import Final

from pydantic import Field

from services.api.model import DecimalText, Output
from shared.rollups.explain import ContributionLine

__all__ = ["FactLine", "fact_line"]

_ROSTER: Final = "employee.recorded"


class FactLine(Output):
    """One fact and what it adds to a measure."""

    measure: str = Field(description="The measure it adds to.", examples=["shares"])
    day: date = Field(description="The day it is booked on.", examples=["2025-01-07"])
    quantity: DecimalText = Field(description="What it adds; may be negative.", examples=["1"])
    source: str = Field(description="Who said so.", examples=["acme-intranet"])
    kind: str = Field(description="Kind of fact.", examples=["post.published"])
    external_id: str | None = Field(
        description="The source's own id of it. Null for a fact about an employee unless the key"
        " has the scope people:read: such ids tell who it is.",
        examples=["share-0001"],
    )
    occurred_at: datetime = Field(
        description="When it happened.", examples=["2025-01-07T08:00:00Z"]
    )
    position: int = Field(description="Its position in the ledger.", examples=[42])
    employee: str | None = Field(
        description="Employee reference; null unless the key has the scope people:read.",
        examples=["E007"],
    )
    network: str | None = Field(description="Network.", examples=["linkedin"])
    campaign: str | None = Field(description="Campaign.", examples=["launch-2025"])
    content: str | None = Field(description="Content item.", examples=["article-12"])
    channel: str | None = Field(description="Channel.", examples=["employee_advocacy"])
    note: str | None = Field(
        description="How the quantity came about. Null for a line of the roster, which names a"
        " team, unless the key has the scope people:read.",
        examples=["12 of 30"],
    )


def fact_line(measure: str, line: ContributionLine, *, with_people: bool) -> FactLine:
    """Return a line of an explanation as answers show it; an empty reference is null.

    Whose fact it is is told only ``with_people``, and so is what would say it: the source's own id.
    Nor does the roster then tell teams: whoever counts its lines knows how many a small one holds.
    """
    is_named = with_people or not line.is_personal
    has_note = with_people or line.kind != _ROSTER
    return FactLine(
        measure=measure,
        day=line.day,
        quantity=line.quantity,
        source=line.source,
        kind=line.kind,
        external_id=line.external_id if is_named else None,
        occurred_at=line.occurred_at,
        position=line.position,
        employee=(line.employee or None) if with_people else None,
        network=line.network or None,
        campaign=line.campaign or None,
        content=line.content or None,
        channel=line.channel or None,
        note=(line.note or None) if has_note else None,
    )
