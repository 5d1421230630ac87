"""The ROI statement of one model.

The arithmetic is that of :mod:`shared.kpis`: nothing is computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis, rates_used
from services.api.freshness import answer_day
from services.api.roi.guard import adding
from services.api.roi.inputs import Inputs, common_fields, read_inputs
from services.api.roi.moves import Moving, move_of, told_on_both_sides
from services.api.roi.queries import Form, StatementQuery
from services.api.roi.repository import CreditQuery, dated_credit, opportunities
from services.api.roi.returns import (
    break_evens,
    maturity_of,
    payback_of,
    return_of,
    value_part,
)
from services.api.roi.schemas import (
    CurvePoint,
    Maturity,
    Media,
    Notice,
    RoiStatement,
)
from shared.kpis import roi
from shared.kpis.cohort import cohort_curve
from shared.kpis.compose import KpiValue
from shared.kpis.definitions import catalogue
from shared.kpis.emv import EmvMethod
from shared.kpis.expressions import rounded
from shared.kpis.rates import DatedRate
from shared.kpis.roi import Roi
from shared.kpis.value import Overlaps
from shared.kpis.vocabulary import AttributionModel
from shared.orgs import HalfLifeSource, Org

__all__ = ["headline_percent", "media_values", "statement"]


async def statement(access: Access, query: StatementQuery) -> RoiStatement:
    """Return the ROI of a period under one model, and how far it moved if it was published.

    Raises:
        Invalid: the headline asked for counts the same money twice (``overlapping_value``).
    """
    here, sides = await told_on_both_sides(access, query, lambda: _told(access, query))
    if sides is None:
        return here
    live, published = (
        Moving(side.credited_revenue, side.credited_wins, side.cost.total, side.headline.percent)
        for side in sides
    )
    return here.model_copy(update={"moved": move_of(live, published)})


async def _told(access: Access, query: StatementQuery) -> RoiStatement:
    """Return the statement in the transaction's time."""
    inputs = await read_inputs(access, query, recruiting_by=query.recruiting_method)
    media, media_rates = await media_values(access, inputs)
    revenue, cost = inputs.credited(query.model), inputs.cost.total
    returns = _returns(query, inputs, media)
    digits = inputs.digits
    even = roi.break_evens(
        cost, inputs.gross_margin, inputs.recruiting, inputs.revenue or Decimal(0)
    )
    margins = await _dated_margins(access, inputs, query)
    said = common_fields(inputs, media_rates)
    said["notices"] = [*inputs.notices, *_of_half_life(inputs.org, query)]
    return RoiStatement(
        **said,
        model=query.model,
        credited_revenue=revenue,
        moved=None,
        credited_wins=inputs.wins(query.model),
        value_lines=[value_part(line, digits) for line in returns.cash.lines],
        headline=return_of(returns.headline, digits),
        roi_cash=return_of(returns.cash, digits),
        roi_on_revenue=return_of(returns.on_revenue, digits),
        roi_on_margin=return_of(returns.on_margin, digits),
        media=[_media(method, value, cost, digits) for method, value in media.items()],
        roi_blended=return_of(returns.blended, digits) if returns.blended else None,
        break_even=break_evens(even, digits),
        maturity=await _maturity(access, inputs),
        payback=payback_of(margins, cost, query.from_, answer_day(inputs.org, inputs.freshness)),
        curve=_curve(margins, cost, query.from_, digits),
    )


async def headline_percent(access: Access, query: StatementQuery) -> Decimal | None:
    """Return the headline of a statement, in the transaction's time, without the rest of it.

    Raises as :func:`statement`.
    """
    inputs = await read_inputs(access, query, recruiting_by=query.recruiting_method)
    is_cash = query.form in {Form.REVENUE, Form.MARGIN, Form.CASH}
    media = {} if is_cash else (await media_values(access, inputs))[0]
    return _returns(query, inputs, media).headline.percent


@dataclass(frozen=True, slots=True)
class _Returns:
    """Every form of the return; ``headline`` is the one asked for."""

    headline: Roi
    cash: Roi
    on_margin: Roi
    on_revenue: Roi
    blended: Roi | None


