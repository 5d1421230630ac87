"""What the program cost in the first quarter: seven lines, 22,500.00 USD."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sandbox.golden.program import CURRENCY, Q1_END, Q1_START

__all__ = ["COSTS", "CostLine"]


@dataclass(frozen=True, slots=True)
class CostLine:
    """One cost, spread over the days of [``starts_on``, ``ends_on``)."""

    cost_id: str
    category: str
    amount: Decimal
    evidence: str
    note: str
    quantity: Decimal | None = None
    unit_rate: Decimal | None = None
    currency: str = CURRENCY
    starts_on: date = Q1_START
    ends_on: date = Q1_END


def _hours(
    cost_id: str, category: str, evidence: str, note: str, *, hours: int, rate: str
) -> CostLine:
    quantity, unit_rate = Decimal(hours), Decimal(rate)
    return CostLine(cost_id, category, quantity * unit_rate, evidence, note, quantity, unit_rate)


COSTS = (
    CostLine("C-1", "infrastructure", Decimal("900.00"), "invoice", "hosting of the program"),
    CostLine(
        "C-2",
        "expert",
        Decimal("2000.00"),
        "invoice",
        "workshop with an outside expert",
    ),
    _hours("C-3", "training", "timesheet", "30 people × 4 h", hours=30 * 4, rate="30.00"),
    _hours(
        "C-4",
        "employee_time",
        "estimate",
        "24 × 1 h × 13 weeks",
        hours=24 * 13,
        rate="30.00",
    ),
    _hours(
        "C-5",
        "manager_time",
        "estimate",
        "10 h × 13 weeks",
        hours=10 * 13,
        rate="35.00",
    ),
    CostLine("C-6", "content", Decimal("1500.00"), "invoice", "articles to share"),
    CostLine("C-7", "rewards", Decimal("590.00"), "invoice", "gift cards"),
)
