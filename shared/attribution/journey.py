"""A journey: the touches of one person or account, and the conversions they may have led to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

__all__ = ["Conversion", "Touch", "eligible", "in_order", "within_window"]

in_order = attrgetter("at", "id")


class Touch(NamedTuple):
    """One contact with the company's content; `day` is the organization's local day of `at`."""

    id: str
    at: datetime
    day: date
    channel: str


class Conversion(NamedTuple):
    """What a journey led to; `day` is the organization's local day of `at`.

    `amount` is its value, None where there is no money in it: a lead, an application, a hire.
    `stages` are the moments on the way to it that a W-shaped model credits, None for one that is
    not known: of a deal the creation of its lead and its opening, of a lead its creation, of an
    application its submission, of a hire the submission of its application.
    """

    id: str
    at: datetime
    day: date
    amount: Decimal | None
    stages: tuple[datetime | None, ...] = ()


def eligible(touches: Iterable[Touch], conversion: Conversion, *, window_days: int) -> list[Touch]:
    """Return the path of a conversion: its touches inside the look-back window, in order.

    A touch counts when it is not after the conversion and lies 0 to `window_days` whole local days
    before it, both ends included. The order is (at, id), whatever order the touches come in.
    """
    return within_window(sorted(touches, key=in_order), conversion, window_days)


def within_window(path: list[Touch], conversion: Conversion, window_days: int) -> list[Touch]:
    """Keep of an ordered path what `eligible` describes; a journey is sorted only once."""
    closed_at = conversion.at
    closed_on = conversion.day.toordinal()
    return [
        touch
        for touch in path
        if touch.at <= closed_at and 0 <= closed_on - touch.day.toordinal() <= window_days
    ]