def _returns(
    query: StatementQuery, inputs: Inputs, media: Mapping[EmvMethod, KpiValue]
) -> _Returns:
    revenue, cost = inputs.credited(query.model), inputs.cost.total
    cash = roi.roi_cash(revenue, inputs.gross_margin, inputs.recruiting, cost)
    on_margin = roi.roi_on_margin(revenue, inputs.gross_margin, cost)
    on_revenue = roi.roi_on_revenue(revenue, cost)
    chosen = media[query.emv_method].exact if media else None
    blended = _blended(query, cash, chosen)
    headline = {
        Form.REVENUE: on_revenue,
        Form.MARGIN: on_margin,
        Form.CASH: cash,
        Form.MEDIA: roi.roi_media(chosen, cost),
        Form.BLENDED: blended or cash,  # asked for as headline, it was computed or refused
    }[query.form]
    return _Returns(headline, cash, on_margin, on_revenue, blended)


def _of_half_life(org: Org, query: StatementQuery) -> list[Notice]:
    """Say which half-life the time decay has where the organization did not choose it."""
    if query.model is not AttributionModel.TIME_DECAY:
        return []
    days = f"{org.half_life_days} days"
    if org.half_life_source is HalfLifeSource.MEASURED:
        told = f"half the median time from lead to close of {org.half_life_deals} won deals"
        return [Notice(code="half_life_measured", message=f"The half-life is {days}: {told}.")]
    if org.half_life_source is HalfLifeSource.DEFAULT:
        told = "nobody has chosen one, and too few deals were won to measure the sales cycle"
        return [Notice(code="half_life_default", message=f"The half-life is {days}: {told}.")]
    return []


async def media_values(
    access: Access, inputs: Inputs
) -> tuple[dict[EmvMethod, KpiValue], list[DatedRate]]:
    """Return media value by method, with every rate that priced it; nothing for other channels."""
    if not inputs.is_advocacy:
        return {}, []
    kpis = {method: catalogue().kpis[f"emv_{method}"] for method in EmvMethod}
    period = inputs.query.period
    found = await evaluate_kpis(access, list(kpis.values()), (period,), Slice(None, {}))
    stated = await rates_of(access.connection, inputs.org.id)
    rates = [rate for kpi in kpis.values() for rate in rates_used(kpi, stated, period)]
    return {method: found[kpi.id][0].value for method, kpi in kpis.items()}, rates


def _media(method: EmvMethod, value: KpiValue, cost: Decimal | None, digits: int) -> Media:
    return Media(
        method=method,
        amount=value.value,
        arithmetic=value.arithmetic,
        roi_media=return_of(roi.roi_media(value.exact, cost), digits),
    )


def _blended(query: StatementQuery, cash: Roi, media_value: Fraction | None) -> Roi | None:
    """Return the blended form if it is wanted; adding it up unasked is refused."""
    if not query.include_blended and query.form is not Form.BLENDED:
        return None
    overlaps = Overlaps.ACCEPTED if query.include_blended else Overlaps.REFUSED
    with adding("include_blended"):
        return roi.roi_blended(cash, media_value, overlaps)


async def _dated_margins(
    access: Access, inputs: Inputs, query: StatementQuery
) -> list[tuple[date, Decimal]]:
    """Return margin by day of close; nothing without a stated margin."""
    if inputs.gross_margin is None:
        return []
    asked = CreditQuery(query.basis, query.period, query.model, query.channel)
    credits = await dated_credit(access.connection, inputs.org.id, inputs.generation, asked)
    return [(day, amount * inputs.gross_margin) for day, amount in credits]


async def _maturity(access: Access, inputs: Inputs) -> Maturity:
    if inputs.revenue is None:
        return maturity_of(None)
    found = await opportunities(
        access.connection,
        inputs.org.id,
        inputs.generation,
        period=inputs.query.period,
        channel=inputs.query.channel,
        window_days=inputs.org.window_days,
    )
    return maturity_of(found)


def _curve(
    margins: list[tuple[date, Decimal]], cost: Decimal | None, starts_on: date, digits: int
) -> list[CurvePoint]:
    points = cohort_curve(margins, cost=cost or Decimal(0), starts_on=starts_on)
    return [
        CurvePoint(
            day=point.day,
            age_days=point.age_days,
            cumulative=rounded(Fraction(point.cumulative), digits),
            roi_percent=point.roi_percent,
        )
        for point in points
    ]
