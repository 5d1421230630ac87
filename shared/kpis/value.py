"""Lines of value: money the program brought or saved, graded, and never counted twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import combinations

from shared.kpis.expressions import evaluate, exact_text, parse, render, rounded
from shared.kpis.vocabulary import Grade

__all__ = [
    "OverlappingValue",
    "Overlaps",
    "ValueClass",
    "ValueKind",
    "ValueLine",
    "overlapping",
    "total_value",
    "value_line",
    "weakest",
]


class ValueKind(StrEnum):
    """What a line of value is made of."""

    REVENUE = "revenue"
    MARGIN = "margin"
    MEDIA = "media_value"
    RECRUITING_FLAT = "recruiting_flat"
    RECRUITING_COST_PER_HIRE = "recruiting_cost_per_hire"
    RECRUITING_VACANCY = "recruiting_vacancy"
    LEAVERS_AVOIDED = "leavers_avoided"
    TIME_SAVED = "time_saved"
    MAIL_AVOIDED = "mail_avoided"
    IDEAS = "ideas"
    PRODUCTIVITY = "productivity"


class ValueClass(StrEnum):
    """How near a line of value is to the bank account."""

    CASH = "cash"
    AVOIDED_COST = "avoided_cost"
    MODELLED = "modelled"  # worth something, though no bill is smaller for it
    CLAIMED = "claimed"  # what others say it is worth


class Overlaps(StrEnum):
    """What to do when lines count the same thing twice."""

    REFUSED = "refused"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class ValueLine:
    """An amount of value, exact; None with a reason when an input is missing."""

    kind: ValueKind
    exact: Fraction | None
    value_class: ValueClass
    grade: Grade
    formula: str
    arithmetic: str
    null_reason: str | None = None

    def amount(self, digits: int = 2) -> Decimal | None:
        """Return the amount rounded to the currency's minor-unit digits."""
        return None if self.exact is None else rounded(self.exact, digits)


# Pairs that hold the same money, and why.
_OVERLAPS: Mapping[frozenset[ValueKind], str] = {
    frozenset({one, other}): why
    for one, other, why in (
        (ValueKind.REVENUE, ValueKind.MARGIN, "margin is a part of revenue"),
        (ValueKind.MEDIA, ValueKind.REVENUE, "revenue comes from the same clicks"),
        (ValueKind.MEDIA, ValueKind.MARGIN, "margin comes from the same clicks"),
        (
            ValueKind.RECRUITING_FLAT,
            ValueKind.RECRUITING_COST_PER_HIRE,
            "the flat saving covers the cost of the hire",
        ),
        (
            ValueKind.RECRUITING_FLAT,
            ValueKind.RECRUITING_VACANCY,
            "the flat saving covers the empty seat",
        ),
        (ValueKind.TIME_SAVED, ValueKind.MAIL_AVOIDED, "time saved includes reading mail"),
        (ValueKind.PRODUCTIVITY, ValueKind.TIME_SAVED, "productivity includes the time saved"),
        (ValueKind.PRODUCTIVITY, ValueKind.MAIL_AVOIDED, "productivity includes reading mail"),
        (ValueKind.PRODUCTIVITY, ValueKind.IDEAS, "productivity includes better ways of working"),
    )
}
_WEAKEST_FIRST = (Grade.CLAIMED, Grade.MODELLED, Grade.MEASURED)


class OverlappingValue(ValueError):
    """Lines of value hold the same money and were not asked to be added all the same."""

    def __init__(self, pairs: tuple[tuple[ValueKind, ValueKind, str], ...]) -> None:
        named = "; ".join(f"{one} and {other}: {why}" for one, other, why in pairs)
        super().__init__(f"value would be counted twice ({named})")
        self.pairs = pairs


def value_line(
    kind: ValueKind,
    formula: str,
    inputs: Mapping[str, Decimal | Fraction | int | None],
    *,
    value_class: ValueClass,
    grade: Grade,
) -> ValueLine:
    """Compute a line by its formula, in the language of `expressions`."""
    expression = parse(formula)
    values = {name: None if value is None else Fraction(value) for name, value in inputs.items()}
    result = evaluate(expression, values)
    outcome = f"null ({result.null_reason})" if result.value is None else exact_text(result.value)
    return ValueLine(
        kind=kind,
        exact=result.value,
        value_class=value_class,
        grade=grade,
        formula=formula,
        arithmetic=f"{render(expression, values)} = {outcome}",
        null_reason=result.null_reason,
    )


def overlapping(kinds: Iterable[ValueKind]) -> tuple[tuple[ValueKind, ValueKind, str], ...]:
    """Return the pairs of kinds that hold the same money, with the reason, in a fixed order."""
    return tuple(
        (one, other, _OVERLAPS[frozenset({one, other})])
        for one, other in combinations(sorted(set(kinds)), 2)
        if frozenset({one, other}) in _OVERLAPS
    )


def total_value(
    lines: Iterable[ValueLine], overlaps: Overlaps = Overlaps.REFUSED
) -> tuple[Fraction | None, str | None]:
    """Add up lines of value; returns (total, null reason), of which one is None.

    Raises `OverlappingValue` when lines overlap and overlaps are refused.
    """
    listed = list(lines)
    pairs = overlapping(line.kind for line in listed)
    if pairs and overlaps is Overlaps.REFUSED:
        raise OverlappingValue(pairs)
    total = Fraction(0)
    for line in listed:
        if line.exact is None:
            return None, line.null_reason
        total += line.exact
    return total, None


def weakest(lines: Iterable[ValueLine]) -> Grade:
    """Return the grade of a sum of lines: that of its weakest one."""
    return min((line.grade for line in lines), key=_WEAKEST_FIRST.index, default=Grade.MEASURED)
