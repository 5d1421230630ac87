"""Compose: from measures to the value of a KPI, and from values to the value of a whole.

Arithmetic is exact; a value is rounded once, at the end, halves away from zero, to the digits its
definition gives. That is also what PostgreSQL's `round(numeric)` does, so both sides agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from shared.kpis.assumptions import ASSUMPTIONS, default_values
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.expressions import (
    Binary,
    Evaluation,
    Expression,
    Name,
    Number,
    exact_text,
    no_quotient,
    render,
    rounded,
)
from shared.kpis.expressions import evaluate as evaluate_expression
from shared.kpis.intervals import StatedInterval, interval_of
from shared.kpis.measures import MEASURES, Kept
from shared.kpis.vocabulary import Aggregation, Axis, Dimension, Unit

__all__ = [
    "AnsweredByStatement",
    "ForbiddenRollup",
    "KpiValue",
    "Quantity",
    "additive_over",
    "can_be_combined",
    "combine",
    "evaluate",
]

_DEFAULTS = default_values()

Quantity = Decimal | Fraction | int
"""What a measure can be: never a float."""

_Applied = tuple[Expression, Mapping[str, Fraction | None]]


class AnsweredByStatement(LookupError):
    """The KPI has no single number; the statement that its definition names answers it."""


class ForbiddenRollup(ValueError):
    """The parts cannot be combined: the sum or the mean of such values means nothing."""

    def __init__(self, kpi_id: str, over: Axis | Dimension, reason: str) -> None:
        super().__init__(f"{kpi_id} cannot be combined over {over}: {reason}")
        self.kpi_id = kpi_id
        self.over = over
        self.reason = reason


@dataclass(frozen=True, slots=True)
class KpiValue:
    """One value of one KPI, with everything needed to check it by hand.

    `value` is rounded for showing, `exact` is not; percents are percents (30, not 0.3). For a ratio
    `numerator` and `denominator` are what was divided. `null_reason` says why there is no value.
    `interval` is there for the KPIs whose definition asks for one.
    """

    kpi_id: str
    version: int
    unit: Unit
    value: Decimal | None
    exact: Fraction | None
    numerator: Fraction | None
    denominator: Fraction | None
    null_reason: str | None
    formula: str
    working: _Applied | _Parts | str = field(repr=False)
    interval: StatedInterval | None = None

    @property
    def arithmetic(self) -> str:
        """Return the computation as text: `30 / 100 = 30 %`, `100 / 24 ≈ 4.1667`."""
        if self.value is None or self.exact is None:
            return f"{self.steps} = null ({self.null_reason})"
        sign = "=" if self.exact == Fraction(self.value) else "≈"
        suffix = " %" if self.unit is Unit.PERCENT else ""
        return f"{self.steps} {sign} {exact_text(Fraction(self.value))}{suffix}"

    @property
    def steps(self) -> str:
        """Return what is computed, without what comes out."""
        match self.working:
            case str(text):
                return text
            case _Parts() as parts:
                return parts.text()
            case expression, values:
                return render(expression, values)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The computation of a whole: that of its parts, each at its own rates.

    Written when it is asked for: most values are never explained.
    """

    values: Sequence[KpiValue]
    is_ratio: bool

    def text(self) -> str:
        """Return it: `300 * 5 + 324 * 7`, or for a ratio `(300 * 5 + 324 * 7) / (100 + 90)`."""
        if not self.is_ratio:
            return " + ".join("null" if p.exact is None else p.steps for p in self.values)
        above, below = zip(*map(_sides, self.values), strict=True)
        return f"({' + '.join(above)}) / ({' + '.join(below)})"


def _sides(part: KpiValue) -> tuple[str, str]:
    match part.working:
        case Binary(operator="/", left=left, right=right), values:
            return render(left, values), render(right, values)
    return exact_text(part.numerator or Fraction(0)), exact_text(part.denominator or Fraction(0))


def evaluate(
    kpi: Kpi,
    measures: Mapping[str, Quantity | None],
    assumptions: Mapping[str, Decimal | None] | None = None,
    *,
    money_digits: int | None = None,
) -> KpiValue:
    """Compute a KPI from the measures of one period and slice.

    A KPI that is unavailable is null and says why. Assumptions not given take their defaults.
    `money_digits` are the minor-unit digits of the organization's currency, for amounts of money.
    Raises `AnsweredByStatement` for a KPI that a statement answers.
    """
    if kpi.unavailable is not None:
        return _value(kpi, Evaluation(None, None, None, kpi.unavailable), "nothing", money_digits)
    expression = _formula(kpi)
    stated = assumptions or {}
    values: dict[str, Fraction | None] = {}
    for name in catalogue().inputs[kpi.id]:
        is_assumption = name in ASSUMPTIONS
        value = stated.get(name, _DEFAULTS[name]) if is_assumption else measures.get(name)
        values[name] = None if value is None else Fraction(value)
    result = evaluate_expression(expression, values)
    found = _value(kpi, result, (expression, values), money_digits)
    return replace(found, interval=interval_of(kpi, values, result.null_reason))


