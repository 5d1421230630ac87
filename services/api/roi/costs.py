"""The cost of a period: from the rollups, or line by line where one-off costs are amortized."""

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.api.answers import is_partial
from services.api.dependencies import Access
from services.api.pinning import Moment, moment_of
from services.api.privacy import may_see_people
from services.api.roi.cost_schemas import ChargedLine, CostStatement
from services.api.roi.queries import CostQuery
from services.api.roi.schemas import Cost, CostPart
from shared.errors import InvalidCursor
from shared.kpis.costs import CostBasis, CostLine, charged, cost_in
from shared.kpis.expressions import rounded
from shared.kpis.periods import Period
from shared.kpis.vocabulary import CostCategory
from shared.money import exponent, round_money
from shared.rollups.cost_lines import BookedCost, read_costs
from shared.rollups.read import MeasureQuery, live_generation, read_measures
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["cost_statement", "read_cost"]

_COSTS: Final = {f"cost.{category}": category for category in CostCategory}


async def read_cost(
    access: Access, period: Period, basis: CostBasis, amortize_months: int | None
) -> Cost:
    """Return the cost of a period by category; null if no cost was ever booked."""
    table = await read_measures(
        access.connection, access.org, ["cost", *_COSTS], MeasureQuery((period,))
    )
    row = table[0, ""]
    if row["cost"] is None:
        return _cost({}, basis, amortize_months, is_booked=False)
    amounts = {category: Fraction(row[measure] or 0) for measure, category in _COSTS.items()}
    if amortize_months is not None:
        for category, difference in (await _moved(access, period, amortize_months)).items():
            amounts[category] += Fraction(difference)
    digits = exponent(access.org.currency)
    covered = {
        category: rounded(amount, digits)
        for category, amount in amounts.items()
        if basis.covers(category)
    }
    return _cost(covered, basis, amortize_months, is_booked=True)


def _cost(
    amounts: dict[CostCategory, Decimal],
    basis: CostBasis,
    amortize_months: int | None,
    *,
    is_booked: bool,
) -> Cost:
    return Cost(
        total=sum(amounts.values(), Decimal(0)) if is_booked else None,
        by_category=[
            CostPart(category=category, amount=amount)
            for category, amount in amounts.items()
            if amount
        ],
        basis=basis,
        amortize_months=amortize_months,
    )


async def _moved(access: Access, period: Period, months: int) -> dict[CostCategory, Decimal]:
    """Return by how much amortizing one-off costs changes the cost of a period."""
    digits = exponent(access.org.currency)
    moved: dict[CostCategory, Decimal] = defaultdict(Decimal)
    for cost in await _booked(access):
        line = cost.line
        if line.is_one_off:
            spread = cost_in(charged(line, months), period, digits)
            moved[line.category] += spread - cost_in(line, period, digits)
    return moved


async def _booked(access: Access) -> list[BookedCost]:
    generation = await live_generation(access.connection, access.org.id)
    return await read_costs(access.connection, access.org.id, generation)


@dataclass(frozen=True, slots=True)
class _Charged:
    cost: BookedCost
    line: CostLine
    in_period: Decimal


async def cost_statement(access: Access, keyring: KeyRing, query: CostQuery) -> CostStatement:
    """Return a page of the lines of a period's cost; all of them add up to it, to the cent.

    Raises:
        InvalidCursor: the cursor belongs to another statement.
        Conflict: the statement was begun in another generation (``list_outdated``).
    """
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    codec = CursorCodec(keyring, access.org.id, {"roi": "costs", **asked})
    begun, start = _begun(codec, query.cursor)
    moment = await moment_of(access, query, begun)
    digits = exponent(access.org.currency)
    lines = []
    for cost in await _booked(access):
        line = charged(cost.line, query.amortize_months)
        in_period = cost_in(line, query.period, digits)
        if in_period and query.cost_basis.covers(line.category):
            lines.append(_Charged(cost, line, in_period))
    end = start + query.limit
    return CostStatement(
        **moment.trust(access.org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, moment.complete_until, access.org.zone),
        currency=access.org.currency,
        cost=await read_cost(access, query.period, query.cost_basis, query.amortize_months),
        lines_total=len(lines),
        lines=[
            _line(line, digits, with_people=may_see_people(access)) for line in lines[start:end]
        ],
        next_cursor=moment.cursor(codec, [end]) if end < len(lines) else None,
    )


def _begun(codec: CursorCodec, cursor: str | None) -> tuple[Moment | None, int]:
    if cursor is None:
        return None, 0
    moment, place = Moment.read(codec, cursor)
    match place:
        case [int(start)]:
            return moment, start
    raise InvalidCursor


def _line(charged_line: _Charged, digits: int, *, with_people: bool) -> ChargedLine:
    cost, line = charged_line.cost, charged_line.line
    is_named = with_people or not cost.is_personal
    return ChargedLine(
        category=line.category,
        amount=round_money(cost.line.amount, digits),
        in_period=charged_line.in_period,
        booked_from=cost.line.starts_on,
        booked_to=cost.line.ends_on,
        charged_from=line.starts_on,
        charged_to=line.ends_on,
        is_one_off=line.is_one_off,
        evidence=cost.evidence,
        owner=cost.owner,
        source=cost.source,
        external_id=cost.external_id if is_named else None,
        position=cost.position,
    )
