"""The catalogue: every KPI as data, read once, checked as a whole before anything uses it.

A definition that names an unknown measure, leads back to itself, groups by what an input does not
carry or declares a wrong null rule stops the process at start, not a user at night.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from shared.kpis.assumptions import ASSUMPTIONS
from shared.kpis.expressions import (
    Binary,
    Expression,
    InvalidExpression,
    names,
    parse,
    substitute,
)
from shared.kpis.measures import MEASURES, Kept, Measure
from shared.kpis.vocabulary import (
    Aggregation,
    AttributionModel,
    AudienceFacet,
    Category,
    Dimension,
    Direction,
    Generation,
    Grade,
    RetentionWeek,
    SsiPillar,
    Unavailable,
    Unit,
    Worth,
)

__all__ = [
    "Benchmark",
    "Catalogue",
    "Id",
    "InvalidCatalogue",
    "Kpi",
    "NullRule",
    "ProportionsInterval",
    "catalogue",
    "load",
]

# A definition with `each = "model"` stands for one KPI per model, `{model}` replaced in its texts.
_EACH: Mapping[str, type[StrEnum]] = {
    "model": AttributionModel,
    "pillar": SsiPillar,
    "facet": AudienceFacet,
    "generation": Generation,
    "week": RetentionWeek,
}
# Files of one catalogue, in its order; the first one carries the rounding of units.
_FILES = ("catalogue.toml", "catalogue_market.toml", "catalogue_company.toml")

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,63}$")]
Text = Annotated[str, StringConstraints(min_length=3, max_length=300)]


class InvalidCatalogue(ValueError):
    """The definitions contradict each other, the measures or themselves."""


class NullRule(StrEnum):
    """When a KPI has no value. It is never a zero instead."""

    MISSING = "missing_input"
    MISSING_OR_ZERO = "missing_input_or_zero_denominator"  # or a denominator below zero


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Benchmark(_Model):
    """What others reached: context with its source, never a target and never a multiplier."""

    value: Annotated[str, StringConstraints(pattern=r"^-?\d+(\.\d+)?$")]
    unit: Unit
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    source: Text
    year: int | None = Field(default=None, ge=2000, le=2100)
    grade: Grade
    note: Text

    @model_validator(mode="after")
    def _names_its_currency(self) -> Self:
        if (self.unit is Unit.MONEY) != (self.currency is not None):
            raise ValueError("a benchmark of money, and only one of money, names its currency")
        return self


class ProportionsInterval(_Model):
    """The parts of a difference of two proportions, which is all that its interval needs.

    `hits` of `cases` less `other_hits` of `other_cases`, each an expression over measures.
    """

    method: Literal["newcombe"]
    hits: Text
    cases: Text
    other_hits: Text
    other_cases: Text

    @property
    def formula(self) -> str:
        """Return the formula of the difference in percentage points."""
        one = f"({self.hits}) / ({self.cases})"
        return f"({one} - ({self.other_hits}) / ({self.other_cases})) * 100"


class Kpi(_Model):
    """One definition: a `formula`, which is executed, or who answers it, or why nobody can.

    A KPI with a `statement` is answered by the resource of that name; one that is `unavailable` has
    no number whatever the facts, and says why. Of one that `is_part` the numerator counts some of
    what the denominator counts: it ends at 100 %.
    """

    id: Id
    name: Text
    description: Text
    category: Category
    worth: Worth
    unit: Unit
    aggregation: Aggregation
    formula: Text | None = None
    statement: Literal["roi", "leaderboard", "goals", "restatements", "data-health"] | None = None
    unavailable: Unavailable | None = None
    interval: ProportionsInterval | None = None
    is_part: bool = False
    dimensions: tuple[Dimension, ...]
    null_rule: NullRule
    rounding: int = Field(ge=0, le=6)
    direction: Direction
    benchmarks: tuple[Benchmark, ...] = ()
    version: int = Field(ge=1)


@dataclass(frozen=True)
class Catalogue:
    """All definitions, with each formula expanded to the measures and assumptions it reads."""

    kpis: Mapping[str, Kpi]
    expanded: Mapping[str, Expression]
    inputs: Mapping[str, tuple[str, ...]]

    def measures_of(self, kpi_id: str) -> tuple[Measure, ...]:
        """Return the measures a KPI is computed from, in the order of its formula."""
        return tuple(MEASURES[name] for name in self.inputs.get(kpi_id, ()) if name in MEASURES)

    def assumptions_of(self, kpi_id: str) -> tuple[str, ...]:
        """Return the keys of the assumptions in a KPI's formula, in its order: those that price."""
        return tuple(name for name in self.inputs.get(kpi_id, ()) if name in ASSUMPTIONS)

    def counted_by(self, kpi_id: str) -> tuple[str, ...]:
        """Return the keys of the assumptions that say who the measures of a KPI count."""
        keys = (key for measure in self.measures_of(kpi_id) for key in measure.counted_by)
        return tuple(dict.fromkeys(keys))

    def why_not_by(self, kpi_id: str, asked: Iterable[str]) -> str | None:
        """Return why a KPI does not come by all of these dimensions; None if it does."""
        carried = self.kpis[kpi_id].dimensions
        foreign = sorted({*asked} - {*carried})
        if not foreign:
            return None
        inputs = [m for m in self.measures_of(kpi_id) if m.kept is not Kept.CALENDAR]
        whole = [m.id for m in inputs if not m.dimensions.issuperset(foreign)]
        why = f": {', '.join(whole)} cannot" if whole else ""
        return (
            f"{kpi_id} cannot be sliced by {', '.join(foreign)}{why}. It comes by"
            f" {', '.join(carried) or 'no dimension'}."
        )


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the product's own catalogue, read and checked on first use."""
    folder = files(__package__)
    return load("\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in _FILES))


def load(text: str) -> Catalogue:
    """Read and check a catalogue. Raises `InvalidCatalogue` naming the definition at fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidCatalogue(f"not TOML: {error}") from error
    kpis: dict[str, Kpi] = {}
    for kpi in _definitions(document):
        if kpi.id in kpis:
            raise InvalidCatalogue(f"{kpi.id} is defined twice")
        kpis[kpi.id] = kpi
    expanded = _expand(kpis)
    for kpi_id, expression in expanded.items():
        if kpis[kpi_id].is_part and kpis[kpi_id].unit is not Unit.PERCENT:
            raise InvalidCatalogue(f"{kpi_id} is a part of something, but no percentage")
        _check(kpis[kpi_id], expression)
    inputs = {kpi_id: names(expression) for kpi_id, expression in expanded.items()}
    return Catalogue(MappingProxyType(kpis), MappingProxyType(expanded), MappingProxyType(inputs))


def _definitions(document: Mapping[str, Any]) -> Iterator[Kpi]:
    digits = document.get("rounding", {})
    for entry in document.get("kpi", ()):
        fields = {"rounding": digits.get(entry.get("unit")), "version": 1, **entry}
        each = fields.pop("each", None)
        try:
            if each is None:
                yield Kpi.model_validate(fields)
                continue
            for word in _EACH[each]:
                yield Kpi.model_validate(_filled(fields, each, word))
        except (ValidationError, KeyError) as error:
            raise InvalidCatalogue(f"{entry.get('id', '?')}: {error}") from error


def _filled(fields: Mapping[str, Any], each: str, word: str) -> dict[str, Any]:
    return {
        key: value.replace(f"{{{each}}}", word) if isinstance(value, str) else value
        for key, value in fields.items()
    }


def _expand(kpis: Mapping[str, Kpi]) -> dict[str, Expression]:
    parsed: dict[str, Expression] = {}
    for kpi in kpis.values():
        answers = (kpi.formula, kpi.statement, kpi.unavailable)
        if sum(answer is not None for answer in answers) != 1:
            raise InvalidCatalogue(f"{kpi.id} needs a formula, a statement or a reason for neither")
        if kpi.formula is not None:
            try:
                parsed[kpi.id] = parse(kpi.formula)
            except InvalidExpression as error:
                raise InvalidCatalogue(f"{kpi.id}: {error}") from error
    done: dict[str, Expression] = {}
    for kpi_id in parsed:
        _expand_one(kpi_id, parsed, done, ())
    return done


def _expand_one(
    kpi_id: str,
    parsed: Mapping[str, Expression],
    done: dict[str, Expression],
    path: tuple[str, ...],
) -> Expression:
    if kpi_id in path:
        raise InvalidCatalogue(f"{' -> '.join((*path, kpi_id))} is a circle")
    if kpi_id not in done:
        inner: dict[str, Expression] = {}
        for name in names(parsed[kpi_id]):
            # A KPI may bear the name of a measure only by being that measure, see `_check`.
            if name in MEASURES or name in ASSUMPTIONS:
                continue
            if name not in parsed:
                raise InvalidCatalogue(f"{kpi_id} uses {name}, which is neither measure nor KPI")
            inner[name] = _expand_one(name, parsed, done, (*path, kpi_id))
        done[kpi_id] = substitute(parsed[kpi_id], inner)
    return done[kpi_id]


def _check(kpi: Kpi, expression: Expression) -> None:
    inputs = names(expression)
    if kpi.id in ASSUMPTIONS or (kpi.id in MEASURES and inputs != (kpi.id,)):
        raise InvalidCatalogue(f"{kpi.id} bears the name of something else")
    for name in inputs:
        measure = MEASURES.get(name)
        if measure is None or measure.kept is Kept.CALENDAR:
            continue
        foreign = set(kpi.dimensions) - measure.dimensions
        if foreign:
            raise InvalidCatalogue(f"{kpi.id}: {name} does not carry {', '.join(sorted(foreign))}")
    divides = _divides(expression)
    if divides != (kpi.null_rule is NullRule.MISSING_OR_ZERO):
        raise InvalidCatalogue(f"{kpi.id}: the null rule does not fit the formula")
    is_quotient = isinstance(expression, Binary) and expression.operator == "/"
    is_ratio = kpi.aggregation is Aggregation.RATIO
    if is_ratio != is_quotient and kpi.aggregation is not Aggregation.COMPOSITE:
        raise InvalidCatalogue(f"{kpi.id}: a ratio, and only a ratio, ends in a division")
    if kpi.unit is Unit.PERCENT and not is_quotient:
        raise InvalidCatalogue(f"{kpi.id}: a percent is written as a quotient")
    if kpi.interval is not None and expression != parse(kpi.interval.formula):
        raise InvalidCatalogue(f"{kpi.id}: the interval is of another formula")
    if len(inputs) == 1 and expression == parse(inputs[0]):
        _check_alias(kpi, MEASURES.get(inputs[0]))


def _check_alias(kpi: Kpi, measure: Measure | None) -> None:
    # A KPI that is one measure keeps that measure's nature.
    if measure is None:
        raise InvalidCatalogue(f"{kpi.id} is only an assumption")
    if (kpi.aggregation, kpi.unit) != (measure.aggregation, measure.unit):
        raise InvalidCatalogue(f"{kpi.id} differs from its measure {measure.id}")


def _divides(expression: Expression) -> bool:
    # Division by a plain number cannot meet a zero: those are written into the formula.
    if not isinstance(expression, Binary):
        return False
    by_name = expression.operator == "/" and bool(names(expression.right))
    return by_name or _divides(expression.left) or _divides(expression.right)
