"""How sure a value is: the interval that a definition asks for, from the inputs of its formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from shared.kpis.expressions import evaluate, parse, rounded
from shared.kpis.proportions import LEAST, Sample, newcombe

if TYPE_CHECKING:
    from shared.kpis.definitions import Kpi, ProportionsInterval

__all__ = ["TOO_FEW", "StatedInterval", "interval_of"]

TOO_FEW: Final = "too_few"


@dataclass(frozen=True, slots=True)
class StatedInterval:
    """Both ends in the unit of the KPI, rounded as its value is, or why there are none."""

    method: str
    low: Decimal | None
    high: Decimal | None
    null_reason: str | None


def interval_of(
    kpi: Kpi, values: Mapping[str, Fraction | None], null_reason: str | None
) -> StatedInterval | None:
    """Return the interval around a value; None if the definition of the KPI has none.

    `values` are the inputs of the formula, `null_reason` says why the value itself is missing.
    """
    if kpi.interval is None:
        return None
    method = kpi.interval.method
    if null_reason is not None:
        return StatedInterval(method, None, None, null_reason)
    one, other = _samples(kpi.interval, values)
    found = newcombe(one, other)
    if found is None:
        few = kpi.interval.cases if one.size < LEAST else kpi.interval.other_cases
        return StatedInterval(method, None, None, f"{TOO_FEW}:{few}")
    low, high = (rounded(end * 100, kpi.rounding) for end in (found.low, found.high))
    return StatedInterval(method, low, high, None)


def _samples(
    stated: ProportionsInterval, values: Mapping[str, Fraction | None]
) -> tuple[Sample, Sample]:
    hits, cases, other_hits, other_cases = (
        int(evaluate(parse(text), values).value or 0)
        for text in (stated.hits, stated.cases, stated.other_hits, stated.other_cases)
    )
    return Sample(hits, cases), Sample(other_hits, other_cases)
