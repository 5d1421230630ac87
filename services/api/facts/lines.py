"""Facts as explanations list them: one line per fact, with what it adds."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from pydantic import Field

from services.api.dependencies import Access
from services.api.model import DecimalText, Output
from services.api.privacy import connections_of_people, may_see_people
from shared.kpis.measures import MEASURES
from shared.kpis.vocabulary import Axis
from shared.rollups.explain import ContributionLine

__all__ = ["OWN_ID", "WHO_SAID", "FactLine", "fact_lines", "is_of_its_day"]

WHO_SAID: Final = (
    "Who said so. A connection of one employee is named by its vendor unless the key has the scope"
    " people:read."
)
OWN_ID: Final = (
    "The source's own id of it. Null for a fact about an employee, a team, a department or a role"
    " unless the key has the scope people:read: such ids tell who it is."
)

#: Kinds of facts whose notes name a team, or tell how many people it holds.
_NOTED_BY_TEAM: Final = frozenset({"employee.recorded", "figure.recorded", "ties.recorded"})
#: Kinds of facts that hold for many days, and are listed for each period of them.
_LASTING: Final = frozenset({"cost.booked", "employee.recorded", "quota.set"})
_OF_A_LEVEL: Final = (
    " Null for a fact about an employee, a team, a department or a role in a level or a count,"
    " unless the key has the scope people:read: who is known by it on one day would be found by it"
    " on another."
)
_OF_DAYS: Final = _OF_A_LEVEL + " So it is where such a fact holds for many days."


class FactLine(Output):
    """One fact and what it adds to a measure."""

    measure: str = Field(description="The measure it adds to.", examples=["shares"])
    day: date | None = Field(
        description="The day it is booked on." + _OF_A_LEVEL, examples=["2025-01-07"]
    )
    quantity: DecimalText = Field(description="What it adds; may be negative.", examples=["1"])
    source: str = Field(description=WHO_SAID, examples=["acme-intranet"])
    kind: str = Field(description="Kind of fact.", examples=["post.published"])
    external_id: str | None = Field(description=OWN_ID, examples=["share-0001"])
    occurred_at: datetime | None = Field(
        description="When it happened." + _OF_DAYS, examples=["2025-01-07T08:00:00Z"]
    )
    position: int | None = Field(
        description="Its position in the ledger." + _OF_DAYS, examples=[42]
    )
    employee: str | None = Field(
        description="Employee reference; null unless the key has the scope people:read.",
        examples=["E007"],
    )
    network: str | None = Field(description="Network.", examples=["linkedin"])
    campaign: str | None = Field(description="Campaign.", examples=["launch-2025"])
    content: str | None = Field(description="Content item.", examples=["article-12"])
    channel: str | None = Field(description="Channel.", examples=["employee_advocacy"])
    note: str | None = Field(
        description="How the quantity came about. Null where it would name a team, or count its"
        " people, unless the key has the scope people:read.",
        examples=["12 of 30"],
    )


def is_of_its_day(kind: str, measures: Iterable[str]) -> bool:
    """Tell whether a fact of a kind counts on one day alone, in each of ``measures``.

    Of others that are about people, the instant and the position are told only to who may see
    people: they would be known again by them on the other days.
    """
    return kind not in _LASTING and all(
        MEASURES[measure].adds_up_over(Axis.TIME) for measure in measures
    )


async def fact_lines(
    access: Access, measure: str, lines: Sequence[ContributionLine]
) -> list[FactLine]:
    """Return the lines of an explanation as answers show them to the caller."""
    vendors = await connections_of_people(access, (line.source for line in lines))
    with_people = may_see_people(access)
    return [
        _fact_line(measure, line, vendors.get(line.source, line.source), with_people=with_people)
        for line in lines
    ]


def _fact_line(measure: str, line: ContributionLine, source: str, *, with_people: bool) -> FactLine:
    """Return a line of an explanation as answers show it; an empty reference is null.

    Whose fact it is is told only ``with_people``, and so is what would say it: the source's own id,
    and a source that is one person's.
    Nor are teams told otherwise: whoever counts their lines knows how many a small one holds. What
    a level or a count is made of stays the same for months, in which a team may grow large enough
    to be listed, or become too small: its facts must not be known again by their day or position.
    """
    is_named = with_people or not line.is_personal
    has_day = is_named or MEASURES[measure].adds_up_over(Axis.TIME)
    is_known_again = is_named or is_of_its_day(line.kind, [measure])
    has_note = is_named or line.kind not in _NOTED_BY_TEAM
    return FactLine(
        measure=measure,
        day=line.day if has_day else None,
        quantity=line.quantity,
        source=source,
        kind=line.kind,
        external_id=line.external_id if is_named else None,
        occurred_at=line.occurred_at if is_known_again else None,
        position=line.position if is_known_again else None,
        employee=(line.employee or None) if with_people else None,
        network=line.network or None,
        campaign=line.campaign or None,
        content=line.content or None,
        channel=line.channel or None,
        note=(line.note or None) if has_note else None,
    )
