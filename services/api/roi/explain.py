"""Explain an ROI: the credits that add up to the revenue, the facts that add up to the cost."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.api.answers import is_partial
from services.api.dependencies import Access
from services.api.facts.lines import FactLine, fact_lines
from services.api.model import exact
from services.api.pinning import Moment, moment_of
from services.api.privacy import may_see_people
from services.api.roi.explain_schemas import CreditedTouch, FactRef, RoiExplanation
from services.api.roi.inputs import is_reported
from services.api.roi.queries import ExplainQuery
from services.api.roi.repository import CreditLine, CreditQuery, credit_lines, credited_to
from shared.errors import InvalidCursor
from shared.kpis.expressions import rounded
from shared.kpis.vocabulary import ConversionKind
from shared.money import exponent, round_money
from shared.rollups.explain import explain_measure
from shared.rollups.read import MeasureQuery, live_generation, read_measures
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["explain"]

# What a cursor says of a list: where it starts, where it goes on, or that it is at its end.
_START, _END = "", "end"


@dataclass(frozen=True, slots=True)
class _Totals:
    """What the lines of all pages add up to, found once: the first page is read for them."""

    revenue: Decimal | None
    conversions: Decimal | None
    cost: Decimal | None

    def texts(self) -> list[str]:
        """Return them as a cursor carries them."""
        totals = (self.revenue, self.conversions, self.cost)
        return ["" if total is None else str(total) for total in totals]


@dataclass(frozen=True, slots=True)
class _Begun:
    """What a cursor tells of the pages before."""

    moment: Moment
    credits_at: str
    costs_at: str
    totals: _Totals


async def explain(access: Access, keyring: KeyRing, query: ExplainQuery) -> RoiExplanation:
    """Return one page of the credits and one of the cost lines, each until its own end.

    Raises:
        InvalidCursor: the cursor belongs to another explanation.
        Conflict: the explanation was begun in another generation (``list_outdated``).
    """
    org = access.org
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    codec = CursorCodec(keyring, org.id, {"explain": "roi", **asked})
    begun = None if query.cursor is None else _begun(codec, query.cursor)
    moment = await moment_of(access, query, begun.moment if begun else None)
    totals = begun.totals if begun else await _totals(access, query)
    credits, credits_next = await _credits(access, query, begun.credits_at if begun else _START)
    costs, costs_next = await _costs(access, query, begun.costs_at if begun else _START)
    following = [credits_next, costs_next]
    is_last = following == [_END, _END]
    return RoiExplanation(
        **moment.trust(org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, moment.complete_until, org.zone),
        basis=query.basis,
        channel=query.channel,
        currency=org.currency,
        model=query.model,
        conversion=query.conversion,
        credited_revenue=totals.revenue,
        credited_conversions=totals.conversions,
        cost=totals.cost,
        credits=credits,
        costs=costs,
        next_cursor=None if is_last else moment.cursor(codec, [*following, *totals.texts()]),
    )


def _begun(codec: CursorCodec, cursor: str) -> _Begun:
    moment, place = Moment.read(codec, cursor)
    match place:
        case [str(credits_at), str(costs_at), str(revenue), str(conversions), str(cost)]:
            texts = (revenue, conversions, cost)
            totals = _Totals(*(Decimal(text) if text else None for text in texts))
            return _Begun(moment, credits_at, costs_at, totals)
    raise InvalidCursor


async def _totals(access: Access, query: ExplainQuery) -> _Totals:
    """Return the totals; no credit at all where no such conversion was ever told."""
    org, connection = access.org, access.connection
    digits = exponent(org.currency)
    table = await read_measures(connection, org, ["cost"], MeasureQuery((query.period,)))
    booked = table[0, ""]["cost"]
    cost = None if booked is None else rounded(Fraction(booked), digits)
    if not await is_reported(access, query.conversion, query.period):
        return _Totals(None, None, cost)
    generation = await live_generation(connection, org.id)
    amount, conversions = await credited_to(connection, org.id, generation, _asked(query))
    has_worth = query.conversion is ConversionKind.DEAL
    return _Totals(round_money(amount, digits) if has_worth else None, exact(conversions), cost)


async def _credits(
    access: Access, query: ExplainQuery, place: str
) -> tuple[list[CreditedTouch], str]:
    if place == _END:
        return [], _END
    generation = await live_generation(access.connection, access.org.id)
    lines = await credit_lines(
        access.connection,
        access.org.id,
        generation,
        _asked(query),
        after=_read_place(place) if place else None,
        limit=query.limit + 1,
    )
    page = lines[: query.limit]
    following = _write_place(page[-1].place(query.basis)) if len(lines) > query.limit else _END
    with_people = may_see_people(access)
    return [_touch(line, with_people=with_people) for line in page], following


def _asked(query: ExplainQuery) -> CreditQuery:
    return CreditQuery(query.basis, query.period, query.model, query.channel, query.conversion)


def _write_place(place: tuple[date, str, bytes]) -> str:
    day, conversion, touch_key = place
    return f"{day.isoformat()}/{touch_key.hex()}/{conversion}"


def _read_place(text: str) -> tuple[date, str, bytes]:
    day, key, conversion = text.split("/", 2)
    return date.fromisoformat(day), conversion, bytes.fromhex(key)


def _touch(line: CreditLine, *, with_people: bool) -> CreditedTouch:
    """Return a credit as answers show it: ids that tell of an employee only ``with_people``.

    Positions are told, as of all facts that are of one day: see `fact_lines`.
    """
    is_told = with_people or not line.conversion_is_personal
    return CreditedTouch(
        conversion=line.conversion,
        conversion_fact=FactRef(
            source=line.conversion_source,
            external_id=line.conversion_external_id if is_told else None,
            position=line.conversion_position,
        ),
        touch_fact=FactRef(
            source=line.touch_source,
            external_id=line.touch_external_id if with_people or not line.employee else None,
            position=line.touch_position,
        ),
        touch_day=line.touch_day,
        converted_day=line.converted_day,
        share=line.share,
        amount=line.amount,
        channel=line.channel,
        employee=(line.employee or None) if with_people else None,
        network=line.network or None,
        campaign=line.campaign or None,
        content=line.content or None,
    )


async def _costs(access: Access, query: ExplainQuery, place: str) -> tuple[list[FactLine], str]:
    """Return a page of cost lines, and where the next page starts."""
    if place == _END:
        return [], _END
    page = await explain_measure(
        access.connection,
        access.org,
        "cost",
        query.period,
        filters={},
        after=place or None,
        limit=query.limit,
    )
    lines = await fact_lines(access, "cost", page.lines)
    return lines, _END if page.next is None else page.next
