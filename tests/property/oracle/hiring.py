"""Applications and hires by hand: which of them employees brought, and how long they took.

A referral is an application with an employee as referrer, through the advocates' channel, or of a
person whom an advocate touched in the window up to it. A referral hire is one of these hired, or
one that names a referrer or the channel itself. Whoever told a step first speaks for it. The
opening and the department are those that the hire names, or else its application.
"""

from typing import Generic, NamedTuple, TypeVar

from shared.facts import ApplicationSubmitted, HireAccepted, TouchRecorded
from tests.property.oracle.answers import Span
from tests.property.oracle.ledger import History
from tests.property.oracle.lines import Line, Told
from tests.property.oracle.sales import Converted, journey_of, steps_of

__all__ = ["Brought", "hiring_lines", "referral_hires"]

ADVOCACY = "employee_advocacy"
Step = TypeVar("Step", ApplicationSubmitted, HireAccepted)


class Brought(NamedTuple, Generic[Step]):
    """A referral, or a hire of one: the step itself, and who is credited with it."""

    step: Step
    employee: str


def _is_ours(step: ApplicationSubmitted | HireAccepted) -> bool:
    return bool(step.employee) or step.channel == ADVOCACY


def _first_advocate(
    history: History, step: ApplicationSubmitted | HireAccepted, person: str | None
) -> TouchRecorded | None:
    if person is None:
        return None
    path = journey_of(history, Converted("", "", person, step.occurred_at, None, ()))
    return next((touch for touch in path if touch.channel == ADVOCACY), None)


def _referrals(history: History) -> list[Brought[ApplicationSubmitted]]:
    found = []
    for step in steps_of(history, ApplicationSubmitted).values():
        why = step if _is_ours(step) else _first_advocate(history, step, step.person)
        if why is not None:
            found.append(Brought(step, why.employee or ""))
    return found


def referral_hires(history: History) -> list[Brought[HireAccepted]]:
    """Return the hires that employees brought."""
    submitted = steps_of(history, ApplicationSubmitted)
    found = []
    for name, hire in steps_of(history, HireAccepted).items():
        applied = submitted.get(name)
        person = (applied and applied.person) or hire.person
        named = next((step for step in (hire, applied) if step and _is_ours(step)), None)
        why = named or _first_advocate(history, applied or hire, person)
        if why is not None:
            found.append(Brought(hire, why.employee or ""))
    return found


def hiring_lines(history: History, span: Span) -> dict[str, Told]:
    """Return measure → its lines in a span; a measure without any fact is left out."""
    told: dict[str, Told] = {}
    if history.of(ApplicationSubmitted):
        told["applications_advocacy"] = Told(
            _brought(history, _referrals(history), span), "sum", "day"
        )
    hires = steps_of(history, HireAccepted)
    if hires:
        told["hires_advocacy"] = Told(
            _brought(history, referral_hires(history), span), "sum", "day"
        )
        inside = [h for h in hires.values() if span.holds(history.day(h.occurred_at))]
        counted = [_line(history, h, 1, span) for h in inside]
        told["hires"] = Told(counted, "sum", "own")
    if any(hire.first_contact_at for hire in history.of(HireAccepted)):
        lines = [
            _line(
                history,
                h,
                (history.day(h.occurred_at) - history.day(h.first_contact_at)).days,
                span,
            )
            for h in inside
            if h.first_contact_at
        ]
        told["time_to_hire.median"] = Told(lines, "median", "own")
    return told


def _brought(history: History, found: list[Brought[Step]], span: Span) -> list[Line]:
    days = [(history.day(one.step.occurred_at), one) for one in found]
    return [
        Line(one.step.application, 1, day, one.employee, job=_job(history, one.step))
        for day, one in days
        if span.holds(day)
    ]


def _line(history: History, hire: HireAccepted, quantity: int, span: Span) -> Line:
    applied = steps_of(history, ApplicationSubmitted).get(hire.application)
    department = hire.department or (applied and applied.department) or ""
    job = _job(history, hire)
    return Line(hire.application, quantity, span.start, department=department, job=job)


def _job(history: History, step: ApplicationSubmitted | HireAccepted) -> str:
    if step.job is None and isinstance(step, HireAccepted):
        applied = steps_of(history, ApplicationSubmitted).get(step.application)
        return (applied and applied.job) or ""
    return step.job or ""
