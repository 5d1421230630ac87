"""Read what a statement of ROI is made of: cost, credit, hires, rates, completeness."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.api.answers import is_partial, trust_of
from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.freshness import Freshness, answer_day, freshness_of
from services.api.kpis.service import assumption_lines
from services.api.roi.costs import read_cost
from services.api.roi.hires import days_to_fill
from services.api.roi.queries import ValueQuery
from services.api.roi.repository import Basis, Credits, credited, total_revenue
from services.api.roi.schemas import Cost, Notice
from shared.errors import Invalid
from shared.kpis.expressions import exact_text
from shared.kpis.measures import ADVOCACY_CHANNEL
from shared.kpis.periods import Period
from shared.kpis.rates import DatedRate, rate_in_force
from shared.kpis.recruiting import RATES, RecruitingMethod, ReferralHires, recruiting_lines
from shared.kpis.value import ValueLine
from shared.kpis.vocabulary import ConversionKind, Dimension
from shared.money import exponent, round_money
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, live_generation, read_measures

__all__ = [
    "MARGIN_CHANGED",
    "Inputs",
    "common_fields",
    "is_reported",
    "margin_changes",
    "read_inputs",
]

#: A measure that is null as long as no conversion of the kind was ever told.
_REPORTED_BY: Final = {
    ConversionKind.DEAL: "opportunities",
    ConversionKind.LEAD: "leads.linear",
    ConversionKind.APPLICATION: "applications.linear",
    ConversionKind.HIRE: "hires.linear",
}

_NO_CLOSE: Final = Notice(
    code="no_close_in_period",
    message=(
        "No deal closed in the period. With a sales cycle longer than the period, the return on"
        " margin is -100 % by construction on this basis; the cohort basis shows what the period's"
        " touches brought later."
    ),
)
MARGIN_CHANGED: Final = Notice(
    code="margin_changed",
    message=(
        "The gross margin is not the same on all days from the first of the period on. All credit"
        " is priced at the one in force on the period's last day; the KPI gross_margin_attributed"
        " prices the credit of each day of close at the one in force on it."
    ),
)
_NO_HIRES: Final = Notice(
    code="hires_not_reported",
    message="No hire was ever reported: recruiting savings are left out, not counted as zero.",
)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything read for one period, before any arithmetic.

    ``kind`` is what the credit is for, and ``is_told`` whether any such conversion ever was.
    ``revenue`` is the full amount of the deals with credit, None if there are no deals at all, and
    of other conversions. ``closed`` are the deals won or lost in the period, None on another basis
    than that of the period and where nobody ever told of any.
    ``gross_margin`` and the recruiting rates are those in force on the period's last day: one rate
    for all credit, whatever day its deal closes on, so that every model and the break-even are
    told by the same. ``margin_changes`` says whether other days have another margin.
    """

    org: Org
    generation: int
    query: ValueQuery
    recruiting_to: date
    cost: Cost
    kind: ConversionKind
    is_told: bool
    revenue: Decimal | None
    closed: int | None
    credits: Sequence[Credits]
    hires: int | None
    rates: tuple[DatedRate, ...]
    gross_margin: Decimal | None
    margin_changes: bool
    recruiting: list[ValueLine]
    referrals: ReferralHires
    freshness: Freshness

    @property
    def is_advocacy(self) -> bool:
        """Tell whether the asked channel is the program's own: hires and media value are its."""
        return self.query.channel == ADVOCACY_CHANNEL

    def credited(self, model: str) -> Decimal | None:
        """Return the asked channel's credit under a model; None without deals at all."""
        if self.revenue is None:
            return None
        return round_money(self._sum(model, "amount"), self.digits)

    def wins(self, model: str) -> Decimal | None:
        """Return the asked channel's won deals, in shares; None without deals at all."""
        if self.revenue is None:
            return None
        # Shares are kept with twelve digits: three thirds of a deal are shown as one.
        return Decimal(exact_text(Fraction(self._sum(model, "conversions")), digits=6))

    def _sum(self, model: str, figure: str) -> Decimal:
        amounts = (
            getattr(credit, figure)
            for credit in self.credits
            if (credit.model, credit.channel) == (model, self.query.channel)
        )
        return sum(amounts, Decimal(0))

    @property
    def notices(self) -> list[Notice]:
        """Return what to know before using the figures."""
        found: list[Notice] = []
        if self.kind is not ConversionKind.DEAL:
            return found  # they say what stands behind money
        if self.closed == 0 and self.cost.can_be_returned:
            found.append(_NO_CLOSE)
        if self.margin_changes:
            found.append(MARGIN_CHANGED)
        if self.is_advocacy and self.hires is None:
            found.append(_NO_HIRES)
        return found

    @property
    def digits(self) -> int:
        """Return the minor digits of the organization's currency."""
        return exponent(self.org.currency)


