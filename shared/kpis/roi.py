"""Return on investment: (value - cost) / cost, in forms that never mix, under every model at once.

*Cash* is margin and recruiting savings and the form to judge a program by; *media* is what the
attention would have cost and stands alone; *blended* adds both, counts the same clicks twice, and
is given only on request and flagged. On revenue and on margin are the two steps towards cash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.kpis.expressions import exact_text, no_quotient, rounded
from shared.kpis.value import (
    Overlaps,
    ValueClass,
    ValueKind,
    ValueLine,
    overlapping,
    total_value,
    value_line,
    weakest,
)
from shared.kpis.vocabulary import Grade

__all__ = [
    "BreakEven",
    "ModelComparison",
    "ModelRoi",
    "Roi",
    "RoiForm",
    "Spread",
    "break_even",
    "break_evens",
    "compare_models",
    "margin_line",
    "media_line",
    "part_percent",
    "revenue_line",
    "roi",
    "roi_blended",
    "roi_cash",
    "roi_media",
    "roi_on_margin",
    "roi_on_revenue",
]


class RoiForm(StrEnum):
    """Which value is set against the cost."""

    REVENUE = "revenue"
    MARGIN = "margin"
    CASH = "cash"
    MEDIA = "media"
    BLENDED = "blended"
    INTERNAL_NETWORK = "internal_network"
    ADDED = "added"  # lines that a caller chose


@dataclass(frozen=True, slots=True)
class Roi:
    """One return: what was set against what, and everything that would make it doubtful."""

    form: RoiForm
    lines: tuple[ValueLine, ...]
    value: Fraction | None
    cost: Decimal | None
    exact: Fraction | None
    grade: Grade
    counted_twice: tuple[tuple[ValueKind, ValueKind, str], ...]
    null_reason: str | None

    @property
    def percent(self) -> Decimal | None:
        """Return the percentage with two fraction digits, halves away from zero: 1.33."""
        return None if self.exact is None else rounded(self.exact, 2)

    @property
    def arithmetic(self) -> str:
        """Return the computation as text: `(22800 - 22500) / 22500 ≈ 1.33 %`."""
        if self.exact is None or self.value is None or self.cost is None:
            return f"null ({self.null_reason})"
        shown = rounded(self.exact, 2)
        sign = "=" if self.exact == Fraction(shown) else "≈"
        value, cost = exact_text(self.value), exact_text(Fraction(self.cost))
        return f"({value} - {cost}) / {cost} {sign} {exact_text(Fraction(shown))} %"


def roi(
    form: RoiForm,
    lines: Sequence[ValueLine],
    cost: Decimal | None,
    overlaps: Overlaps = Overlaps.REFUSED,
) -> Roi:
    """Return (sum of lines - cost) / cost in percent; null without a cost or with a null line.

    More credit notes than invoices are no cost that anything could return.

    Raises `OverlappingValue` when lines hold the same money and overlaps are refused.
    """
    value, reason = total_value(lines, overlaps)
    reason = reason or ("missing:cost" if cost is None else no_quotient(cost))
    exact = None
    if value is not None and cost is not None and reason is None:
        exact = (value - Fraction(cost)) / Fraction(cost) * 100
    return Roi(
        form=form,
        lines=tuple(lines),
        value=value,
        cost=cost,
        exact=exact,
        grade=weakest(lines),
        counted_twice=overlapping(line.kind for line in lines),
        null_reason=reason,
    )


def revenue_line(revenue: Decimal | None) -> ValueLine:
    """Return credited revenue as a line of value."""
    return value_line(
        ValueKind.REVENUE,
        "revenue",
        {"revenue": revenue},
        value_class=ValueClass.CASH,
        grade=Grade.MODELLED,
    )


def margin_line(revenue: Decimal | None, gross_margin: Decimal | None) -> ValueLine:
    """Return the gross margin of credited revenue; null while the company states no margin."""
    return value_line(
        ValueKind.MARGIN,
        "revenue * gross_margin",
        {"revenue": revenue, "gross_margin": gross_margin},
        value_class=ValueClass.CASH,
        grade=Grade.MODELLED,
    )


def media_line(media_value: Decimal | Fraction | None) -> ValueLine:
    """Return earned media value as a line: cost avoided, never income."""
    return value_line(
        ValueKind.MEDIA,
        "media_value",
        {"media_value": media_value},
        value_class=ValueClass.AVOIDED_COST,
        grade=Grade.MODELLED,
    )


def roi_on_revenue(revenue: Decimal | None, cost: Decimal | None) -> Roi:
    """Return the ROI of credited revenue."""
    return roi(RoiForm.REVENUE, [revenue_line(revenue)], cost)


def roi_on_margin(
    revenue: Decimal | None, gross_margin: Decimal | None, cost: Decimal | None
) -> Roi:
    """Return the ROI of the margin of credited revenue."""
    return roi(RoiForm.MARGIN, [margin_line(revenue, gross_margin)], cost)


def roi_cash(
    revenue: Decimal | None,
    gross_margin: Decimal | None,
    recruiting: Sequence[ValueLine],
    cost: Decimal | None,
) -> Roi:
    """Return the ROI of margin and recruiting savings, without media value: the default form."""
    return roi(RoiForm.CASH, [margin_line(revenue, gross_margin), *recruiting], cost)


def roi_media(media_value: Decimal | Fraction | None, cost: Decimal | None) -> Roi:
    """Return the ROI of earned media value alone: what the attention would have cost."""
    return roi(RoiForm.MEDIA, [media_line(media_value)], cost)


def roi_blended(
    cash: Roi, media_value: Decimal | Fraction | None, overlaps: Overlaps = Overlaps.REFUSED
) -> Roi:
    """Return the ROI of the cash form plus media value; `counted_twice` names what overlaps.

    Raises `OverlappingValue` unless overlaps are accepted explicitly.
    """
    return roi(RoiForm.BLENDED, [*cash.lines, media_line(media_value)], cash.cost, overlaps)


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The least credited revenue at which a form of ROI is no loss, and its part of all won."""

    revenue: Fraction
    share_percent: Fraction | None


