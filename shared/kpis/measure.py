"""One measure: what it is called, what may be done with it, where its value comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from shared.kpis.vocabulary import Aggregation, Axis, Dimension, Unit

__all__ = [
    "ADVOCACY_CHANNEL",
    "Kept",
    "Measure",
    "RosterDay",
    "counted",
    "measured",
    "read_off",
    "summed",
    "told",
]

ADVOCACY_CHANNEL = "employee_advocacy"


class RosterDay(StrEnum):
    """Up to when the roster must have begun for a figure of it to be known."""

    START = "start"  # before the period
    END = "end"  # by its last day


class Kept(StrEnum):
    """Where the value of a measure comes from."""

    STORED = "stored"
    VIEW = "view"
    COUNTED = "counted"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity: its unit, what may be done with it, and the dimensions it carries."""

    id: str
    unit: Unit
    aggregation: Aggregation
    dimensions: frozenset[Dimension]
    kept: Kept
    description: str
    stored_as: str
    channel: str | None = None
    #: Measures of the same facts: where one of them has been told, nothing here is 0, not missing.
    known_by: tuple[str, ...] = ()
    #: The same of facts that tell it only together: where all of these have been told.
    known_with: tuple[str, ...] = ()
    #: Whether nothing is 0. Before a level was first read, as of a quantile or a score of nothing,
    #: there is no value at all.
    has_zero: bool = True
    #: Of employees: before the roster's first row, nobody knows who they were, and nothing is 0.
    roster: RosterDay | None = None
    #: Assumptions that say who is counted: the value on the period's last day holds for all of it.
    counted_by: tuple[str, ...] = ()
    #: The counted measure that answers for parts that no cell says: of a whole that is stored
    #: undivided, or stored by some of its dimensions alone, which are ``cells_by``.
    parts: str | None = None
    cells_by: frozenset[Dimension] = frozenset()

    def adds_up_over(self, axis: Axis | Dimension) -> bool:
        """Tell whether the values of disjoint parts along `axis` sum to the value of the whole."""
        if axis is Dimension.HASHTAG:
            return False  # a post has several, so the parts overlap
        if axis is Axis.TIME:
            return self.aggregation in {Aggregation.ADDITIVE, Aggregation.ATTRIBUTED}
        summed = {Aggregation.ADDITIVE, Aggregation.ATTRIBUTED, Aggregation.GAUGE}
        return self.aggregation in summed and axis in self.dimensions


def told(kind: str, part: str = "") -> str:
    """Return the measure that counts the facts of a kind, whatever they say; of some, a part.

    Nobody asks for it: it is what others are known by.
    """
    return f"told.{kind}.{part}" if part else f"told.{kind}"


def measured(
    id: str,
    unit: Unit,
    aggregation: Aggregation,
    dimensions: tuple[Dimension, ...],
    description: str,
    kept: Kept = Kept.STORED,
) -> Measure:
    """Return a measure that is stored under its own name, unless ``kept`` says otherwise."""
    return Measure(id, unit, aggregation, frozenset(dimensions), kept, description, stored_as=id)


def read_off(
    id: str, unit: Unit, dimensions: tuple[Dimension, ...], description: str, kept: Kept
) -> Measure:
    """Return a level that is known from its readings alone: before the first one, there is none."""
    plain = measured(id, unit, Aggregation.GAUGE, dimensions, description, kept)
    return replace(plain, has_zero=False)


def summed(
    id: str,
    unit: Unit,
    dimensions: tuple[Dimension, ...],
    description: str,
    *,
    known_by: tuple[str, ...] = (),
    known_with: tuple[str, ...] = (),
    parts: str | None = None,
    cells_by: tuple[Dimension, ...] = (),
) -> Measure:
    """Return a stored sum."""
    plain = measured(id, unit, Aggregation.ADDITIVE, dimensions, description)
    known = replace(plain, known_by=known_by, known_with=known_with)
    return replace(known, parts=parts, cells_by=frozenset(cells_by))


def counted(
    id: str,
    unit: Unit,
    aggregation: Aggregation,
    dimensions: tuple[Dimension, ...],
    description: str,
    *,
    roster: RosterDay | None = None,
    counted_by: tuple[str, ...] = (),
) -> Measure:
    """Return a measure that is counted when it is asked for."""
    plain = measured(id, unit, aggregation, dimensions, description, Kept.COUNTED)
    return replace(plain, roster=roster, counted_by=counted_by)
