"""Dated rates: what was stated when about which key, and which of it prices a day."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

__all__ = ["KEYS", "NETWORK_KEYS", "Stated", "counting_on", "rate_on", "stated_on"]

#: What holds while nobody has stated anything: the figures of roi.md; None has to be stated.
_DEFAULTS = {
    "emv.cpc": "5",
    "emv.cpm": "30",
    "emv.k": "0.1",
    "emv.value.reaction": "0.5",
    "emv.value.comment": "2",
    "emv.value.reshare": "3",
    "emv.value.click": "5",
    "gross_margin": None,
    "cost_per_hire.baseline": "4400",
    "cost_per_hire.referral": None,
    "vacancy.days_baseline": "42",
    "vacancy.daily_cost": None,
    "recruiting.flat": "7500",
    "time_to_close.elsewhere_days": "90",
    "advocacy.minutes_per_share": None,
    "internal_email.baseline": None,
    "info_search.baseline_hours": None,
    "service_cost.baseline": None,
}
#: What a year of the internal network is computed from: its own figures, but for those of roi.md.
_OF_NETWORK = {
    "esn.adaptation_quits": None,
    "esn.quit_reduction": "0.07",
    "esn.replacement_cost": "4400",
    "esn.leavers_avoided": None,
    "esn.people": None,
    "esn.minutes_saved_per_day": None,
    "esn.work_days": "220",
    "esn.hourly_rate": None,
    "esn.realization": "0.2",
    "esn.mails_avoided": None,
    "esn.minutes_per_mail": None,
    "esn.ideas_value": None,
    "esn.cost": None,
}
#: Who is counted: active in so many of the last weeks, activated within so many days, an expert.
_OF_COUNTING = {
    "active.weeks": "4",
    "active.weeks_needed": "3",
    "activation.days": "30",
    "expert.index": "70",
}
KEYS, NETWORK_KEYS = frozenset(_DEFAULTS), frozenset(_OF_NETWORK)


class Stated(NamedTuple):
    """A value of a key from a day on; of two for one day the later statement holds."""

    key: str
    effective_on: date
    value: str


def stated_on(stated: Sequence[Stated], key: str, day: date) -> Fraction | None:
    """Return what was stated of a key for a day; ``stated`` is in the order of saying."""
    begun = [one for one in stated if one.key == key and one.effective_on <= day]
    if not begun:
        return None
    latest = max(one.effective_on for one in begun)
    return Fraction([one for one in begun if one.effective_on == latest][-1].value)


def rate_on(stated: Sequence[Stated], key: str, day: date) -> Fraction | None:
    """Return the rate that prices a day: what was stated of it, or the figure of roi.md."""
    found = stated_on(stated, key, day)
    default = (_DEFAULTS | _OF_NETWORK | _OF_COUNTING)[key]
    return Fraction(default) if found is None and default is not None else found


def counting_on(stated: Sequence[Stated], key: str, day: date) -> Fraction:
    """Return what says who is counted in a period that ends with a day."""
    value = rate_on(stated, key, day)
    assert value is not None, "it has a default"
    return value