async def read_inputs(
    access: Access,
    query: ValueQuery,
    *,
    kind: ConversionKind = ConversionKind.DEAL,
    recruiting_by: RecruitingMethod | None = None,
    group_by: Dimension | None = None,
) -> Inputs:
    """Read the inputs of a period, in the transaction's time; the credit also by ``group_by``.

    Without ``recruiting_by`` there are no lines of recruiting, nor their rates.

    Raises:
        Invalid: ``recruiting_to`` does not lie after ``from``.
    """
    org, connection = access.org, access.connection
    generation = await live_generation(connection, org.id)
    freshness = await freshness_of(connection, org.id)
    recruiting_to = _recruiting_to(org, query, freshness)
    cost = await read_cost(access, query.period, query.cost_basis, query.amortize_months)
    recruiting = Period(query.from_, recruiting_to)
    hires = await _hires(access, recruiting)
    basis, period = query.basis, query.period
    credits = await credited(
        connection, org.id, generation, basis=basis, period=period, kind=kind, group_by=group_by
    )
    is_told = await is_reported(access, kind, query.period)
    revenue = closed = None
    if is_told and kind is ConversionKind.DEAL:
        revenue = await total_revenue(connection, org.id, generation, basis=basis, period=period)
        closed = await _closed(access, period) if basis is Basis.PERIOD else None
    stated = await rates_of(connection, org.id)
    counted = hires if query.channel == ADVOCACY_CHANNEL else None
    method = None if counted is None else recruiting_by
    keys = ("gross_margin", *(RATES[method] if method else ()))
    found = (rate_in_force(stated, key, query.period.last_day) for key in keys)
    rates = tuple(rate for rate in found if rate is not None)
    values: dict[str, Decimal | None] = {rate.key: rate.value for rate in rates}
    taken = await days_to_fill(access, generation, recruiting) if counted else ()
    referrals = ReferralHires(counted, taken)
    return Inputs(
        org=org,
        generation=generation,
        query=query,
        recruiting_to=recruiting_to,
        cost=cost,
        kind=kind,
        is_told=is_told,
        revenue=None if revenue is None else round_money(revenue, exponent(org.currency)),
        closed=closed,
        credits=credits,
        hires=counted,
        rates=rates,
        gross_margin=values.get("gross_margin"),
        margin_changes=margin_changes(
            stated, query.period, query.basis, answer_day(org, freshness)
        ),
        recruiting=[] if method is None else recruiting_lines(referrals, values, method),
        referrals=referrals,
        freshness=freshness,
    )


def margin_changes(stated: Sequence[DatedRate], period: Period, basis: Basis, today: date) -> bool:
    """Tell whether credit of the period may close on days with different margins.

    Deals of a cohort close until today.
    """
    last = max(period.last_day, today) if basis is Basis.COHORT else period.last_day
    of_margin = [rate for rate in stated if rate.key == "gross_margin"]
    days = {rate.effective_on for rate in of_margin if period.start < rate.effective_on <= last}
    in_force = [rate_in_force(of_margin, "gross_margin", day) for day in (period.start, *days)]
    return len({rate and rate.value for rate in in_force}) > 1


def _recruiting_to(org: Org, query: ValueQuery, freshness: Freshness) -> date:
    if query.recruiting_to is not None:
        if query.recruiting_to <= query.from_:
            raise Invalid("`recruiting_to` lies after `from`.", code="empty_period")
        return query.recruiting_to
    if query.basis is Basis.PERIOD:
        return query.to
    # An answer about the past stays as it was: its today is the day looked back to.
    return max(answer_day(org, freshness) + timedelta(days=1), query.to)


async def is_reported(access: Access, kind: ConversionKind, period: Period) -> bool:
    """Tell whether such conversions are reported at all: if not, credit is missing, which is not 0.

    Any ``period`` will do: it is about what was ever told.
    """
    measure = _REPORTED_BY[kind]
    asked = MeasureQuery((period,))
    table = await read_measures(access.connection, access.org, [measure], asked)
    return table[0, ""][measure] is not None


async def _closed(access: Access, period: Period) -> int:
    measures = ("deals_won", "deals_lost")
    table = await read_measures(access.connection, access.org, measures, MeasureQuery((period,)))
    return int(sum(table[0, ""][measure] or 0 for measure in measures))


async def _hires(access: Access, period: Period) -> int | None:
    asked = MeasureQuery((period,))
    table = await read_measures(access.connection, access.org, ["hires_advocacy"], asked)
    hires = table[0, ""]["hires_advocacy"]
    return None if hires is None else int(hires)


def common_fields(inputs: Inputs, rates: Sequence[DatedRate] = ()) -> dict[str, object]:
    """Return what the statement and the comparison both say; ``rates`` are further ones used."""
    query = inputs.query
    return {
        **trust_of(inputs.freshness, inputs.org.zone).model_dump(),
        "from_": query.from_,
        "to": query.to,
        "basis": query.basis,
        "channel": query.channel,
        "currency": inputs.org.currency,
        "recruiting_to": inputs.recruiting_to,
        "hires": inputs.hires,
        "cost": inputs.cost,
        "total_revenue": inputs.revenue,
        "is_partial": is_partial(query.to, inputs.freshness.complete_until, inputs.org.zone),
        "assumptions": assumption_lines(list(dict.fromkeys((*inputs.rates, *rates)))),
        "notices": inputs.notices,
    }
