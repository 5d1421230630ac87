"""Deals, their customers and leads, counted by hand from the definitions of the catalogue."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from shared.facts import DealChanged, LeadCreated, QuotaSet, TouchRecorded
from tests.property.oracle.answers import Span
from tests.property.oracle.attribution import MODELS, credits, digits_of, divide
from tests.property.oracle.contributions import where_of
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.lines import Line, Told
from tests.property.oracle.sales import (
    closed_at,
    converted,
    deals,
    journey_of,
    leads,
    same_person,
)

__all__ = ["deal_lines", "lead_lines"]

ADVOCACY = "employee_advocacy"


def deal_lines(history: History, span: Span) -> dict[str, Told]:
    """Return what is counted of deals, customers and quotas: measure → its lines in a span."""
    told: dict[str, Told] = {}
    changes = history.of(DealChanged)
    won = _won(history, span)
    if any(d.customer for d in changes):
        before = {d.customer for d, _ in _won(history, Span(date.min, span.start)) if d.customer}
        buyers = [d.customer for d, _ in won if d.customer]
        returning = {c for n, c in enumerate(buyers) if c in before or c in buyers[:n]}
        for name, customers in (("customers", set(buyers)), ("customers_returning", returning)):
            told[name] = Told([Line(c, 1, span.start) for c in customers], "count")
    if any(d.units is not None for d in changes):
        units = [Line(d.deal, d.units or 0, day, d.employee or "") for d, day in won]
        told["units_sold"] = Told(units, "sum", "day")
        for model in MODELS:
            told[f"units.{model}"] = Told(list(_units(history, span, model)), "sum", "day")
    if any(d.employee for d in changes):
        told |= _owned(history, span, won)
    if changes:
        told["pipeline"] = Told(list(_open(history, span)), "sum")
        for model in MODELS:
            told[f"pipeline.{model}"] = Told(list(_led_to_open(history, span, model)), "sum")
            opened = list(_led_to_opened(history, span, model))
            told[f"opportunities.{model}"] = Told([line for line, _ in opened], "sum", "day")
            by_advocates = [line for line, channel in opened if channel == ADVOCACY]
            told[f"opportunities_advocacy.{model}"] = Told(by_advocates, "sum", "day")
        told["customers_advocacy"] = Told(list(_clients(history, span)), "count", "day")
    if any(d.is_new_market is not None for d in changes):
        told["customers_new_market"] = Told(
            list(_clients(history, span, is_new_market=True)), "count", "day"
        )
    if history.of(QuotaSet):
        told["quota"] = Told(list(_quotas(history, span)), "sum", "day")
    return told


def lead_lines(history: History, span: Span) -> dict[str, Told]:
    """Return what is counted of leads by their touches: measure → its lines in a span."""
    told: dict[str, Told] = {}
    created = leads(history)
    won_leads = {d.lead for d in deals(history).values() if d.state == "won"}
    sourced, converted_leads = [], []
    for name, lead in created.items():
        day = history.day(lead.occurred_at)
        if not span.holds(day):
            continue
        first = _first_touch(history, lead, by_advocacy=False)
        if first is not None and first.channel == ADVOCACY:
            sourced.append(_of_touch(name, 1, day, first))
        touch = _first_touch(history, lead, by_advocacy=True)
        if touch is not None and name in won_leads:
            converted_leads.append(_of_touch(name, 1, day, touch))
    if created and history.of(TouchRecorded):
        told["leads_sourced"] = Told(sourced, "sum", "day")
        told["leads_advocacy_won"] = Told(converted_leads, "sum", "day")
    if history.of(DealChanged):
        told |= _closings(history, span, created)
    return told


def _of_touch(key: str, quantity: Fraction | int | None, day: date, touch: TouchRecorded) -> Line:
    return Line(key, quantity, day, touch.employee or "", where=where_of(touch))


def _won(history: History, span: Span) -> list[tuple[DealChanged, date]]:
    """Return the deals won in the days of the span, in the order of their close."""
    return _closed(history, span, "won")


def _closed(history: History, span: Span, state: str) -> list[tuple[DealChanged, date]]:
    closed = [(d, d.closed_at) for d in deals(history).values() if d.state == state]
    ordered = sorted(((at, key_of(d), d) for d, at in closed if at), key=lambda row: row[:2])
    return [(d, history.day(at)) for at, _, d in ordered if span.holds(history.day(at))]


def _owned(history: History, span: Span, won: list[tuple[DealChanged, date]]) -> dict[str, Told]:
    """Return what is counted of deals that are somebody's, who is in a team on that day."""
    opened = [(d, history.day(d.opened_at)) for d in deals(history).values()]
    wins, losses, begun = (
        [Line(d.deal, 1, day, d.employee) for d, day in dated if d.employee and span.holds(day)]
        for dated in (won, _closed(history, span, "lost"), opened)
    )
    amounts = {d.deal: Fraction(d.amount or 0) for d, _ in won}
    touched = {c.id for c in converted(history) if c.kind == "deal" and journey_of(history, c)}
    lines = {
        "wins_owned": wins,
        "wins_owned_touched": [one for one in wins if one.key in touched],
        "revenue_owned": [one._replace(quantity=amounts[one.key]) for one in wins],
        "losses_owned": losses,
        "opportunities_owned": begun,
    }
    return {name: Told(counted, "sum", "day") for name, counted in lines.items()}


