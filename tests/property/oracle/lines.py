"""How lines make a value: what somebody counting by hand would put on a list, and then count."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from tests.property.oracle.answers import Answer, Span
from tests.property.oracle.contributions import NOWHERE, Where
from tests.property.oracle.ledger import History
from tests.property.oracle.slices import place_of

__all__ = ["Line", "Told", "gathered"]


#: What only the line itself can say.
_SAID = ("job", "market", "language")


class Line(NamedTuple):
    """A quantity of somebody, or of a group, on a day; lines of one key belong together.

    None is a quantity that there is, and that nobody told.
    """

    key: str
    quantity: Fraction | int | None
    day: date
    employee: str = ""
    team: str = ""
    department: str = ""
    role: str = ""
    job: str = ""
    market: str = ""
    language: str = ""
    where: Where = NOWHERE


class Told(NamedTuple):
    """All lines of a measure, how they combine, and when the roster is asked for the place."""

    lines: Iterable[Line]
    combined: str
    placed_on: str = "end"


def gathered(history: History, told: Told, span: Span) -> Answer:
    """Return group → value; groups without lines, and middles and scores of nothing, are left out.

    Where nobody told any of the quantities of a group, it has the value None.
    """
    groups: dict[str, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    unknown: set[str] = set()
    for line in told.lines:
        group = _group(history, line, told.placed_on, span)
        if group is not None and line.quantity is None:
            unknown.add(group)
        elif group is not None and line.quantity is not None:
            groups[group][line.key] += line.quantity
    combine = _COMBINED[told.combined]
    values: Answer = {group: combine(keys, span) for group, keys in groups.items()}
    known = {group: value for group, value in values.items() if value is not None}
    return dict.fromkeys(unknown) | known


def _group(history: History, line: Line, placed_on: str, span: Span) -> str | None:
    if span.group_by in _SAID:
        return getattr(line, span.group_by) or None
    if span.group_by in Where._fields:
        where = line.where._replace(employee=line.employee or line.where.employee)
        return getattr(where, span.group_by) or None
    if not span.place:
        return ""
    if placed_on == "own":
        return getattr(line, span.place, "") or None  # who answers together has no cohort
    days = {"day": line.day, "end": span.last_day, "start": span.start - timedelta(days=1)}
    day = days[placed_on]
    return place_of(history, line.employee, day, span.place) if line.employee else None


def _middle(values: Iterable[Fraction]) -> Fraction:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _evenness(keys: Mapping[str, Fraction], _: Span) -> Fraction | None:
    """1 less the mean difference of all pairs, of everybody with everybody, over twice the mean."""
    values = list(keys.values())
    total = sum(values, Fraction(0))
    if not total:
        return None
    differences = sum((abs(a - b) for a in values for b in values), Fraction(0))
    return 1 - differences / (2 * len(values) * total)


def _slope(keys: Mapping[str, Fraction], span: Span) -> Fraction | None:
    days = [span.start + timedelta(days=n) for n in range((span.end - span.start).days)]
    mondays = [d for d in days if d.weekday() == 0 and d + timedelta(days=7) <= span.end]
    weeks = [keys.get(str(monday), Fraction(0)) for monday in mondays]
    if len(weeks) < 3:
        return None
    return _middle((weeks[j] - weeks[i]) / (j - i) for i, j in combinations(range(len(weeks)), 2))


def _pairs(keys: Mapping[str, Fraction], _: Span) -> Fraction:
    return sum((a * b for a, b in combinations(keys.values(), 2)), Fraction(0))


_COMBINED: Mapping[str, Callable[[Mapping[str, Fraction], Span], Fraction | None]] = {
    "sum": lambda keys, _: sum(keys.values(), Fraction(0)),
    "count": lambda keys, _: Fraction(len(keys)),
    "most": lambda keys, _: max(keys.values()),
    "mean": lambda keys, _: sum(keys.values(), Fraction(0)) / len(keys),
    "median": lambda keys, _: _middle(keys.values()),
    "evenness": _evenness,
    "slope": _slope,
    "pairs": _pairs,
}
