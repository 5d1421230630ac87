"""Journeys of which nobody tells that they failed: the window ran out, and nothing had come of it.

Somebody's touches make one journey after another: a touch that comes more than the window's days
after the one before it begins a new one. Such a journey led to no lead (application, hire) if
the person had none on the last day of the window behind its last touch, and if that day is past. A
journey to a hire is that of somebody who had applied by then. What it went through is the path
that a conversion at the moment of the last touch would have had.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from shared.facts import TouchRecorded
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.sales import Converted, converted, journey_of, same_person

__all__ = ["Lapsed", "lapsed"]


class Lapsed(NamedTuple):
    """What was met, whose conversion it would have been, and the day on which it was over."""

    path: list[TouchRecorded]
    would_be: Converted
    day: date


def lapsed(history: History, kind: str, today: date) -> Iterator[Lapsed]:
    """Yield the journeys to a kind of conversion that led nowhere."""
    for person in {frozenset(same_person(history, t.person)) for t in history.of(TouchRecorded)}:
        for last in _last_touches(history, person):
            over = history.day(last.occurred_at) + timedelta(days=history.window_days)
            could = kind != "hire" or _has(history, "application", person, over)
            if over < today and could and not _has(history, kind, person, over):
                would_be = Converted(
                    kind, last.external_id, last.person, last.occurred_at, None, ()
                )
                yield Lapsed(journey_of(history, would_be), would_be, over)


def _last_touches(history: History, person: frozenset[str]) -> Iterator[TouchRecorded]:
    """Yield the touches of a person after which none came for longer than the window."""
    touches = [touch for touch in history.of(TouchRecorded) if touch.person in person]
    touches.sort(key=lambda touch: (touch.occurred_at, key_of(touch)))
    for touch, following in pairwise(touches):
        apart = history.day(following.occurred_at) - history.day(touch.occurred_at)
        if apart.days > history.window_days:
            yield touch
    yield touches[-1]


def _has(history: History, kind: str, person: frozenset[str], until: date) -> bool:
    return any(
        told.kind == kind and told.person in person and history.day(told.at) <= until
        for told in converted(history)
    )
