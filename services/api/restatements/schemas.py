"""What the restatement endpoints take and answer."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from services.api.facts.lines import OWN_ID, WHO_SAID
from services.api.model import Cursor, DecimalText, Limit, Output, Page
from services.api.periods import Filters, LocalDay, PeriodQuery
from services.api.roi.queries import BASIS, Form
from services.api.roi.repository import Basis
from shared.kpis.definitions import Id
from shared.kpis.vocabulary import AttributionModel, Unit

__all__ = [
    "Baseline",
    "FigureQuery",
    "MovingFact",
    "MovingFacts",
    "MovingFactsQuery",
    "MovingRate",
    "Restatement",
    "Restatements",
    "RestatementsQuery",
]

_AT = "2025-05-10T13:00:00Z"
_KNOWN_AGAIN = (
    " Null for a fact about an employee, a team, a department or a role in a level or a count, or"
    " that holds for many days, unless the key has the scope people:read: who is known by it on one"
    " day would be found by it on another."
)
_ONLY_RETURN = "Only for `roi_program`: "


class FigureQuery(Filters, PeriodQuery):
    """One figure, of the whole organization or a part of it."""

    kpi: Id = Field(description="Id of the KPI.", examples=["revenue_won"])
    model: AttributionModel | None = Field(
        default=None,
        description=f"{_ONLY_RETURN}the attribution model; `linear` if absent.",
        examples=["linear"],
    )
    form: Literal[Form.REVENUE, Form.MARGIN, Form.CASH, Form.MEDIA] | None = Field(
        default=None,
        description=f"{_ONLY_RETURN}which return of the statement; `cash` if absent.",
        examples=["cash"],
    )
    basis: Basis | None = Field(
        default=None,
        description=f"{_ONLY_RETURN}`cohort` if absent. {BASIS}",
        examples=["cohort"],
    )

    @property
    def of_statement(self) -> dict[str, str]:
        """Return what was said of the return that is asked about."""
        given = {"model": self.model, "form": self.form, "basis": self.basis}
        return {name: value for name, value in given.items() if value is not None}


class RestatementsQuery(FigureQuery):
    """The history of one figure."""

    cursor: Cursor = None
    limit: Limit = 20


class MovingFactsQuery(FigureQuery):
    """What moved one figure on one day."""

    day: LocalDay = Field(description="The day of the restatement.", examples=["2025-05-10"])
    cursor: Cursor = None
    limit: Limit = 50


class Baseline(Output):
    """The figure as it was first published."""

    value: DecimalText | None = Field(
        description="The value; null if nothing was known.", examples=["60000.00"]
    )
    as_of: date | None = Field(
        description="The last day of the period, at whose end it was known; null if published.",
        examples=["2025-04-30"],
    )
    publication_id: UUID | None = Field(
        description="The publication that froze it, if there is one.",
        examples=["0197c1a4-3f5e-7000-8000-000000000001"],
    )
    known_position: int = Field(description="The last entry that counted.", examples=[1552])


class Restatement(Output):
    """A day after which the figure was another."""

    day: date = Field(description="The day on which it became known.", examples=["2025-05-10"])
    known_position: int = Field(description="The last entry of that day.", examples=[1554])
    before: DecimalText | None = Field(description="Value before it.", examples=["60000.00"])
    after: DecimalText | None = Field(description="Value after it.", examples=["57000.00"])
    moved: DecimalText = Field(
        description="After minus before; a value that appears moves by all of itself.",
        examples=["-3000.00"],
    )


class MovingRepair(Output):
    """A correction of what was stored, which no fact caused: the ledger had always said so."""

    repaired_at: datetime = Field(description="When it was made.", examples=[_AT])
    measure: str = Field(description="The measure that was repaired.", examples=["shares"])
    day: date = Field(description="The day it is booked on.", examples=["2025-04-10"])
    before: DecimalText = Field(description="What had been stored for that day.", examples=["4"])
    after: DecimalText = Field(description="What the ledger says.", examples=["2"])


class Restatements(Page):
    """How a figure came to be what it is: what was first published, and every move since."""

    kpi: str = Field(description="The KPI's id.", examples=["revenue_won"])
    version: int = Field(description="Version of its definition.", examples=[1])
    unit: Unit = Field(description="Unit of the values.", examples=["money"])
    currency: str | None = Field(description="Their currency, if money.", examples=["USD"])
    from_: date = Field(
        serialization_alias="from", description="First day.", examples=["2025-04-01"]
    )
    to: date = Field(description="The day after the last one.", examples=["2025-05-01"])
    time_zone: str = Field(description="The zone that cuts days.", examples=["Europe/Warsaw"])
    first: Baseline = Field(description="What was first published.")
    now: DecimalText | None = Field(description="The value now.", examples=["47000.00"])
    moved: DecimalText = Field(
        description="Now minus first: what the moves of all pages add up to.",
        examples=["-13000.00"],
    )
    restated_amount: DecimalText = Field(
        description="`moved` without its sign, in the unit of the KPI.", examples=["13000.00"]
    )
    restatements: list[Restatement] = Field(description="The oldest first.")
    repairs: list[MovingRepair] = Field(
        description="Values of the whole figure that alone were stored wrong, and that `earned"
        " verify --repair` has put right since it was first published: until then it was answered"
        " with `before`. The log of changes, which the past is told from, had always said `after`,"
        " so `first` says so too, and they are no restatements. On the first page, a hundred at"
        " most, and none where a part is asked about."
    )


class MovingFact(Output):
    """An entry of the ledger that moved the figure."""

    position: int | None = Field(description="Its position." + _KNOWN_AGAIN, examples=[1554])
    weight: Literal[-1, 1] = Field(
        description="+1 states a fact, -1 takes it back. A correction is both.", examples=[1]
    )
    kind: str = Field(description="Kind of fact.", examples=["deal.changed"])
    source: str = Field(description=WHO_SAID, examples=["hubspot"])
    external_id: str | None = Field(description=OWN_ID, examples=["J5"])
    occurred_at: datetime | None = Field(
        description="When it happened." + _KNOWN_AGAIN, examples=[_AT]
    )
    recorded_at: datetime | None = Field(
        description="When it became known." + _KNOWN_AGAIN, examples=[_AT]
    )
    note: str | None = Field(
        description="What its amount was told as, if in another currency, and converted at.",
        examples=["1000.10 EUR at 1.08, the rate from 2025-01-01"],
    )


class MovingRate(Output):
    """A statement of a rate that moved the figure."""

    key: str = Field(description="Key of the assumption.", examples=["exchange_rate.EUR"])
    effective_from: date = Field(description="The first day it holds.", examples=["2025-04-01"])
    version: int = Field(description="Which statement of the key it is.", examples=[2])
    value: DecimalText = Field(description="The value stated.", examples=["1.08000000"])
    source: str = Field(description="Where it comes from.", examples=["central bank"])
    recorded_at: datetime = Field(description="When it was stated.", examples=[_AT])


class MovingFacts(Page):
    """The entries that moved a figure on one day."""

    kpi: str = Field(description="The KPI's id.", examples=["revenue_won"])
    day: date = Field(description="The day.", examples=["2025-05-10"])
    facts: list[MovingFact] = Field(description="In order of position.")
    rates: list[MovingRate] = Field(
        description="Statements of the rates that the figure is computed with, made on that day, on"
        " the first page; and exchange rates that facts of this page were converted at anew."
    )
    repairs: list[MovingRepair] = Field(
        description="What `earned verify --repair` mended of the whole figure on that day; on the"
        " first page, a hundred at most, and none where a part is asked about."
    )
