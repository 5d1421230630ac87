"""The KPIs of the catalogue, computed from measures and rates as their formulas stand there.

The catalogue is data: its text is read here, and by a reader of its own. Arithmetic is on
fractions; a missing input, or a denominator that is not above zero, makes a value null, with that
reason.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from tests.property.oracle.answers import PILLARS, Span
from tests.property.oracle.attribution import MODELS
from tests.property.oracle.rates import KEYS, Stated, rate_on

__all__ = ["Definition", "Outcome", "definitions", "of_rates", "value_of"]

_FOLDER = Path(__file__).parents[3] / "shared" / "kpis"
_FILES = ("catalogue.toml", "catalogue_market.toml", "catalogue_company.toml")
_EACH = {
    "model": MODELS,
    "pillar": PILLARS,
    "facet": ("company", "title", "city"),
    "generation": ("silent", "boomers", "gen_x", "millennials", "gen_z"),
    "week": ("1", "4", "8", "12", "26"),
}
_TOKEN = re.compile(r"\s*([a-z][a-z0-9_.]*|[0-9.]+|[-+*/()])")
#: Money earned, spent or paid for on a day is priced at the rate of that day, and then added up.
_PRICED_BY_DAY = frozenset({"additive", "attributed"})
#: So are both sides of a quotient, where either is such money.
_DIVIDED_LAST = frozenset({"social_spend_cover"})


class Definition(NamedTuple):
    """What the catalogue says of a KPI; no formula: a statement answers it, or nothing can."""

    id: str
    formula: str | None
    unit: str
    aggregation: str
    digits: int
    dimensions: tuple[str, ...]
    is_part: bool


class Outcome(NamedTuple):
    """A value, unrounded, or the reason why there is none."""

    value: Fraction | None
    reason: str | None = None


class _Null(Exception):
    """Why a formula has no value."""


@lru_cache(maxsize=1)
def definitions() -> Mapping[str, Definition]:
    """Return every KPI of the catalogue."""
    text = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _FILES)
    document = tomllib.loads(text)
    found = {}
    for entry in document["kpi"]:
        each = entry.get("each")
        for word in _EACH[each] if each else ("",):
            kpi = _definition(entry, f"{{{each}}}", word, document["rounding"])
            found[kpi.id] = kpi
    return found


def _definition(
    entry: Mapping[str, Any], place: str, word: str, rounding: Mapping[str, int]
) -> Definition:
    formula = entry.get("formula")
    return Definition(
        id=entry["id"].replace(place, word),
        formula=None if formula is None else formula.replace(place, word),
        unit=entry["unit"],
        aggregation=entry["aggregation"],
        digits=entry.get("rounding", rounding.get(entry["unit"], 0)),
        dimensions=tuple(entry["dimensions"]),
        is_part=entry.get("is_part", False),
    )


def of_rates(kpi: Definition) -> frozenset[str]:
    """Return the keys of the rates that a KPI depends on."""
    names = re.findall(r"[a-z][a-z0-9_.]*", kpi.formula or "")
    found = {name for name in names if name in KEYS}
    for name in names:
        if name in definitions() and name != kpi.id:
            found |= of_rates(definitions()[name])
    return frozenset(found)


#: Measure → value of one group over a span; None where there is none.
Read = Callable[[Span, str], Fraction | None]


def value_of(kpi: Definition, span: Span, stated: Sequence[Stated], read: Read) -> Outcome:
    """Return the value of a KPI over a span; ``read`` tells measures."""
    spans = _pieces(kpi, span, stated)
    if len(spans) == 1:
        return _evaluated(kpi.formula or "", kpi.id, span, stated, read)
    if kpi.id not in _DIVIDED_LAST:
        return _added(kpi.formula or "", kpi.id, spans, stated, read)
    above, below = (
        _added(side, kpi.id, spans, stated, read) for side in (kpi.formula or "").split(" / ")
    )
    if above.value is None or below.value is None:
        return above if above.value is None else below
    if below.value <= 0:
        return Outcome(None, _undivided(below.value))
    return Outcome(above.value / below.value)


def _undivided(divisor: Fraction) -> str:
    return "negative_denominator" if divisor < 0 else "zero_denominator"


def _pieces(kpi: Definition, span: Span, stated: Sequence[Stated]) -> list[Span]:
    """Cut a span where a rate of the KPI changes, if each piece is priced at a rate of its own."""
    if kpi.aggregation not in _PRICED_BY_DAY and kpi.id not in _DIVIDED_LAST:
        return [span]
    keys = of_rates(kpi)
    days = {one.effective_on for one in stated if one.key in keys}
    inside = sorted(day for day in days if span.start < day < span.end)
    edges = [span.start, *inside, span.end]
    return [Span(start, end, span.group_by) for start, end in pairwise(edges)]


def _added(
    formula: str, name: str, spans: Sequence[Span], stated: Sequence[Stated], read: Read
) -> Outcome:
    parts = [_evaluated(formula, name, span, stated, read) for span in spans]
    total = Fraction(0)
    for part in parts:
        if part.value is None:
            return part
        total += part.value
    return Outcome(total)


def _evaluated(
    formula: str, name: str, span: Span, stated: Sequence[Stated], read: Read
) -> Outcome:
    """Return the value of a formula; a rate is that of the last day of the span."""
    try:
        return Outcome(_Formula(formula, name, span, stated, read).value())
    except _Null as null:
        return Outcome(None, str(null))


class _Formula:
    """A formula, read from the left: a sum of products of names, numbers and parentheses."""

    def __init__(
        self, text: str, name: str, span: Span, stated: Sequence[Stated], read: Read
    ) -> None:
        self._rest = _TOKEN.findall(text)
        self._name = name
        self._context = span, stated, read

    def value(self) -> Fraction:
        """Return the value; raises `_Null` where there is none."""
        value = self._sum()
        assert not self._rest
        return value

    def _sum(self) -> Fraction:
        value = self._product()
        while self._rest and self._rest[0] in "+-":
            sign = 1 if self._rest.pop(0) == "+" else -1
            value += sign * self._product()
        return value

    def _product(self) -> Fraction:
        value = self._operand()
        while self._rest and self._rest[0] in "*/":
            if self._rest.pop(0) == "*":
                value *= self._operand()
                continue
            divisor = self._operand()
            if divisor <= 0:
                raise _Null(_undivided(divisor))
            value /= divisor
        return value

    def _operand(self) -> Fraction:
        token = self._rest.pop(0)
        if token == "(":
            value = self._sum()
            self._rest.pop(0)
            return value
        return self._named(token) if token[0].isalpha() else Fraction(token)

    def _named(self, name: str) -> Fraction:
        span, stated, read = self._context
        if name in definitions() and name != self._name:
            formula = definitions()[name].formula
            if formula != name:
                return _Formula(formula or "", name, span, stated, read).value()
        value = rate_on(stated, name, span.last_day) if name in KEYS else read(span, name)
        if value is None:
            raise _Null(f"missing:{name}")
        return value
