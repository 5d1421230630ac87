"""The internal network's statement: what it saved in a year, each line with its evidence."""

from decimal import Decimal

from services.api.answers import trust_of
from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.freshness import freshness_of
from services.api.kpis.service import assumption_lines
from services.api.lookback import look
from services.api.roi.guard import adding
from services.api.roi.network_schemas import NetworkQuery, NetworkStatement
from services.api.roi.returns import return_of, value_part
from shared.kpis.esn import esn_claims, esn_inputs, esn_roi
from shared.kpis.rates import rate_in_force
from shared.kpis.vocabulary import Grade
from shared.money import exponent, round_money

__all__ = ["network_statement"]


async def network_statement(access: Access, query: NetworkQuery) -> NetworkStatement:
    """Return the saving of a year at the rates in force on a day, and claims beside it.

    Raises:
        Invalid: lines hold the same time, and were not asked to be added (``overlapping_value``),
            or as :func:`services.api.lookback.look`.
        Unavailable: likewise.
    """
    await look(access, query)
    freshness = await freshness_of(access.connection, access.org.id)
    stated = await rates_of(access.connection, access.org.id)
    found = (rate_in_force(stated, key, query.on) for key in esn_inputs())
    rates = [rate for rate in found if rate is not None]
    values: dict[str, Decimal | None] = {rate.key: rate.value for rate in rates}
    measured = {rate.key for rate in rates if rate.grade is Grade.MEASURED}
    digits = exponent(access.org.currency)
    with adding("accept_overlaps"):
        result = esn_roi(values, query.lines, query.overlaps, measured=measured)
    return NetworkStatement(
        **trust_of(freshness, access.org.zone).model_dump(),
        on=query.on,
        currency=access.org.currency,
        lines=[value_part(line, digits) for line in result.lines],
        cost=None if result.cost is None else round_money(result.cost, digits),
        roi=return_of(result, digits),
        claims=[value_part(line, digits) for line in esn_claims(values)],
        assumptions=assumption_lines(rates),
    )
