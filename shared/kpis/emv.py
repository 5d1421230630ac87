"""Earned media value: what the same attention would have cost as advertising.

Four published methods give four sums for the same facts, so an answer always names its method, its
rates and their versions. The value is avoided cost: it is never added to revenue by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.kpis.compose import KpiValue, Quantity, combine, evaluate
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.rates import DatedRate, rate_in_force
from shared.kpis.vocabulary import Axis

__all__ = ["EmvMethod", "MediaValue", "media_value", "media_value_over"]


class EmvMethod(StrEnum):
    """The published ways to price attention."""

    CPC = "cpc"
    CPM = "cpm"
    MIXED = "mixed"
    INTERACTION = "interaction"


@dataclass(frozen=True, slots=True)
class MediaValue:
    """A sum of money, the method that gave it, and every rate that went into it."""

    method: EmvMethod
    value: KpiValue
    rates: tuple[DatedRate, ...]


def media_value(
    method: EmvMethod,
    measures: Mapping[str, Quantity | None],
    rates: Iterable[DatedRate],
    day: date,
) -> MediaValue:
    """Price the measures of one day, or of a period in which no rate of the method changes."""
    kpi = _kpi(method)
    used = _used(kpi, list(rates), day)
    value = evaluate(kpi, measures, {rate.key: rate.value for rate in used})
    return MediaValue(method, value, used)


def media_value_over(
    method: EmvMethod,
    days: Iterable[tuple[date, Mapping[str, Quantity | None]]],
    rates: Sequence[DatedRate],
) -> MediaValue:
    """Price each day's measures at that day's rates and add up; all rates used are returned.

    Raises `ValueError` when there are no days.
    """
    priced = [media_value(method, measures, rates, day) for day, measures in days]
    used = {rate: None for part in priced for rate in part.rates}
    total = combine(_kpi(method), [part.value for part in priced], over=Axis.TIME)
    return MediaValue(method, total, tuple(used))


def _kpi(method: EmvMethod) -> Kpi:
    return catalogue().kpis[f"emv_{method}"]


def _used(kpi: Kpi, rates: list[DatedRate], day: date) -> tuple[DatedRate, ...]:
    found = (rate_in_force(rates, key, day) for key in catalogue().assumptions_of(kpi.id))
    return tuple(rate for rate in found if rate is not None)
