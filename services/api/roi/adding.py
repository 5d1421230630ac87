"""Lines of value that a caller adds up: what overlaps is refused, or flagged if it is wanted."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from services.api.answers import is_partial, trust_of
from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.kpis.service import assumption_lines
from services.api.lookback import look
from services.api.roi.adding_schemas import AddedValue, AddingQuery, ProgramLine
from services.api.roi.guard import adding
from services.api.roi.inputs import Inputs, read_inputs
from services.api.roi.returns import return_of, value_part
from services.api.roi.service import media_values
from shared.kpis import roi
from shared.kpis.compose import KpiValue
from shared.kpis.definitions import catalogue
from shared.kpis.rates import DatedRate, rate_in_force
from shared.kpis.recruiting import RATES, RecruitingMethod, recruiting_lines
from shared.kpis.roi import RoiForm
from shared.kpis.value import Overlaps, ValueLine

__all__ = ["add_lines"]

_RECRUITING: Final = {
    ProgramLine.RECRUITING_FLAT: RecruitingMethod.FLAT,
    ProgramLine.RECRUITING_COST_PER_HIRE: RecruitingMethod.COST_PER_HIRE,
    ProgramLine.RECRUITING_VACANCY: RecruitingMethod.VACANCY,
}


async def add_lines(access: Access, query: AddingQuery) -> AddedValue:
    """Return the sum of the lines asked for against the cost.

    Raises:
        Invalid: lines hold the same money, and were not asked to be added (``overlapping_value``).
    """
    await look(access, query)
    inputs = await read_inputs(access, query)
    media, rates = await media_values(access, inputs)
    priced = media[query.emv_method] if media else None
    recruiting = await _recruiting_rates(access, query)
    lines = [_line(line, inputs, query, priced, recruiting) for line in dict.fromkeys(query.lines)]
    overlaps = Overlaps.ACCEPTED if query.accept_overlaps else Overlaps.REFUSED
    with adding("accept_overlaps"):
        result = roi.roi(RoiForm.ADDED, lines, inputs.cost.total, overlaps)
    used = recruiting + (_of_method(rates, query) if ProgramLine.MEDIA in query.lines else [])
    if ProgramLine.MARGIN in query.lines:
        used = [rate for rate in inputs.rates if rate.key == "gross_margin"] + used
    return AddedValue(
        **trust_of(inputs.freshness, access.org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, inputs.freshness.complete_until, access.org.zone),
        basis=query.basis,
        channel=query.channel,
        model=query.model,
        currency=access.org.currency,
        cost=inputs.cost,
        lines=[value_part(line, inputs.digits) for line in lines],
        roi=return_of(result, inputs.digits),
        assumptions=assumption_lines(list(dict.fromkeys(used))),
    )


def _of_method(rates: Sequence[DatedRate], query: AddingQuery) -> list[DatedRate]:
    """Return the rates of the method asked for: media value is read by all of them."""
    keys = catalogue().assumptions_of(f"emv_{query.emv_method}")
    return [rate for rate in rates if rate.key in keys]


async def _recruiting_rates(access: Access, query: AddingQuery) -> list[DatedRate]:
    """Return the rates of the recruiting lines asked for, in force on the period's last day."""
    stated = await rates_of(access.connection, access.org.id)
    methods = [_RECRUITING[line] for line in query.lines if line in _RECRUITING]
    keys = [key for method in methods for key in RATES[method]]
    found = (rate_in_force(stated, key, query.period.last_day) for key in dict.fromkeys(keys))
    return [rate for rate in found if rate is not None]


def _line(
    line: ProgramLine,
    inputs: Inputs,
    query: AddingQuery,
    priced: KpiValue | None,
    recruiting: Sequence[DatedRate],
) -> ValueLine:
    revenue = inputs.credited(query.model)
    match line:
        case ProgramLine.REVENUE:
            return roi.revenue_line(revenue)
        case ProgramLine.MARGIN:
            return roi.margin_line(revenue, inputs.gross_margin)
        case ProgramLine.MEDIA:
            return _media(priced)
        case _:
            values: dict[str, Decimal | None] = {rate.key: rate.value for rate in recruiting}
            (found,) = recruiting_lines(inputs.referrals, values, _RECRUITING[line])
            return found


def _media(priced: KpiValue | None) -> ValueLine:
    """Return media value with the formula of its method: the same facts are priced in four ways."""
    if priced is None:
        return roi.media_line(None)
    return replace(
        roi.media_line(priced.exact),
        formula=priced.formula,
        arithmetic=priced.arithmetic,
        null_reason=priced.null_reason,
    )
