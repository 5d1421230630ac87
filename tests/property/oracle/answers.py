"""Counts of people, levels and quantiles: what cannot be read off sums.

Each function returns group → value for the days of [start, end). Grouped by team, department
or role, a person counts in the one they have on the last of these days; grouped by who and where,
what was done or read there counts; without grouping the one group is ``""``.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import NamedTuple, TypeVar

from shared.facts import AudienceRecorded, EmployeeRecorded, Fact, SsiRecorded
from tests.property.oracle.contributions import Contribution, Where
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.membership import members_on
from tests.property.oracle.rates import counting_on
from tests.property.oracle.sales import deals, leads
from tests.property.oracle.slices import place_of, roster_row

__all__ = ["Span", "answers", "sharers_by"]

PILLARS = ("brand", "people", "insights", "relationships")
#: What divides people; each has one on every day.
PLACES = ("team", "department", "role", "cohort")
#: A group that has something of which nobody can tell how much it is has None; others are left out.
Answer = dict[str, Fraction | None]
FactT = TypeVar("FactT", bound=Fact)


class Span(NamedTuple):
    """The days from ``start`` up to, and without, ``end``, and what people are grouped by."""

    start: date
    end: date
    group_by: str | None = None

    @property
    def place(self) -> str:
        """Return what people are grouped by as such: their team, say, or nothing."""
        return self.group_by if self.group_by in PLACES else ""

    @property
    def last_day(self) -> date:
        """Return the last day inside."""
        return self.end - timedelta(days=1)

    def holds(self, day: date) -> bool:
        """Tell whether a day lies inside."""
        return self.start <= day < self.end


def answers(history: History, told: Sequence[Contribution], span: Span) -> dict[str, Answer]:
    """Return measure → group → value; a measure without any fact is left out."""
    found: dict[str, Answer] = {}
    measures = {part.measure for part in told}
    levels = _readings(history, span) | _times_to_close(history, span)
    if span.group_by in Where._fields:
        return (_sharing_by(history, told, span) if "shares" in measures else {}) | levels
    if "shares" in measures:
        sharers = _doing(told, "shares", span.start, span.end)
        found["sharers"] = _count(history, sharers, span)
        found["active_advocates"] = _count(history, _regulars(history, told, span), span)
    invited, joined = (_doing(told, event, date.min, span.end) for event in ("invites", "joins"))
    if "joins" in measures:
        found["enrolled"] = _count(history, members_on(history, span.last_day), span)
        found["invited_enrolled"] = _count(history, invited & joined, span)
    if "invites" in measures:
        found["invited"] = _count(history, invited, span)
    # Of whoever was there before the roster's first row, nobody has told anything.
    if any(row.effective_on < span.end for row in history.of(EmployeeRecorded)):
        found |= _roster_counts(history, span)
    return found | levels


def _sharing_by(history: History, told: Sequence[Contribution], span: Span) -> dict[str, Answer]:
    """Return who shared, and who is active, by where the posts were."""
    parts: dict[str, list[Contribution]] = defaultdict(list)
    for part in told:
        parts[getattr(part.where, span.group_by or "")].append(part)
    active = {
        group: Fraction(len(_regulars(history, of_group, span)))
        for group, of_group in parts.items()
        if group
    }
    return {"sharers": sharers_by(told, span), "active_advocates": {**active}}


def sharers_by(told: Iterable[Contribution], span: Span) -> Answer:
    """Return value → sharers, by the network, campaign or content of their posts."""
    people: dict[str, set[str]] = defaultdict(set)
    for part in told:
        group = getattr(part.where, span.group_by or "")
        if part.measure == "shares" and group and span.holds(part.day):
            people[group].add(part.where.employee)
    return {group: Fraction(len(them)) for group, them in people.items()}


def _doing(told: Iterable[Contribution], measure: str, start: date, end: date) -> set[str]:
    """Return whom a measure counts on any of the days of [start, end)."""
    mine = (part for part in told if part.measure == measure and start <= part.day < end)
    return {part.where.employee for part in mine if part.where.employee}


def _regulars(history: History, told: Sequence[Contribution], span: Span) -> set[str]:
    """Return who shared in enough of the last ISO weeks over at the end: three of four, unless
    the organization has stated otherwise of the last day.
    """
    looked_at, needed = (
        counting_on(history.stated, key, span.last_day)
        for key in ("active.weeks", "active.weeks_needed")
    )
    monday = span.end - timedelta(days=span.end.weekday())
    weeks: Counter[str] = Counter()
    for back in range(1, int(looked_at) + 1):
        start = monday - timedelta(weeks=back)
        weeks.update(_doing(told, "shares", start, start + timedelta(weeks=1)))
    return {employee for employee, count in weeks.items() if count >= needed}


def _count(history: History, people: Iterable[str], span: Span) -> Answer:
    counted: dict[str, Fraction] = defaultdict(Fraction)
    for employee in people:
        counted[_group(history, employee, span)] += 1
    return {**counted}


def _roster_counts(history: History, span: Span) -> dict[str, Answer]:
    employees = {row.employee for row in history.of(EmployeeRecorded)}
    rows = [roster_row(history, employee, span.last_day) for employee in employees]
    employed = [row for row in rows if row is not None and row.employed]
    return {
        "headcount": _count(history, [row.employee for row in employed], span),
        "linkedin_accounts": _count(
            history, [row.employee for row in employed if row.linkedin_account], span
        ),
    }


def _readings(history: History, span: Span) -> dict[str, Answer]:
    """Return the sums of the last audiences, and the means of the last Social Selling Indices."""
    found: dict[str, Answer] = {}
    # But connections, they belong to accounts and markets, which are in no team.
    others = ("followers", "competitor_followers", "market")
    for metric in ("connections",) if span.place else ("connections", *others):
        readings = [r for r in history.of(AudienceRecorded) if r.metric == metric]
        if readings:
            sums: dict[str | None, Fraction] = defaultdict(Fraction)
            for reading in _last(history, readings, span).values():
                sums[_group_of(history, reading, span)] += reading.count
            found[metric] = {group: value for group, value in sums.items() if group is not None}
    indices = history.of(SsiRecorded)
    if indices:
        last = _last(history, indices, span).values()
        scores = {f"ssi.{pillar}": (pillar,) for pillar in PILLARS} | {"ssi": PILLARS}
        for name, pillars in scores.items():
            found[name] = _mean(
                (group, _points(index, pillars))
                for index in last
                if (group := _group_of(history, index, span)) is not None
            )
    return found


def _last(
    history: History, readings: Sequence[FactT], span: Span
) -> dict[tuple[str | None, ...], FactT]:
    """Return the last reading of each entity up to the end of the span.

    An audience belongs to somebody on a network; an index belongs to a person alone.
    """
    ordered = sorted(readings, key=lambda r: (r.occurred_at, key_of(r)))
    return {
        (r.employee,) if isinstance(r, SsiRecorded) else (r.employee, r.account, r.network): r
        for r in ordered
        if history.day(r.occurred_at) < span.end
    }


def _group_of(history: History, reading: AudienceRecorded | SsiRecorded, span: Span) -> str | None:
    if span.group_by in Where._fields:
        return getattr(reading, span.group_by) or None
    return _group(history, reading.employee, span)


def _group(history: History, employee: str | None, span: Span) -> str:
    return place_of(history, employee or "", span.last_day, span.place) if span.place else ""


def _points(index: SsiRecorded, pillars: Sequence[str]) -> Fraction:
    return sum((Fraction(getattr(index, pillar)) for pillar in pillars), Fraction(0))


def _mean(values: Iterable[tuple[str, Fraction]]) -> Answer:
    groups: dict[str, list[Fraction]] = defaultdict(list)
    for group, value in values:
        groups[group].append(value)
    return {group: sum(values, Fraction(0)) / len(values) for group, values in groups.items()}


def _times_to_close(history: History, span: Span) -> dict[str, Answer]:
    """Return median and 90th percentile of whole local days from lead to won deal.

    A deal counts in the team its owner was in when it was won; without an owner, in none.
    """
    created = leads(history)
    days: dict[str, list[int]] = defaultdict(list)
    for deal in deals(history).values():
        if deal.state != "won" or deal.closed_at is None or deal.lead not in created:
            continue
        closed_on = history.day(deal.closed_at)
        if span.holds(closed_on) and (deal.employee or not span.group_by):
            owner = deal.employee or ""
            group = owner if span.group_by == "employee" else ""
            if span.place:
                group = place_of(history, owner, closed_on, span.place)
            days[group].append((closed_on - history.day(created[deal.lead].occurred_at)).days)
    return {
        f"time_to_close.{name}": {
            group: _quantile(sorted(values), fraction) for group, values in days.items()
        }
        for name, fraction in (("median", Fraction(1, 2)), ("p90", Fraction(9, 10)))
        if days
    }


def _quantile(ordered: Sequence[int], fraction: Fraction) -> Fraction:
    """Interpolate linearly at rank fraction × (n − 1), counted from 0."""
    rank = fraction * (len(ordered) - 1)
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])
