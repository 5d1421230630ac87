"""The ROI of a cohort by age: what its touches have brought so far, and will have in the end.

The arithmetic is that of :mod:`shared.kpis`: nothing is computed here.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.api.answers import is_partial, trust_of
from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.freshness import answer_day, freshness_of
from services.api.kpis.service import assumption_lines
from services.api.lookback import look
from services.api.model import exact
from services.api.roi.cohort_schemas import (
    AgeUnit,
    CohortPoint,
    CohortQuery,
    CohortRoi,
    Expected,
    ExpectedPayback,
    HistoryUsed,
)
from services.api.roi.costs import read_cost
from services.api.roi.inputs import MARGIN_CHANGED, is_reported, margin_changes
from services.api.roi.leads import open_leads, read_history
from services.api.roi.repository import (
    Basis,
    CreditQuery,
    Opportunities,
    dated_credit,
    opportunities,
)
from services.api.roi.returns import maturity_of, payback_of
from services.api.roi.schemas import Cost, Notice
from shared.errors import Invalid
from shared.kpis.cohort import roi_at_ages
from shared.kpis.cohort_forecast import (
    LEVEL,
    REPLICATES,
    SEED,
    TOO_FEW_OUTCOMES,
    Forecast,
    History,
    OpenLead,
    forecast,
)
from shared.kpis.expressions import rounded
from shared.kpis.periods import MOST_BUCKETS, add_months
from shared.kpis.rates import DatedRate, rate_in_force
from shared.kpis.survival import Outcome
from shared.kpis.vocabulary import ConversionKind
from shared.money import exponent
from shared.rollups.read import live_generation

__all__ = ["cohort_roi"]

_METHOD: Final = "aalen_johansen_bootstrap"
_NO_MARGIN: Final = "missing:gross_margin"
_NO_DEALS: Final = "missing:revenue"
_YOUNG: Final = Notice(
    code="no_close_yet",
    message=(
        "None of the cohort's deals has closed. Its return so far is -100 % by construction; the"
        " expected value says what history lets expect of it."
    ),
)
_SHORT: Final = Notice(
    code="history_short",
    message=(
        "The oldest lead is younger than three usual times from a lead to its win. Later wins than"
        " those seen so far are not expected: the expected value is likely to be too low."
    ),
)


@dataclass(frozen=True, slots=True)
class _Cohort:
    """Everything read about a cohort, before any arithmetic."""

    today: date
    margins: Sequence[tuple[date, Decimal]]
    cost: Decimal | None
    open_leads: Sequence[OpenLead]
    history: History
    has_deals: bool
    margin: DatedRate | None
    margin_changes: bool
    digits: int

    @property
    def realized(self) -> Decimal:
        """Return the value so far."""
        return sum((amount for _, amount in self.margins), Decimal(0))

    @property
    def is_valued(self) -> bool:
        """Tell whether there is a value: without any deal told of, 0 would stand for unknown."""
        return self.margin is not None and self.has_deals


async def cohort_roi(access: Access, query: CohortQuery) -> CohortRoi:
    """Return the cohort of a period at every age, its maturity and its expected final value.

    Raises:
        Invalid: the curve would have more points than an answer may hold (``cost_limit``).
    """
    org, connection = access.org, access.connection
    await look(access, query)
    freshness = await freshness_of(connection, org.id)
    now = answer_day(org, freshness)
    generation = await live_generation(connection, org.id)
    cost = await read_cost(access, query.period, query.cost_basis, query.amortize_months)
    cohort = await _read(access, query, generation, now, cost.total)
    # Some hundred replicates take a while: other requests go on meanwhile.
    expected = await asyncio.to_thread(_forecast, cohort) if cohort.is_valued else None
    decided = await opportunities(
        connection,
        org.id,
        generation,
        period=query.period,
        channel=query.channel,
        window_days=org.window_days,
    )
    return CohortRoi(
        **trust_of(freshness, org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, freshness.complete_until, org.zone),
        today=now,
        channel=query.channel,
        model=query.model,
        currency=org.currency,
        cost=cost,
        realized=_cents(cohort.realized, cohort.digits) if cohort.is_valued else None,
        age_unit=query.age_unit,
        curve=_curve(query, cohort) if cohort.is_valued else [],
        maturity=maturity_of(decided if cohort.has_deals else None),
        payback=payback_of(cohort.margins, cohort.cost, query.from_, now),
        expected=_expected(cohort, expected),
        assumptions=assumption_lines([] if cohort.margin is None else [cohort.margin]),
        notices=list(_notices(cohort, cost, decided, expected)),
    )


def _notices(
    cohort: _Cohort, cost: Cost, decided: Opportunities, expected: Forecast | None
) -> Iterator[Notice]:
    if cohort.is_valued and cost.can_be_returned and not decided.closed:
        yield _YOUNG
    if expected is not None and cohort.open_leads and cohort.history.is_short:
        yield _SHORT
    if cohort.margin_changes:
        yield MARGIN_CHANGED


async def _read(
    access: Access, query: CohortQuery, generation: int, today: date, cost: Decimal | None
) -> _Cohort:
    org, connection = access.org, access.connection
    stated = await rates_of(connection, org.id)
    rate = rate_in_force(stated, "gross_margin", query.period.last_day)
    margin = Decimal(0) if rate is None else rate.value
    asked = CreditQuery(Basis.COHORT, query.period, query.model, query.channel)
    credits = await dated_credit(connection, org.id, generation, asked)
    return _Cohort(
        today=today,
        margins=[(day, amount * margin) for day, amount in credits],
        cost=cost,
        open_leads=await open_leads(
            connection,
            org.id,
            generation,
            today=today,
            period=query.period,
            channel=query.channel,
            window_days=org.window_days,
            margin=margin,
        ),
        history=await read_history(
            connection,
            org.id,
            generation,
            today=today,
            model=query.model,
            channel=query.channel,
            margin=margin,
        ),
        has_deals=await is_reported(access, ConversionKind.DEAL, query.period),
        margin=rate,
        margin_changes=margin_changes(stated, query.period, Basis.COHORT, today),
        digits=exponent(org.currency),
    )


def _forecast(cohort: _Cohort) -> Forecast | None:
    return forecast(
        cohort.history,
        cohort.open_leads,
        realized=cohort.realized,
        cost=cohort.cost,
        digits=cohort.digits,
    )


def _ages(unit: AgeUnit, start: date, today: date) -> Iterator[date]:
    """Yield the day of each age, from 0 to the last one that has come.

    Raises:
        Invalid: there are too many (``cost_limit``).
    """
    for age in range(MOST_BUCKETS):
        match unit:
            case AgeUnit.DAY:
                day = start + timedelta(days=age)
            case AgeUnit.WEEK:
                day = start + timedelta(weeks=age)
            case AgeUnit.MONTH:
                day = add_months(start, age)
        if day > today:
            return
        yield day
    raise Invalid("The cohort is too old for such short steps.", code="cost_limit")


def _curve(query: CohortQuery, cohort: _Cohort) -> list[CohortPoint]:
    points = roi_at_ages(
        cohort.margins,
        cost=cohort.cost or Decimal(0),
        starts_on=query.from_,
        days=_ages(query.age_unit, query.from_, cohort.today),
    )
    return [
        CohortPoint(
            age=age,
            day=point.day,
            cumulative=rounded(Fraction(point.cumulative), cohort.digits),
            roi_percent=point.roi_percent,
        )
        for age, point in enumerate(points)
    ]


def _expected(cohort: _Cohort, found: Forecast | None) -> Expected:
    history, digits = cohort.history, cohort.digits
    value = low = high = None
    if found is not None:
        value, low, high = found.expected_final, found.interval.low, found.interval.high
    reason = None if found else _no_forecast(cohort)
    return Expected(
        value=_cents(value, digits),
        low=_cents(low, digits),
        high=_cents(high, digits),
        roi_percent=_return(value, cohort.cost),
        roi_low_percent=_return(low, cohort.cost),
        roi_high_percent=_return(high, cohort.cost),
        level_percent=Decimal(int(LEVEL * 100)),
        method=_METHOD,
        replicates=REPLICATES,
        seed=SEED,
        open_leads=len(cohort.open_leads),
        further_wins=exact(found.expected_wins) if found else None,
        history=HistoryUsed(
            won=history.count(Outcome.WON),
            lost=history.count(Outcome.LOST),
            open=history.count(Outcome.OPEN),
            wins=len(history.wins),
            longest_win_days=history.longest_win_days,
        ),
        payback=_expected_payback(cohort.today, found) if found else None,
        null_reason=reason,
    )


def _no_forecast(cohort: _Cohort) -> str:
    """Return why nothing is expected of a cohort."""
    if cohort.margin is None:
        return _NO_MARGIN
    return TOO_FEW_OUTCOMES if cohort.has_deals else _NO_DEALS


def _cents(amount: Decimal | Fraction | None, digits: int) -> Decimal | None:
    return None if amount is None else rounded(Fraction(amount), digits)


def _return(value: Decimal | Fraction | None, cost: Decimal | None) -> Decimal | None:
    # Of the value as it is, like the curve's: rounded once, not to cents before.
    if value is None or cost is None or cost <= 0:
        return None
    return rounded((Fraction(value) - Fraction(cost)) / Fraction(cost) * 100, 2)


def _expected_payback(today: date, found: Forecast) -> ExpectedPayback | None:
    if found.payback is None:
        return None
    days = (found.payback.days, found.payback.earliest, found.payback.latest)
    day, earliest, latest = (None if n is None else today + timedelta(days=n) for n in days)
    return ExpectedPayback(
        day=day,
        earliest=earliest,
        latest=latest,
        chance_percent=rounded(found.payback.chance * 100, 2),
    )