def combine(
    kpi: Kpi,
    parts: Sequence[KpiValue],
    *,
    over: Axis | Dimension,
    money_digits: int | None = None,
) -> KpiValue:
    """Combine the values of disjoint parts, along time or a dimension, into that of the whole.

    Sums are summed; a ratio sums numerators and denominators and divides last. One part without a
    value leaves the whole without one. Raises `ForbiddenRollup` where the aggregation class forbids
    it: sums of distinct counts, levels over time, quantiles, scores, and ratios made of these.
    """
    if kpi.unavailable is not None:
        raise ForbiddenRollup(kpi.id, over, "it has no number")
    expression = _formula(kpi)
    if not parts:
        raise ValueError("there is nothing to combine")
    if any((part.kpi_id, part.version) != (kpi.id, kpi.version) for part in parts):
        raise ValueError(f"only values of {kpi.id}, version {kpi.version}, can be combined")
    _refuse_forbidden(kpi, expression, over)
    if kpi.aggregation is Aggregation.RATIO:
        return _combined_ratio(kpi, parts, money_digits)
    absent = next((part.null_reason for part in parts if part.exact is None), None)
    total = None if absent else sum((part.exact or Fraction(0) for part in parts), Fraction(0))
    working = _Parts(parts, is_ratio=False)
    return _value(kpi, Evaluation(total, None, None, absent), working, money_digits)


def can_be_combined(kpi: Kpi, *, over: Axis | Dimension) -> bool:
    """Tell whether `combine` would combine values of a KPI; raises `AnsweredByStatement`."""
    try:
        _refuse_forbidden(kpi, _formula(kpi), over)
    except ForbiddenRollup:
        return False
    return True


def _combined_ratio(kpi: Kpi, parts: Sequence[KpiValue], money_digits: int | None) -> KpiValue:
    above, below = Fraction(0), Fraction(0)
    absent: str | None = None
    for part in parts:
        # A part that cannot be divided still counts: 0 of 0 and 3 of 10 are 3 of 10.
        if part.numerator is None or part.denominator is None:
            absent = absent or part.null_reason
        else:
            above, below = above + part.numerator, below + part.denominator
    if absent:
        return _value(kpi, Evaluation(None, None, None, absent), "null", money_digits)
    reason = no_quotient(below)
    result = Evaluation(None if reason else above / below, above, below, reason)
    if catalogue().assumptions_of(kpi.id):
        # What was counted is one list for all parts, at several rates.
        return _value(kpi, result, _Parts(parts, is_ratio=True), money_digits)
    division = Binary("/", Name("numerator"), Name("denominator"))
    working = (division, {"numerator": above, "denominator": below})
    return _value(kpi, result, working, money_digits)


def additive_over(kpi: Kpi) -> tuple[Axis | Dimension, ...]:
    """Return the axes along which values of parts make the value of the whole (`combine`)."""
    if kpi.unavailable is not None or kpi.statement is not None:
        return ()
    axes: tuple[Axis | Dimension, ...] = (Axis.TIME, *kpi.dimensions)
    return tuple(axis for axis in axes if can_be_combined(kpi, over=axis))


def _refuse_forbidden(kpi: Kpi, expression: Expression, over: Axis | Dimension) -> None:
    if isinstance(over, Dimension) and over not in kpi.dimensions:
        raise ForbiddenRollup(kpi.id, over, "it is not grouped by this dimension")
    if kpi.aggregation is Aggregation.GAUGE and over is Axis.TIME:
        raise ForbiddenRollup(kpi.id, over, "a level has a last value, not a sum")
    reason = {
        Aggregation.DISTINCT: "who is in two parts would be counted twice",
        Aggregation.QUANTILE: "a quantile needs the values themselves",
        Aggregation.COMPOSITE: "a score is not made of the scores of its parts",
    }.get(kpi.aggregation)
    if reason:
        raise ForbiddenRollup(kpi.id, over, reason)
    sides: tuple[Expression, ...] = (expression,)
    if kpi.aggregation is Aggregation.RATIO and isinstance(expression, Binary):
        sides = (expression.left, expression.right)
    for side in sides:
        if not _adds_up(side, over):
            raise ForbiddenRollup(kpi.id, over, f"{render(side)} does not add up")


def _adds_up(expression: Expression, over: Axis | Dimension) -> bool:
    """Tell whether the expression of the whole is the sum of that of its parts."""
    match expression:
        case Name(id=name):
            return name in MEASURES and MEASURES[name].adds_up_over(over)
        case Binary(operator="+" | "-", left=left, right=right):
            return _adds_up(left, over) and _adds_up(right, over)
        case Binary(operator="*", left=left, right=right):
            one_way = _adds_up(left, over) and _is_constant(right, over)
            return one_way or (_is_constant(left, over) and _adds_up(right, over))
        case Binary(left=left, right=right):
            return _adds_up(left, over) and _is_constant(right, over)
    return False


def _is_constant(expression: Expression, over: Axis | Dimension) -> bool:
    match expression:
        case Number():
            return True
        case Name(id=name):
            is_calendar = name in MEASURES and MEASURES[name].kept is Kept.CALENDAR
            return name in ASSUMPTIONS or (is_calendar and over is not Axis.TIME)
        case Binary(left=left, right=right):
            return _is_constant(left, over) and _is_constant(right, over)


def _formula(kpi: Kpi) -> Expression:
    if kpi.statement is not None:
        raise AnsweredByStatement(f"{kpi.id} is answered by the {kpi.statement} statement")
    return catalogue().expanded[kpi.id]


def _value(
    kpi: Kpi,
    result: Evaluation,
    working: _Applied | _Parts | str,
    money_digits: int | None,
) -> KpiValue:
    exact = result.value
    if exact is not None and kpi.unit is Unit.PERCENT:
        exact *= 100
    digits = kpi.rounding
    if kpi.unit is Unit.MONEY and money_digits is not None:
        digits = money_digits
    return KpiValue(
        kpi_id=kpi.id,
        version=kpi.version,
        unit=kpi.unit,
        value=None if exact is None else rounded(exact, digits),
        exact=exact,
        numerator=result.numerator,
        denominator=result.denominator,
        null_reason=result.null_reason,
        formula=kpi.formula or "",
        working=working,
    )