@dataclass(frozen=True, slots=True)
class Spread:
    """How far apart the models are in one form, in percentage points."""

    lowest: Fraction
    highest: Fraction

    @property
    def points(self) -> Fraction:
        """Return the distance between the extremes."""
        return self.highest - self.lowest

    @property
    def sign_depends_on_model(self) -> bool:
        """Tell whether one model shows a loss where another does not."""
        return self.lowest < 0 <= self.highest


@dataclass(frozen=True, slots=True)
class ModelRoi:
    """What one attribution model says; no revenue: it credits what is worth no money."""

    model: str
    revenue: Decimal | None
    share_percent: Fraction | None
    on_revenue: Roi
    on_margin: Roi
    cash: Roi


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """All models side by side; spreads and break-evens by form, None where an input is missing."""

    models: tuple[ModelRoi, ...]
    spreads: Mapping[RoiForm, Spread | None]
    break_evens: Mapping[RoiForm, BreakEven | None]

    @property
    def sign_depends_on_model(self) -> bool:
        """Tell whether in any form the choice of model decides between gain and loss."""
        return any(spread and spread.sign_depends_on_model for spread in self.spreads.values())


def compare_models(
    revenue: Mapping[str, Decimal | None],
    *,
    total_revenue: Decimal,
    gross_margin: Decimal | None,
    recruiting: Sequence[ValueLine],
    cost: Decimal | None,
) -> ModelComparison:
    """Compute the ROI of the revenue each model credits, the spread, and where it breaks even."""
    models = tuple(
        ModelRoi(
            model=model,
            revenue=credited,
            share_percent=None
            if credited is None
            else part_percent(Fraction(credited), Fraction(total_revenue)),
            on_revenue=roi_on_revenue(credited, cost),
            on_margin=roi_on_margin(credited, gross_margin, cost),
            cash=roi_cash(credited, gross_margin, recruiting, cost),
        )
        for model, credited in revenue.items()
    )
    return ModelComparison(
        models,
        spreads={
            RoiForm.REVENUE: _spread([model.on_revenue for model in models]),
            RoiForm.MARGIN: _spread([model.on_margin for model in models]),
            RoiForm.CASH: _spread([model.cash for model in models]),
        },
        break_evens=break_evens(cost, gross_margin, recruiting, total_revenue),
    )


def break_evens(
    cost: Decimal | None,
    gross_margin: Decimal | None,
    recruiting: Sequence[ValueLine],
    total_revenue: Decimal,
) -> dict[RoiForm, BreakEven | None]:
    """Return where each form that counts credited revenue breaks even; None without an input."""
    saved, _ = total_value(recruiting)
    return {
        RoiForm.REVENUE: break_even(cost, Decimal(1), Fraction(0), total_revenue),
        RoiForm.MARGIN: break_even(cost, gross_margin, Fraction(0), total_revenue),
        RoiForm.CASH: break_even(cost, gross_margin, saved, total_revenue),
    }


def break_even(
    cost: Decimal | None,
    gross_margin: Decimal | None,
    other_value: Fraction | None,
    total_revenue: Decimal,
) -> BreakEven | None:
    """Return the credited revenue whose margin, with `other_value`, pays the cost exactly.

    It is 0 where other value alone pays it, whatever the margin. Without a cost above 0 there is no
    return to be zero, and revenue without any margin pays nothing.
    """
    if cost is None or cost <= 0 or gross_margin is None or other_value is None:
        return None
    needed = max(Fraction(cost) - other_value, Fraction(0))
    if needed and not gross_margin:
        return None
    if needed:
        needed /= Fraction(gross_margin)
    return BreakEven(needed, part_percent(needed, Fraction(total_revenue)))


def part_percent(part: Fraction, whole: Fraction) -> Fraction | None:
    """Return which part of a whole something is; None where there is no whole."""
    return part / whole * 100 if whole > 0 else None


def _spread(returns: Sequence[Roi]) -> Spread | None:
    known = [one.exact for one in returns if one.exact is not None]
    return Spread(min(known), max(known)) if known else None
