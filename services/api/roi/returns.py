"""Returns, lines of value and what tells how far they are final, as answers show them."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from math import ceil

from services.api.model import exact
from services.api.roi.repository import Opportunities
from services.api.roi.schemas import BreakEven, Maturity, Overlap, Payback, Return, ValuePart
from shared.kpis.cohort import maturity, payback
from shared.kpis.expressions import rounded
from shared.kpis.roi import BreakEven as BreakEvenPoint
from shared.kpis.roi import Roi, RoiForm
from shared.kpis.value import ValueLine
from shared.money import from_units

__all__ = ["break_evens", "maturity_of", "payback_of", "return_of", "value_part"]


def return_of(roi: Roi, digits: int) -> Return:
    """Return a return; ``digits`` are the currency's minor digits."""
    return Return(
        form=roi.form,
        percent=roi.percent,
        value=None if roi.value is None else rounded(roi.value, digits),
        arithmetic=roi.arithmetic,
        grade=roi.grade,
        counted_twice=[
            Overlap(one=one, other=other, reason=reason) for one, other, reason in roi.counted_twice
        ],
        null_reason=roi.null_reason,
    )


def value_part(line: ValueLine, digits: int) -> ValuePart:
    """Return a line of value."""
    return ValuePart(
        kind=line.kind,
        amount=line.amount(digits),
        value_class=line.value_class,
        grade=line.grade,
        formula=line.formula,
        arithmetic=line.arithmetic,
        null_reason=line.null_reason,
    )


def break_evens(points: Mapping[RoiForm, BreakEvenPoint | None], digits: int) -> list[BreakEven]:
    """Return the break-even of each form that has one.

    It is rounded up: a part of a minor unit less would be a loss.
    """
    return [
        BreakEven(
            form=form,
            revenue=from_units(ceil(point.revenue * 10**digits), digits),
            share_percent=exact(point.share_percent),
        )
        for form, point in points.items()
        if point is not None
    ]


def maturity_of(found: Opportunities | None) -> Maturity:
    """Return how much of a period's business is decided; None stands for business nobody told."""
    if found is None:
        return Maturity(opened=None, closed=None, percent=None)
    share = maturity(closed=found.closed, opened=found.opened)
    return Maturity(opened=share.opened, closed=share.closed, percent=share.percent)


def payback_of(
    margins: Sequence[tuple[date, Decimal]], cost: Decimal | None, starts_on: date, today: date
) -> Payback | None:
    """Return when margin, by day of close, first covered the cost; None while it has not.

    A period that has not begun has covered nothing, though nothing was booked for it yet.
    """
    if cost is None or starts_on > today:
        return None
    found = payback(margins, cost=cost, starts_on=starts_on)
    return Payback(day=found.day, age_days=found.age_days) if found else None
