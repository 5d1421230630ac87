"""Leads, deals, applications: which row speaks, what counts as converted, what came before it."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple, TypeVar

from shared.facts import (
    ApplicationSubmitted,
    DealChanged,
    Fact,
    HireAccepted,
    LeadCreated,
    PersonIdentified,
    TouchRecorded,
)
from tests.property.oracle.ledger import History, key_of

__all__ = [
    "Converted",
    "closed_at",
    "converted",
    "deals",
    "decided",
    "first_row",
    "journey_of",
    "leads",
    "same_person",
    "steps_of",
]

FactT = TypeVar("FactT", bound=Fact)


class Converted(NamedTuple):
    """Something a person's touches led to: a lead, a won deal, an application or a hire.

    ``stages`` are the moments on the way: a deal's lead and its opening, a lead's creation, the
    application's submission.
    """

    kind: str
    id: str
    person: str
    at: datetime
    amount: Fraction | None
    stages: tuple[datetime | None, ...]


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


def converted(history: History) -> Iterator[Converted]:
    """Yield every conversion whose person is known."""
    created = leads(history)
    for name, lead in created.items():
        if lead.person is not None:
            at = lead.occurred_at
            yield Converted("lead", name, lead.person, at, None, (at,))
    yield from decided(history, "won")
    yield from _hiring(history)


def closed_at(deal: DealChanged) -> datetime | None:
    """Return when a deal was decided: what is open has closed at no time, whatever is hoped."""
    return None if deal.state == "open" else deal.closed_at


def decided(history: History, state: str) -> Iterator[Converted]:
    """Yield every deal in a state, won or lost, whose person is known."""
    created = leads(history)
    for name, deal in deals(history).items():
        lead_of = created.get(deal.lead or "")
        if deal.state == state and deal.closed_at and lead_of and lead_of.person is not None:
            stages = (lead_of.occurred_at, deal.opened_at)
            amount = Fraction(deal.amount or 0)
            yield Converted("deal", name, lead_of.person, deal.closed_at, amount, stages)


def _hiring(history: History) -> Iterator[Converted]:
    """Yield applications and hires; a hire that names nobody is its application's person."""
    submitted = steps_of(history, ApplicationSubmitted)
    for name, step in submitted.items():
        if step.person is not None:
            at = step.occurred_at
            yield Converted("application", name, step.person, at, None, (at,))
    for name, hire in steps_of(history, HireAccepted).items():
        first = submitted.get(name)
        person = hire.person or (first.person if first else None)
        if person is not None:
            stages = (first.occurred_at if first else None,)
            yield Converted("hire", name, person, hire.occurred_at, None, stages)


Step = TypeVar("Step", ApplicationSubmitted, HireAccepted)


def steps_of(history: History, kind: type[Step]) -> dict[str, Step]:
    """Return, of each application, the fact that speaks for one of its steps: the first of all."""
    ordered = sorted(history.of(kind), key=lambda fact: (fact.occurred_at, key_of(fact)))
    return {fact.application: fact for fact in reversed(ordered)}


def journey_of(history: History, conversion: Converted) -> list[TouchRecorded]:
    """Return the path of a conversion: what its person met, in order, inside the window.

    The window reaches ``window_days`` whole local days back from the day of the conversion, both
    ends included; a touch after its instant does not count.
    """
    converted_on = history.day(conversion.at)
    person = same_person(history, conversion.person)
    path = [
        touch
        for touch in history.of(TouchRecorded)
        if touch.person in person
        and touch.occurred_at <= conversion.at
        and (converted_on - history.day(touch.occurred_at)).days <= history.window_days
    ]
    return sorted(path, key=lambda touch: (touch.occurred_at, key_of(touch)))