def _units(history: History, span: Span, model: str) -> Iterator[Line]:
    """Yield the part of a deal's units that a model credits to each touch before it was won."""
    for conversion in converted(history):
        day = history.day(conversion.at)
        if conversion.kind == "deal" and span.holds(day):
            units = deals(history)[conversion.id].units or 0
            path = journey_of(history, conversion)
            for touch, share, _ in credits(history, model, path, conversion):
                yield _of_touch(conversion.id, share * units, day, touch)


def _open(history: History, span: Span) -> Iterator[Line]:
    for deal, amount in _open_deals(history, span):
        yield Line(deal.deal, amount, span.start, deal.employee or "")


def _open_deals(history: History, span: Span) -> Iterator[tuple[DealChanged, Fraction | None]]:
    """Yield the deals open at the end of the last day of a span, with what they are worth.

    That is None where nobody told it.
    """
    for deal in deals(history).values():
        closed = closed_at(deal)
        is_over = closed is not None and history.day(closed) < span.end
        if history.day(deal.opened_at) < span.end and not is_over:
            yield deal, None if deal.amount is None else Fraction(deal.amount)


def _led_to_open(history: History, span: Span, model: str) -> Iterator[Line]:
    """Yield the part of an open deal that a model credits to each touch before its lead.

    By the shares of the lead, whole minor units to each; units left over go to the earlier touch
    of equal ones, by the day and the key.
    """
    created = {one.id: one for one in converted(history) if one.kind == "lead"}
    for deal, amount in _open_deals(history, span):
        lead = created.get(deal.lead or "")
        if lead is None:
            continue
        credited = credits(history, model, journey_of(history, lead), lead)
        credited.sort(key=lambda row: (history.day(row[0].occurred_at), key_of(row[0])))
        if amount is None:
            for touch, _, _ in credited:
                yield _of_touch(deal.deal, None, span.start, touch)
        elif credited:
            shares = [share for _, share, _ in credited]
            parts = divide(amount, shares, digits_of(history, amount))
            for (touch, _, _), part in zip(credited, parts, strict=True):
                yield _of_touch(deal.deal, part, span.start, touch)


def _led_to_opened(history: History, span: Span, model: str) -> Iterator[tuple[Line, str | None]]:
    """Yield the part of a deal opened in a span that a model credits to each touch of its lead.

    Beside it is the channel of the touch.
    """
    created = {one.id: one for one in converted(history) if one.kind == "lead"}
    for deal in deals(history).values():
        day, lead = history.day(deal.opened_at), created.get(deal.lead or "")
        if lead is not None and span.holds(day):
            for touch, share, _ in credits(history, model, journey_of(history, lead), lead):
                yield _of_touch(deal.deal, share, day, touch), touch.channel


def _clients(history: History, span: Span, *, is_new_market: bool = False) -> Iterator[Line]:
    """Yield the customers of the deals won with a touch by an advocate, in new markets or all."""
    for conversion in converted(history):
        day = history.day(conversion.at)
        if conversion.kind != "deal" or not span.holds(day):
            continue
        deal = deals(history)[conversion.id]
        if is_new_market and not deal.is_new_market:
            continue
        customer = deal.customer or f"nobody's, of deal {conversion.id}"
        for touch, _, _ in credits(history, "linear", journey_of(history, conversion), conversion):
            if touch.channel == ADVOCACY:
                yield _of_touch(customer, 1, day, touch)


def _quotas(history: History, span: Span) -> Iterator[Line]:
    """Yield what running totals, rounded to a hundredth of a cent, grow by on each day."""
    for quota in history.of(QuotaSet):
        first, last = max(quota.starts_on, span.start), min(quota.ends_on, span.end)
        for number in range(max((last - first).days, 0)):
            day = first + timedelta(days=number)
            grown = _running(quota, day + timedelta(days=1)) - _running(quota, day)
            yield Line(str(key_of(quota)), Fraction(grown), day, quota.employee)


def _running(quota: QuotaSet, until: date) -> Decimal:
    days = (quota.ends_on - quota.starts_on).days
    share = quota.amount * (until - quota.starts_on).days / days
    return share.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _first_touch(history: History, lead: LeadCreated, *, by_advocacy: bool) -> TouchRecorded | None:
    """Return the first touch of a lead's person, in the window up to its creation."""
    if lead.person is None:
        return None
    person = same_person(history, lead.person)
    oldest = history.day(lead.occurred_at) - timedelta(days=history.window_days)
    touches = [
        touch
        for touch in history.of(TouchRecorded)
        if touch.person in person
        and touch.occurred_at <= lead.occurred_at
        and history.day(touch.occurred_at) >= oldest
        and (touch.channel == ADVOCACY or not by_advocacy)
    ]
    return min(touches, key=lambda t: (t.occurred_at, key_of(t)), default=None)


def _closings(history: History, span: Span, created: dict[str, LeadCreated]) -> dict[str, Told]:
    lines: dict[bool, list[Line]] = {True: [], False: []}
    for deal, closed_on in _won(history, span):
        lead = created.get(deal.lead or "")
        if lead is not None:
            days = (closed_on - history.day(lead.occurred_at)).days
            is_ours = _first_touch(history, lead, by_advocacy=True) is not None
            lines[is_ours].append(Line(deal.deal, days, closed_on))
    return {
        "time_to_close_advocacy.median": Told(lines[True], "median"),
        "time_to_close_other.median": Told(lines[False], "median"),
    }
