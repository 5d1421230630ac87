"""What the end of a cohort is expected from: how leads ended, what wins brought, and what is open.

A lead's time runs in whole days from the day it came to the close of its deal, or to today. With
several deals it counts for each; without one it is open.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple

from shared.facts import DealChanged, LeadCreated, TouchRecorded
from tests.property.oracle.attribution import credits
from tests.property.oracle.ledger import History
from tests.property.oracle.sales import (
    closed_at,
    deals,
    decided,
    journey_of,
    leads,
    same_person,
)

__all__ = ["Undecided", "brought", "spells", "undecided"]


def spells(history: History, today: date) -> Counter[tuple[int, str]]:
    """Return how many leads came to which end, or to none, after how many days."""
    found: Counter[tuple[int, str]] = Counter()
    for lead, deal in _pairs(history):
        came = history.day(lead.occurred_at)
        closed = deal and closed_at(deal)
        until = history.day(closed) if closed else today
        if came <= today:
            found[max((until - came).days, 0), deal.state if deal else "open"] += 1
    return found


def _pairs(history: History) -> Iterator[tuple[LeadCreated, DealChanged | None]]:
    of_deals = list(deals(history).values())
    for name, lead in leads(history).items():
        of_lead: list[DealChanged | None] = [deal for deal in of_deals if deal.lead == name]
        for deal in of_lead or [None]:
            yield lead, deal


def brought(history: History, model: str, channel: str) -> list[tuple[Fraction, Fraction]]:
    """Return which part, and how much, of each win that a channel touched a model credits to it."""
    found = []
    for win in decided(history, "won"):
        path = journey_of(history, win)
        if any(touch.channel == channel for touch in path):
            mine = [one for one in credits(history, model, path, win) if one[0].channel == channel]
            share = sum((share for _, share, _ in mine), Fraction(0))
            found.append((share, sum((amount or Fraction(0) for *_, amount in mine), Fraction(0))))
    return found


class Undecided(NamedTuple):
    """An open lead: its age today and on the last day on which a win may bring anything.

    ``amount`` is that of its deal, if anybody told it; ``weight`` is the cohort's part of what
    would be credited to the channel today, touch by touch.
    """

    age: int
    last_age: int
    amount: Fraction | None
    weight: Fraction


def undecided(
    history: History, start: date, end: date, channel: str, today: date
) -> Iterator[Undecided]:
    """Yield the open leads to which touches of [``start``, ``end``) may still have led."""
    window = timedelta(days=history.window_days)
    for lead, deal in _pairs(history):
        came = history.day(lead.occurred_at)
        is_open = deal is None or deal.state == "open"
        if came > today or not is_open or lead.person is None:
            continue
        everybody = same_person(history, lead.person)
        met = [
            history.day(touch.occurred_at)
            for touch in history.of(TouchRecorded)
            if touch.person in everybody and touch.channel == channel
        ]
        earning = [day for day in met if day + window >= today]
        ours = [day for day in earning if start <= day < end]
        if ours and max(ours) + window > today:
            amount = None if deal is None or deal.amount is None else Fraction(deal.amount)
            last_age = (max(ours) + window - came).days
            weight = Fraction(len(ours), len(earning))
            yield Undecided((today - came).days, last_age, amount, weight)
