"""The comparison of lists: the lines of a cost statement, and of what explains a return."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Final, NamedTuple, TypeVar

from services.api.dependencies import Access
from services.api.roi.cost_schemas import CostStatement
from services.api.roi.costs import cost_statement
from services.api.roi.explain import explain
from services.api.roi.explain_schemas import CreditedTouch, RoiExplanation
from services.api.roi.queries import CostQuery, ExplainQuery
from shared.db import Database
from shared.facts import ApplicationSubmitted, CostBooked, Fact, HireAccepted
from shared.orgs import Org
from shared.security.keyring import KeyRing, MasterKey
from shared.security.keys import Caller
from tests.property.oracle.crediting import Line, credited_lines
from tests.property.oracle.ledger import History
from tests.property.oracle.sales import deals, leads, steps_of
from tests.property.oracle.spending import charged, cost_of, half_away_from_zero, spread
from tests.property.oracle.whole import Whole
from tests.property.questions import Expected, Question
from tests.property.shown import CENT, assert_equal, assert_shown

__all__ = ["Asking", "assert_charged", "assert_evident"]

_RING: Final = KeyRing(MasterKey(b"k" * 32))
_AT_ONCE: Final = 9
_Query = TypeVar("_Query", CostQuery, ExplainQuery)
_Page = TypeVar("_Page", CostStatement, RoiExplanation)
_Answer = Callable[[Access, KeyRing, _Query], Awaitable[_Page]]


class Asking(NamedTuple):
    """An organization that is asked, by somebody who may see people.

    Every page comes in a transaction of its own: all but the first look back.
    """

    database: Database
    org: Org

    @asynccontextmanager
    async def access(self) -> AsyncIterator[Access]:
        """Open a transaction."""
        async with self.database.transaction(self.org.id) as connection:
            yield Access(Caller(self.org, "property", frozenset({"people:read"})), connection)


async def assert_charged(asking: Asking, asked: CostQuery, history: History) -> None:
    """Compare what a period cost, in all, by category and line by line."""
    pages = await _pages(asking, asked, cost_statement)
    start, end = asked.period.start, asked.period.end
    basis, months = str(asked.cost_basis), asked.amortize_months
    want = cost_of(history, start, end, basis=basis, months=months)
    for page in pages:
        assert_equal(page.cost.total, None if want is None else sum(want.values(), Fraction(0)))
        shown = {str(one.category): Fraction(one.amount) for one in page.cost.by_category}
        assert shown == (want or {}), asked
    unit = 10**history.minor_digits
    lines = charged(history, start, end, basis=basis, months=months)
    assert [
        (
            *(line.source, line.external_id, str(line.category), line.is_one_off),
            *(line.booked_from, line.booked_to, line.charged_from, line.charged_to),
            *(Fraction(line.amount), Fraction(line.in_period), line.evidence, line.owner),
        )
        for page in pages
        for line in page.lines
    ] == [
        (
            *(cost.source, cost.external_id, cost.category, cost.is_one_off),
            *(cost.starts_on, cost.ends_on, cost.starts_on, until),
            Fraction(half_away_from_zero(Fraction(cost.amount) * unit), unit),
            *(part, cost.evidence, cost.owner),
        )
        for cost, until, part in lines
    ], asked
    assert {page.lines_total for page in pages} == {len(lines)}


async def assert_evident(asking: Asking, question: Question, oracle: Whole) -> None:
    """Compare the credits and the costs that a return is explained by."""
    names = ("from", "to", "basis", "channel", "model", "conversion")
    asked = ExplainQuery.model_validate(question.query(*names))
    pages = await _pages(asking, asked, explain)
    history = oracle.history
    lines = credited_lines(history, question.asked(), question.model, question.channel)
    assert Counter(_shown(one) for page in pages for one in page.credits) == Counter(
        _expected(history, line, question.conversion) for line in lines
    ), question
    days = [
        one.touch_day if question.basis == "cohort" else one.converted_day
        for page in pages
        for one in page.credits
    ]
    assert days == sorted(days)
    _assert_sums(pages[0], question, oracle, lines)
    spent: dict[tuple[str, str | None], Fraction] = defaultdict(Fraction)
    for page in pages:
        for cost in page.costs:
            spent[cost.source, cost.external_id] += Fraction(cost.quantity)
    assert {who: amount for who, amount in spent.items() if amount} == _booked(history, question)


def _assert_sums(
    got: RoiExplanation, question: Question, oracle: Whole, lines: Iterable[Line]
) -> None:
    booked = cost_of(oracle.history, question.start, question.end, basis="full", months=None)
    assert_equal(got.cost, None if booked is None else sum(booked.values(), Fraction(0)))
    if not Expected.of(question, oracle).knows(question.conversion):
        assert (got.credited_revenue, got.credited_conversions) == (None, None)
        return
    assert_equal(got.credited_conversions, sum((line.share for line in lines), Fraction(0)))
    amount = sum((line.amount or Fraction(0) for line in lines), Fraction(0))
    assert_shown(got.credited_revenue, amount if question.conversion == "deal" else None, CENT)


def _booked(history: History, question: Question) -> dict[tuple[str, str | None], Fraction]:
    found: dict[tuple[str, str | None], Fraction] = {}
    for cost in history.of(CostBooked):
        days = spread(history, Fraction(cost.amount), cost.starts_on, cost.ends_on)
        inside = (amount for day, amount in days if question.start <= day < question.end)
        part = sum(inside, Fraction(0))
        if part and cost.channel != "brand":
            found[cost.source, cost.external_id] = part
    return found


def _shown(one: CreditedTouch) -> tuple[object, ...]:
    return (
        *(one.conversion, one.conversion_fact.source, one.conversion_fact.external_id),
        *(one.touch_fact.source, one.touch_fact.external_id, one.touch_day, one.converted_day),
        *(Fraction(one.share), None if one.amount is None else Fraction(one.amount)),
        *(one.channel, one.employee, one.network, one.campaign, one.content),
    )


def _expected(history: History, line: Line, kind: str) -> tuple[object, ...]:
    journey, touch = line.journey, line.touch
    said = _speaking(history, kind, journey.end.id)
    return (
        *(journey.end.id, said.source, said.external_id, touch.source, touch.external_id),
        *(history.day(touch.occurred_at), journey.day, line.share, line.amount),
        *(touch.channel, touch.employee, touch.network, touch.campaign, touch.content),
    )


def _speaking(history: History, kind: str, name: str) -> Fact:
    """Return the fact that speaks for a conversion."""
    match kind:
        case "deal":
            return deals(history)[name]
        case "lead":
            return leads(history)[name]
        case "application":
            return steps_of(history, ApplicationSubmitted)[name]
    return steps_of(history, HireAccepted)[name]


async def _pages(asking: Asking, asked: _Query, page: _Answer[_Query, _Page]) -> Sequence[_Page]:
    pages: list[_Page] = []
    while not pages or pages[-1].next_cursor:
        cursor = pages[-1].next_cursor if pages else None
        following = asked.model_copy(update={"cursor": cursor, "limit": _AT_ONCE})
        async with asking.access() as access:
            pages.append(await page(access, _RING, following))
    return pages
