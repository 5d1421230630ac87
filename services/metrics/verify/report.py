"""What a verification found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

__all__ = ["MOST_LISTED", "Check", "Mismatch", "Report"]

#: Mismatches a report lists; all of them are counted.
MOST_LISTED = 1_000


class Check(StrEnum):
    """What was compared."""

    CELLS = "cells"
    LOG = "log"
    STATE = "state"
    CREDIT = "credit"
    PAST = "past"
    HEADS = "heads"
    LEDGER = "ledger"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference. ``name`` is a measure, a table, or a deal with its model and touch.

    Of the past it goes on with the position of then.

    ``facts`` is how many facts the recomputed value of a cell comes from; ``examples`` names a few.
    """

    check: Check
    name: str
    stored: str | None
    recomputed: str | None
    day: date | None = None
    cell: Mapping[str, str] = field(default_factory=dict)
    facts: int | None = None
    examples: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the mismatch as plain data."""
        return {
            "check": str(self.check),
            "name": self.name,
            "day": self.day and self.day.isoformat(),
            "cell": dict(self.cell),
            "stored": self.stored,
            "recomputed": self.recomputed,
            "facts": self.facts,
            "examples": list(self.examples),
        }


@dataclass(slots=True)
class Report:
    """One verification of one generation, up to one position of the ledger.

    ``compared`` counts the recomputed cells; ``unverified`` names what the database holds and
    nothing here recomputes. ``look`` is what a sample looked at, empty if everything was compared,
    and ``family`` that of the measures, where only some are compared.
    A generation that ``is_outdated`` was begun under older rules: what differs may be due to them.
    """

    org_id: UUID
    generation: int
    position: int
    compared: int = 0
    unverified: tuple[str, ...] = ()
    look: str = ""
    family: str = ""
    is_outdated: bool = False
    counts: Counter[Check] = field(default_factory=Counter)
    listed: list[Mismatch] = field(default_factory=list)

    def add(self, mismatch: Mismatch) -> None:
        """Count a mismatch, and list it while there are few."""
        self.counts[mismatch.check] += 1
        if len(self.listed) < MOST_LISTED:
            self.listed.append(mismatch)

    @property
    def mismatches(self) -> int:
        """Return how many differences there are."""
        return self.counts.total()

    def document(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "org_id": str(self.org_id),
            "generation": self.generation,
            "position": self.position,
            "is_outdated": self.is_outdated,
            "look": self.look or None,
            "compared": self.compared,
            "mismatches": {str(check): self.counts[check] for check in Check},
            "unverified": list(self.unverified),
            "listed": [mismatch.document() for mismatch in self.listed],
        }
