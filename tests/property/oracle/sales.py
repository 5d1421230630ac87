"""Leads, deals and journeys: which row speaks, and which touches came before a deal."""

from collections.abc import Iterable
from typing import TypeVar

from shared.facts import DealChanged, Fact, LeadCreated, PersonIdentified, TouchRecorded
from tests.property.oracle.ledger import History, key_of

__all__ = ["deals", "first_row", "journey_of", "leads", "same_person"]

FactT = TypeVar("FactT", bound=Fact)


def first_row(facts: Iterable[FactT]) -> FactT | None:
    """Return the earliest fact; of one instant, the one with the smaller key."""
    return min(facts, key=lambda fact: (fact.occurred_at, key_of(fact)), default=None)


def leads(history: History) -> dict[str, LeadCreated]:
    """Return, of each lead, the fact that speaks for it: who created it first."""
    ordered = sorted(history.of(LeadCreated), key=lambda f: (f.occurred_at, key_of(f)))
    return {fact.lead: fact for fact in reversed(ordered)}


def deals(history: History) -> dict[str, DealChanged]:
    """Return, of each deal, the fact that speaks for it: who opened it first."""
    ordered = sorted(history.of(DealChanged), key=lambda f: (f.opened_at, key_of(f)))
    return {fact.deal: fact for fact in reversed(ordered)}


def same_person(history: History, person: str) -> set[str]:
    """Return every identifier of a person: groups that share a member are one group."""
    found = {person}
    groups = [{fact.person, *fact.same_as} for fact in history.of(PersonIdentified)]
    while more := [group for group in groups if group & found and not group <= found]:
        found = found.union(*more)
    return found


def journey_of(history: History, deal: DealChanged) -> list[TouchRecorded]:
    """Return the path of a won deal: what its person met, in order, inside the window.

    The window reaches ``window_days`` whole local days back from the day of the close, both ends
    included; a touch after the instant of the close does not count.
    """
    lead = leads(history).get(deal.lead or "")
    if lead is None or lead.person is None or deal.closed_at is None:
        return []
    closed_at, closed_on = deal.closed_at, history.day(deal.closed_at)
    person = same_person(history, lead.person)
    path = [
        touch
        for touch in history.of(TouchRecorded)
        if touch.person in person
        and touch.occurred_at <= closed_at
        and (closed_on - history.day(touch.occurred_at)).days <= history.window_days
    ]
    return sorted(path, key=lambda touch: (touch.occurred_at, key_of(touch)))
