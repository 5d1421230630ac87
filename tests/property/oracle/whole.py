"""A history with the rates stated, and what several questions about it have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from tests.property.oracle.answers import Answer, Span
from tests.property.oracle.contributions import Contribution, contributions
from tests.property.oracle.formulas import Definition, Outcome, value_of
from tests.property.oracle.ledger import History
from tests.property.oracle.measured import absent, known, measured, weeks
from tests.property.oracle.rates import Stated
from tests.property.oracle.slices import cells

__all__ = ["Whole"]


@dataclass(frozen=True)
class Whole:
    """All that is told of an organization; ``held`` are the measures of which anything was."""

    history: History
    stated: Sequence[Stated]
    told: Sequence[Contribution]
    held: frozenset[str]
    spans: dict[Span, dict[str, Answer]] = field(default_factory=dict)

    @classmethod
    def of(cls, history: History, stated: Sequence[Stated]) -> "Whole":
        """Return a history with what its facts contribute; ``stated`` says who counts, too."""
        history = replace(history, stated=stated)
        told = contributions(history)
        return cls(history, stated, told, known(cells(history, told)))

    def measured(self, span: Span) -> dict[str, Answer]:
        """Return all measures of a span, computed once."""
        if span not in self.spans:
            self.spans[span] = measured(self.history, self.told, span, self.held)
        return self.spans[span]

    def read(self, span: Span, measure: str, group: str = "") -> Fraction | None:
        """Return a measure of one group; None where it is missing."""
        if measure == "weeks":
            return weeks(span)
        groups = self.measured(span).get(measure)
        return None if groups is None else groups.get(group, absent(measure))

    def value(self, kpi: Definition, span: Span, group: str = "") -> Outcome:
        """Return the value of a KPI for one group."""
        return value_of(kpi, span, self.stated, lambda inside, name: self.read(inside, name, group))
