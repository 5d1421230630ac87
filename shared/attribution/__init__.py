"""Attribution: which touch earned which part of a conversion. Pure: no I/O, no clock."""

from shared.attribution.credit import (
    SHARE_DIGITS,
    Credit,
    amounts,
    credit_journey,
    shares,
)
from shared.attribution.journey import Conversion, Touch, eligible
from shared.attribution.models import DEFAULT_HALF_LIFE_DAYS, weights
from shared.kpis.vocabulary import AttributionModel

__all__ = [
    "DEFAULT_HALF_LIFE_DAYS",
    "SHARE_DIGITS",
    "AttributionModel",
    "Conversion",
    "Credit",
    "Touch",
    "amounts",
    "credit_journey",
    "eligible",
    "shares",
    "weights",
]
