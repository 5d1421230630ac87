"""Dated rates: which value of an assumption was in force on a day, and which version of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.kpis.assumptions import ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED, definition_of
from shared.kpis.vocabulary import Grade

__all__ = ["DatedRate", "day_of_contradiction", "rate_in_force", "rate_on"]


@dataclass(frozen=True, slots=True)
class DatedRate:
    """A stated value of an assumption from a day on, until a later one takes over.

    `version` counts the statements about one key: a correction of the same day has a higher one.
    """

    key: str
    value: Decimal
    effective_on: date
    version: int
    source: str
    grade: Grade


def rate_on(rates: Iterable[DatedRate], key: str, day: date) -> DatedRate | None:
    """Return the rate in force on `day`: the latest to have begun, and of these the last version.

    A rate edited today never changes the value of a day before it begins.
    """
    begun = [rate for rate in rates if rate.key == key and rate.effective_on <= day]
    return max(begun, key=lambda rate: (rate.effective_on, rate.version), default=None)


def rate_in_force(rates: Iterable[DatedRate], key: str, day: date) -> DatedRate | None:
    """Return `rate_on`, or else the product's default as version 0; None if it must be stated.

    Raises `KeyError` for an unknown key.
    """
    stated = rate_on(rates, key, day)
    assumption = definition_of(key)
    if assumption is None:
        raise KeyError(key)
    if stated is not None or assumption.default is None:
        return stated
    return DatedRate(key, assumption.default, date.min, 0, assumption.source, assumption.grade)


def day_of_contradiction(rates: Collection[DatedRate]) -> date | None:
    """Return the first day from which on nobody could be active: more weeks needed than there are.

    None if there is no such day.
    """
    pair = (ACTIVE_WEEKS_NEEDED, ACTIVE_WEEKS)
    for day in sorted({rate.effective_on for rate in rates if rate.key in pair}):
        needed, weeks = (rate_in_force(rates, key, day) for key in pair)
        assert needed is not None, "it has a default"
        assert weeks is not None, "it has a default"
        if needed.value > weeks.value:
            return day
    return None
