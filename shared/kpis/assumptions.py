"""Assumptions: the figures a formula needs that no event can tell, with where each comes from.

What a company alone can know has no default; a formula that needs it is null until it is stated.
Some are in no formula but say who is counted, such as how many weeks make an advocate active: of
those the value in force on a period's last day decides for all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from shared.kpis.vocabulary import Grade, Unit
from shared.money import InvalidCurrency, exponent

__all__ = [
    "ACTIVATION_DAYS",
    "ACTIVE_WEEKS",
    "ACTIVE_WEEKS_NEEDED",
    "ASSUMPTIONS",
    "EXCHANGE_RATE",
    "EXPERT_INDEX",
    "Assumption",
    "InvalidAssumption",
    "check",
    "default_values",
    "definition_of",
    "exchange_rate_key",
]

#: What the keys of exchange rates begin with; a currency follows. No formula takes them: an amount
#: is converted when it is told.
EXCHANGE_RATE = "exchange_rate."

#: What says who is counted. Of the last weeks, no more can be needed than are looked at.
ACTIVE_WEEKS, ACTIVE_WEEKS_NEEDED = "active.weeks", "active.weeks_needed"
ACTIVATION_DAYS = "activation.days"
EXPERT_INDEX = "expert.index"

_INDUSTRY = "published vendor and agency rates"
_ARTICLE = "practitioners' articles, second-hand"
#: In any currency: what a dollar is worth in another one nobody has told, and it changes.
_AS_IT_STANDS = "in US dollars, taken as it stands"
_RULE = "rule of this product"


class InvalidAssumption(ValueError):
    """The key is unknown, or the value lies outside what the key allows."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One key: its unit, its default or None if the company must state it, and its bounds."""

    key: str
    unit: Unit
    default: Decimal | None
    description: str
    source: str
    grade: Grade
    least: Decimal = Decimal(0)
    most: Decimal | None = None
    is_whole: bool = False


def _given(
    key: str, unit: Unit, default: str, description: str, source: str, grade: Grade
) -> Assumption:
    most = Decimal(1) if unit is Unit.RATIO else None
    if unit is Unit.MONEY:
        source = f"{source}, {_AS_IT_STANDS}"
    return Assumption(key, unit, Decimal(default), description, source, grade, most=most)


def _stated(key: str, unit: Unit, description: str) -> Assumption:
    most = Decimal(1) if unit is Unit.RATIO else None
    source = "stated by the company"
    return Assumption(key, unit, None, description, source, Grade.MEASURED, most=most)


def _counting(key: str, unit: Unit, default: str, description: str, most: int) -> Assumption:
    """Return what says who is counted: a whole number."""
    plain = _given(key, unit, default, description, _RULE, Grade.MODELLED)
    return replace(plain, least=Decimal(1), most=Decimal(most), is_whole=True)


