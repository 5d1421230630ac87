"""What amounts told in another currency are worth: the rate of their day makes them the own one's.

The day is that of a deal's close, the first one of a cost or a quota, a figure's own; an open deal
has none but that of its fact. Amounts are rounded to the minor unit of the organization's currency,
halves away from zero.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from shared.facts import CostBooked, DealChanged, Fact, FigureRecorded, QuotaSet
from tests.property.oracle.ledger import History
from tests.property.oracle.rates import stated_on
from tests.property.oracle.sales import closed_at
from tests.property.oracle.spending import half_away_from_zero

__all__ = ["in_own_currency"]


def in_own_currency(history: History, own: str) -> History:
    """Return the same history told in one currency, at the rates stated in the end."""
    return replace(history, facts=[_converted(history, fact, own) for fact in history.facts])


def _converted(history: History, fact: Fact, own: str) -> Fact:
    match fact:
        case DealChanged(currency=str(currency)) if currency != own:
            worth = _worth(history, fact.amount, currency, _day_of_deal(history, fact))
            return fact.model_copy(update={"amount": worth, "currency": own})
        case CostBooked(currency=currency) | QuotaSet(currency=currency) if currency != own:
            worth = _worth(history, fact.amount, currency, fact.starts_on)
            return fact.model_copy(update={"amount": worth, "currency": own})
        case FigureRecorded(currency=str(currency)) if currency != own:
            worth = _worth(history, fact.value, currency, fact.day)
            return fact.model_copy(update={"value": worth, "currency": own})
    return fact


def _day_of_deal(history: History, deal: DealChanged) -> date:
    return history.day(closed_at(deal) or deal.occurred_at)


def _worth(history: History, amount: Decimal | None, currency: str, day: date) -> Decimal | None:
    if amount is None:
        return None
    rate = stated_on(history.stated, f"exchange_rate.{currency}", day)
    assert rate is not None, "an amount is refused unless a rate of its day is stated"
    unit = 10**history.minor_digits
    units = half_away_from_zero(Fraction(amount) * rate * unit)
    return Decimal(units).scaleb(-history.minor_digits)
