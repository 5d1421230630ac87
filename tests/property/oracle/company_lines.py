"""The company and its staff, counted by hand from the definitions of the catalogue."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction

from shared.facts import (
    EmployeeRecorded,
    FigureRecorded,
    InternalDaily,
    MailDaily,
    MentionRecorded,
    ProcessCompleted,
    TiesRecorded,
)
from tests.property.oracle.answers import Span
from tests.property.oracle.contributions import where_of
from tests.property.oracle.hiring import hiring_lines
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.lines import Line, Told
from tests.property.oracle.said_lines import said_lines
from tests.property.oracle.sales_lines import deal_lines, lead_lines
from tests.property.oracle.slices import roster_row

__all__ = ["company_lines"]

HOUR = 3600


def company_lines(history: History, span: Span) -> dict[str, Told]:
    """Return measure → its lines in a span; a measure without any fact is left out."""
    return {
        **said_lines(history, span),
        **_figures(history, span),
        **_internal(history, span),
        **_times(history, span),
        **_staff(history, span),
        **deal_lines(history, span),
        **lead_lines(history, span),
        **hiring_lines(history, span),
    }


def _figures(history: History, span: Span) -> dict[str, Told]:
    told = {}
    for figure in ("market_sales", "recruiting_cost", "process_cost", "output"):
        entered = [f for f in history.of(FigureRecorded) if f.figure == figure]
        for name, field in ((figure, "value"), ("output_hours", "hours")):
            if entered and (field == "value" or figure == "output"):
                lines = [
                    Line(
                        str(key_of(f)),
                        Fraction(getattr(f, field)),
                        f.day,
                        team=f.team or "",
                        department=f.department or "",
                        job=f.job or "",
                    )
                    for f in entered
                    if span.holds(f.day)
                ]
                told[f"figure.{name}"] = Told(lines, "sum", "own")
    return told | _searching(history, span)


def _last_figures(history: History, span: Span, figure: str) -> dict[str, Fraction] | None:
    """Return team → its last figure, "" for the company's; None if none was ever entered."""
    entered = [f for f in history.of(FigureRecorded) if f.figure == figure]
    ordered = sorted(entered, key=lambda f: (f.day, f.occurred_at, key_of(f)))
    last = {f.team or "": Fraction(f.value) for f in ordered if f.day < span.end}
    return last if entered else None


def _searching(history: History, span: Span) -> dict[str, Told]:
    """Everybody employed searches as long as the team does, or else as the company does."""
    hours = _last_figures(history, span, "search_hours")
    if hours is None:
        return {}
    people, searched = [], []
    for name in sorted({row.employee for row in history.of(EmployeeRecorded)}):
        row = roster_row(history, name, span.last_day)
        found = [hours[team] for team in ((row and row.team) or "", "") if team in hours]
        if row and row.employed and found:
            people.append(Line(name, 1, span.start, team=row.team or ""))
            searched.append(Line(name, found[0], span.start, team=row.team or ""))
    return {
        "search.people": Told(people, "sum", "own"),
        "search.hours": Told(searched, "sum", "own"),
    }


def _internal(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    totals = history.of(InternalDaily)
    if totals:
        active = {
            t.employee
            for t in totals
            if span.holds(t.day)
            and (t.posts + t.comments + t.reactions + t.reads + t.events + t.polls + t.suggestions)
            + (t.knowledge_items + t.knowledge_reads)
        }
        told["esn_active"] = Told([Line(n, 1, span.start, n) for n in active], "count")
        told["knowledge_base"] = Told(
            [
                Line(str(key_of(t)), t.knowledge_items, t.day, t.employee)
                for t in totals
                if t.day < span.end
            ],
            "sum",
            "day",
        )
        told["esn_slope"] = Told(list(_weeks(totals, span)), "slope", "day")
    mails = history.of(MailDaily)
    if mails:
        for name, field in (("messages", "messages"), ("person_days", "people")):
            told[f"mail.{name}"] = Told(
                [
                    Line(
                        str(key_of(m)),
                        getattr(m, field),
                        m.day,
                        team=m.team or "",
                        department=m.department or "",
                    )
                    for m in mails
                    if span.holds(m.day)
                ],
                "sum",
                "own",
            )
    ties = sorted(history.of(TiesRecorded), key=lambda t: (t.occurred_at, key_of(t)))
    if ties:
        last = {(t.team, t.other_team): t for t in ties if history.day(t.occurred_at) < span.end}
        lines = [Line(str(pair), t.pairs, span.start) for pair, t in last.items()]
        told["ties"] = Told(lines, "sum")
    return told


def _weeks(totals: list[InternalDaily], span: Span) -> Iterator[Line]:
    """Yield what was done in the weeks that lie wholly inside the span, by their Mondays."""
    for total in totals:
        monday = total.day - timedelta(days=total.day.weekday())
        if monday >= span.start and monday + timedelta(days=7) <= span.end:
            done = total.posts + total.comments + total.reactions
            yield Line(str(monday), done, total.day, total.employee)


def _times(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    for process in ("approval", "onboarding"):
        ended = [p for p in history.of(ProcessCompleted) if p.process == process]
        if ended:
            lines = [
                Line(
                    str(key_of(p)),
                    (history.day(p.occurred_at) - history.day(p.started_at)).days,
                    span.start,
                    team=p.team or "",
                    department=p.department or "",
                )
                for p in ended
                if span.holds(history.day(p.occurred_at))
            ]
            told[f"process.{process}.median"] = Told(lines, "median", "own")
    mentions = [(m, m.answered_at) for m in history.of(MentionRecorded)]
    if any(answer for _, answer in mentions):
        lines = [
            Line(str(key_of(m)), _hours(answer, m.occurred_at), span.start, where=where_of(m))
            for m, answer in mentions
            if answer and m.brand == "own" and span.holds(history.day(m.occurred_at))
        ]
        told["reply_hours.median"] = Told(lines, "median")
    return told


def _hours(later: datetime, earlier: datetime) -> Fraction:
    return Fraction((later - earlier) // timedelta(microseconds=1), 10**6 * HOUR)


def _staff(history: History, span: Span) -> dict[str, Told]:
    everybody = {row.employee for row in history.of(EmployeeRecorded)}
    if not everybody:
        return {}
    days = [span.start + timedelta(days=n) for n in range((span.end - span.start).days)]
    employed = []
    for day in days:
        rows = [roster_row(history, name, day) for name in everybody]
        employed += [(day, row) for row in rows if row is not None and row.employed]
    last = [row for day, row in employed if day == span.last_day]
    lines = [Line("", 1, day, row.employee) for day, row in employed]
    has_begun = any(row.effective_on < span.end for row in history.of(EmployeeRecorded))
    return {
        **({"person_days": Told(lines, "sum", "day")} if has_begun else {}),
        # Who is in no team has no colleague in another one.
        "ties_possible": Told([Line(r.team, 1, span.start) for r in last if r.team], "pairs"),
    }