_KEYS = (
    _given("emv.cpc", Unit.MONEY, "5", "price of one paid click", _INDUSTRY, Grade.MODELLED),
    _given("emv.cpm", Unit.MONEY, "30", "price of 1,000 paid views", _INDUSTRY, Grade.MODELLED),
    _given("emv.k", Unit.RATIO, "0.1", "clicks one response is worth", _INDUSTRY, Grade.MODELLED),
    _given("emv.value.reaction", Unit.MONEY, "0.50", "a reaction", _INDUSTRY, Grade.MODELLED),
    _given("emv.value.comment", Unit.MONEY, "2", "a comment", _INDUSTRY, Grade.MODELLED),
    _given("emv.value.reshare", Unit.MONEY, "3", "a reshare", _INDUSTRY, Grade.MODELLED),
    _given("emv.value.click", Unit.MONEY, "5", "a click", _INDUSTRY, Grade.MODELLED),
    _stated("gross_margin", Unit.RATIO, "gross margin as a part of revenue, 0 to 1"),
    _given(
        "cost_per_hire.baseline",
        Unit.MONEY,
        "4400",
        "cost of a hire without referral",
        _ARTICLE,
        Grade.CLAIMED,
    ),
    _stated("cost_per_hire.referral", Unit.MONEY, "cost of a hire by referral, bonus included"),
    _given(
        "vacancy.days_baseline",
        Unit.DAYS,
        "42",
        "days to fill a seat without referral",
        _ARTICLE,
        Grade.CLAIMED,
    ),
    _stated("vacancy.daily_cost", Unit.MONEY, "what an empty seat costs a day"),
    _given(
        "recruiting.flat",
        Unit.MONEY,
        "7500",
        "saving of a referral hire, an upper bound",
        _ARTICLE,
        Grade.CLAIMED,
    ),
    _given(
        "attribution.window_days",
        Unit.DAYS,
        "90",
        "look-back before a conversion, both ends included",
        _RULE,
        Grade.MODELLED,
    ),
    _given(
        "attribution.half_life_days",
        Unit.DAYS,
        "7",
        "half-life of the time-decay model",
        "Google Ads, for parity",
        Grade.MODELLED,
    ),
    _given(
        "time_to_close.elsewhere_days",
        Unit.DAYS,
        "90",
        "sales cycle of other sources",
        _ARTICLE,
        Grade.CLAIMED,
    ),
    _stated("advocacy.minutes_per_share", Unit.MINUTES, "working time a post takes"),
    _stated("internal_email.baseline", Unit.EVENTS, "internal mails a person and week before"),
    _stated("info_search.baseline_hours", Unit.HOURS, "searching a person and week before"),
    _stated("service_cost.baseline", Unit.MONEY, "cost of internal processes a week before"),
    _stated("esn.adaptation_quits", Unit.PEOPLE, "people a year who quit in their first months"),
    _given(
        "esn.quit_reduction",
        Unit.RATIO,
        "0.07",
        "part of these that an internal network avoids",
        _ARTICLE,
        Grade.CLAIMED,
    ),
    _given(
        "esn.replacement_cost",
        Unit.MONEY,
        "4400",
        "cost of replacing a leaver",
        _ARTICLE,
        Grade.CLAIMED,
    ),
    _stated(
        "esn.leavers_avoided",
        Unit.PEOPLE,
        "people a year who stayed because of the network, measured against teams without it",
    ),
    _stated("esn.people", Unit.PEOPLE, "people who use the internal network"),
    _stated("esn.minutes_saved_per_day", Unit.MINUTES, "searching saved a person and day"),
    _given("esn.work_days", Unit.DAYS, "220", "working days a year", _RULE, Grade.MODELLED),
    _stated("esn.hourly_rate", Unit.MONEY, "full cost of a working hour"),
    _given(
        "esn.realization",
        Unit.RATIO,
        "0.20",
        "part of saved time that turns into work",
        _RULE,
        Grade.MODELLED,
    ),
    _stated("esn.mails_avoided", Unit.EVENTS, "internal mails a year nobody had to read"),
    _stated("esn.minutes_per_mail", Unit.MINUTES, "time one internal mail takes"),
    _stated("esn.ideas_value", Unit.MONEY, "value a year of the proposals put into practice"),
    _stated("esn.cost", Unit.MONEY, "licenses, time and moderation a year"),
    _counting(ACTIVE_WEEKS, Unit.WEEKS, "4", "last whole ISO weeks in which advocates act", 52),
    _counting(ACTIVE_WEEKS_NEEDED, Unit.WEEKS, "3", "of these, weeks with a post to be active", 52),
    _counting(
        ACTIVATION_DAYS, Unit.DAYS, "30", "days from an invitation to the post it led to", 365
    ),
    replace(
        _given(
            EXPERT_INDEX,
            Unit.POINTS,
            "70",
            "Social Selling Index from which on somebody is an expert",
            _RULE,
            Grade.MODELLED,
        ),
        most=Decimal(100),
    ),
)

ASSUMPTIONS: Mapping[str, Assumption] = MappingProxyType(
    {assumption.key: assumption for assumption in _KEYS}
)


def default_values() -> dict[str, Decimal | None]:
    """Return every key with its default, None where the company must state it."""
    return {key: assumption.default for key, assumption in ASSUMPTIONS.items()}


def exchange_rate_key(currency: str) -> str:
    """Return the key of what one unit of a currency is worth in the organization's own."""
    return EXCHANGE_RATE + currency


def definition_of(key: str) -> Assumption | None:
    """Return the assumption of a key, which may be an exchange rate; None for an unknown key."""
    if not key.startswith(EXCHANGE_RATE):
        return ASSUMPTIONS.get(key)
    currency = key.removeprefix(EXCHANGE_RATE)
    try:
        exponent(currency)
    except InvalidCurrency:
        return None
    description = f"what one {currency} is worth in the organization's currency"
    return replace(_stated(key, Unit.MONEY, description), least=Decimal("0.00000001"))


def check(key: str, value: Decimal) -> Decimal:
    """Return `value` if the key allows it. Raises `InvalidAssumption` otherwise."""
    assumption = definition_of(key)
    if assumption is None:
        raise InvalidAssumption(f"unknown assumption {key!r}")
    if not _allows(assumption, value):
        raise InvalidAssumption(f"{key} cannot be {value}")
    return value


def _allows(assumption: Assumption, value: Decimal) -> bool:
    if not value.is_finite() or value < assumption.least:
        return False
    if assumption.most is not None and value > assumption.most:
        return False
    return not assumption.is_whole or value == value.to_integral_value()
