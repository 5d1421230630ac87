"""Explain an ROI: the credits that add up to the revenue, the facts that add up to the cost."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from services.api.answers import trust_of
from services.api.dependencies import Access
from services.api.facts.lines import FactLine, fact_line
from services.api.freshness import freshness_of
from services.api.model import exact
from services.api.pinning import Moment, moment_of
from services.api.privacy import may_see_people
from services.api.roi.explain_schemas import CreditedTouch, FactRef, RoiExplanation
from services.api.roi.inputs import is_reported
from services.api.roi.queries import ExplainQuery
from services.api.roi.repository import CreditLine, credit_lines, credited
from shared.errors import InvalidCursor
from shared.kpis.expressions import rounded
from shared.kpis.vocabulary import ConversionKind
from shared.money import exponent, round_money
from shared.rollups.explain import explain_measure
from shared.rollups.read import live_generation
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["explain"]

_Place = tuple[date, str, bytes]
# What a cursor says of a list: where it starts, where it goes on, or that it is at its end.
_END = "end"


async def explain(access: Access, keyring: KeyRing, query: ExplainQuery) -> RoiExplanation:
    """Return one page of the credits and one of the cost lines, each until its own end.

    Raises:
        InvalidCursor: the cursor belongs to another explanation.
        Conflict: the explanation was begun in another generation (``list_outdated``).
    """
    org = access.org
    asked = query.model_dump(mode="json", exclude={"cursor", "limit"})
    codec = CursorCodec(keyring, org.id, {"explain": "roi", **asked})
    begun, (credits_at, costs_at) = _begun(codec, query.cursor)
    moment = await moment_of(access, query, begun)
    credits, credits_next = await _credits(access, query, credits_at)
    costs, total, costs_next = await _costs(access, query, costs_at)
    following = [credits_next, costs_next]
    freshness = await freshness_of(access.connection, org.id)
    revenue, conversions = await _credited(access, query)
    return RoiExplanation(
        **trust_of(freshness, org.zone).model_dump(),
        from_=query.from_,
        to=query.to,
        basis=query.basis,
        channel=query.channel,
        currency=org.currency,
        model=query.model,
        conversion=query.conversion,
        credited_revenue=revenue,
        credited_conversions=conversions,
        cost=total,
        credits=credits,
        costs=costs,
        next_cursor=None if following == [_END, _END] else moment.cursor(codec, following),
    )


def _begun(codec: CursorCodec, cursor: str | None) -> tuple[Moment | None, tuple[str, str]]:
    if cursor is None:
        return None, ("", "")
    moment, place = Moment.read(codec, cursor)
    match place:
        case [str(credits_at), str(costs_at)]:
            return moment, (credits_at, costs_at)
    raise InvalidCursor


async def _credited(access: Access, query: ExplainQuery) -> tuple[Decimal | None, Decimal | None]:
    """Return credited revenue and conversions; None where no such conversion was ever told."""
    if not await is_reported(access, query.conversion, query.period):
        return None, None
    generation = await live_generation(access.connection, access.org.id)
    found = await credited(
        access.connection,
        access.org.id,
        generation,
        basis=query.basis,
        period=query.period,
        kind=query.conversion,
    )
    asked = (query.model, query.channel)
    mine = [credit for credit in found if (credit.model, credit.channel) == asked]
    revenue = None
    if query.conversion is ConversionKind.DEAL:
        amounts = sum((credit.amount for credit in mine), Decimal(0))
        revenue = round_money(amounts, exponent(access.org.currency))
    return revenue, exact(sum((credit.conversions for credit in mine), Decimal(0)))


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
        basis=query.basis,
        period=query.period,
        kind=query.conversion,
        model=query.model,
        channel=query.channel,
        after=_read_place(place) if place else None,
        limit=query.limit + 1,
    )
    page = lines[: query.limit]
    following = _write_place(page[-1]) if len(lines) > query.limit else _END
    with_people = may_see_people(access)
    return [_touch(line, with_people=with_people) for line in page], following


def _write_place(line: CreditLine) -> str:
    return f"{line.converted_day.isoformat()}/{line.touch_key.hex()}/{line.conversion}"


def _read_place(text: str) -> _Place:
    day, key, conversion = text.split("/", 2)
    return date.fromisoformat(day), conversion, bytes.fromhex(key)


def _touch(line: CreditLine, *, with_people: bool) -> CreditedTouch:
    """Return a credit as answers show it: ids that tell of an employee only ``with_people``.

    Positions are told, as of all facts that are of one day: see `fact_line`.
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


async def _costs(
    access: Access, query: ExplainQuery, place: str
) -> tuple[list[FactLine], Decimal | None, str]:
    """Return a page of cost lines, the cost of the period, and where the next page starts."""
    page = await explain_measure(
        access.connection,
        access.org,
        "cost",
        query.period,
        filters={},
        after=None if place in {"", _END} else place,
        limit=query.limit,
    )
    with_people = may_see_people(access)
    listed = [] if place == _END else page.lines
    lines = [fact_line("cost", line, with_people=with_people) for line in listed]
    following = page.next if place != _END and page.next is not None else _END
    digits = exponent(access.org.currency)
    total = None if page.total is None else rounded(Fraction(page.total), digits)
    return lines, total, following
