"""Recruiting: what referral hires saved, by one of the published methods.

R1 is a flat sum a hire, an upper bound. R2 is what a referral hire costs less than another one. R3
is what the shorter vacancy saved. R2 and R3 may be added; R1 replaces both. R2 is the default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from shared.kpis.assumptions import default_values
from shared.kpis.value import ValueClass, ValueKind, ValueLine, value_line
from shared.kpis.vocabulary import Grade

__all__ = ["RATES", "RecruitingMethod", "ReferralHires", "recruiting_lines"]

_FLAT = (
    ValueKind.RECRUITING_FLAT,
    "hires * recruiting.flat",
    ValueClass.CLAIMED,
    Grade.CLAIMED,
)
_COST_PER_HIRE = (
    ValueKind.RECRUITING_COST_PER_HIRE,
    "hires * (cost_per_hire.baseline - cost_per_hire.referral)",
    ValueClass.AVOIDED_COST,
    Grade.MODELLED,
)
# A vacancy longer than usual is a negative saving, not none.
_VACANCY = (
    ValueKind.RECRUITING_VACANCY,
    "(vacancies * vacancy.days_baseline - days_to_fill) * vacancy.daily_cost",
    ValueClass.AVOIDED_COST,
    Grade.MODELLED,
)


class RecruitingMethod(StrEnum):
    """How a saving is computed; exactly one is chosen, so R1 never meets R2 or R3."""

    FLAT = "R1"
    COST_PER_HIRE = "R2"
    VACANCY = "R3"
    COST_PER_HIRE_AND_VACANCY = "R2+R3"


_LINES = {
    RecruitingMethod.FLAT: (_FLAT,),
    RecruitingMethod.COST_PER_HIRE: (_COST_PER_HIRE,),
    RecruitingMethod.VACANCY: (_VACANCY,),
    RecruitingMethod.COST_PER_HIRE_AND_VACANCY: (_COST_PER_HIRE, _VACANCY),
}


RATES: Mapping[RecruitingMethod, tuple[str, ...]] = {
    RecruitingMethod.FLAT: ("recruiting.flat",),
    RecruitingMethod.COST_PER_HIRE: ("cost_per_hire.baseline", "cost_per_hire.referral"),
    RecruitingMethod.VACANCY: ("vacancy.days_baseline", "vacancy.daily_cost"),
    RecruitingMethod.COST_PER_HIRE_AND_VACANCY: (
        "cost_per_hire.baseline",
        "cost_per_hire.referral",
        "vacancy.days_baseline",
        "vacancy.daily_cost",
    ),
}
"""The assumptions each method uses."""


@dataclass(frozen=True, slots=True)
class ReferralHires:
    """The hires of a period; `days_to_fill` has one entry per hire whose vacancy is known.

    `count` is None where hires are not reported at all.
    """

    count: int | None
    days_to_fill: Sequence[int] = ()


def recruiting_lines(
    hires: ReferralHires,
    assumptions: Mapping[str, Decimal | None],
    method: RecruitingMethod = RecruitingMethod.COST_PER_HIRE,
) -> list[ValueLine]:
    """Return the lines of value of a method; a line without its assumption is null, not zero.

    Nobody hired saved nothing: that needs no assumption.
    """
    inputs: dict[str, Decimal | int | None] = {
        **default_values(),
        **assumptions,
        "hires": hires.count,
        # Hires without any known vacancy saved an unknown time, not none.
        "vacancies": len(hires.days_to_fill) if hires.days_to_fill or hires.count == 0 else None,
        "days_to_fill": sum(hires.days_to_fill),
    }
    lines = [
        value_line(kind, formula, inputs, value_class=value_class, grade=grade)
        for kind, formula, value_class, grade in _LINES[method]
    ]
    return [_of_nobody(line) for line in lines] if hires.count == 0 else lines


def _of_nobody(line: ValueLine) -> ValueLine:
    """Return a line of no hires; an assumption that nobody made stays named in its arithmetic."""
    steps, _, _ = line.arithmetic.partition(" = ")
    return replace(line, exact=Fraction(0), arithmetic=f"{steps} = 0", null_reason=None)
