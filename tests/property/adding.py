"""The comparison of lines of value: amounts, evidence, and what may not be added up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cached_property

import pytest

from services.api.dependencies import Access
from services.api.roi.adding import add_lines
from services.api.roi.adding_schemas import AddingQuery
from services.api.roi.network import network_statement
from services.api.roi.network_schemas import NetworkQuery
from services.api.roi.queries import StatementQuery
from services.api.roi.schemas import Return, ValuePart
from services.api.roi.service import statement
from shared.errors import Invalid
from tests.property.oracle.answers import Span
from tests.property.oracle.contributions import ADVOCACY
from tests.property.oracle.crediting import Asked, credited
from tests.property.oracle.formulas import definitions
from tests.property.oracle.rates import NETWORK_KEYS, Stated, rate_on
from tests.property.oracle.returns import Value
from tests.property.oracle.value_lines import (
    Line,
    added,
    line,
    network_lines,
    overlaps,
    weakest,
)
from tests.property.oracle.whole import Whole
from tests.property.questions import Expected, Question
from tests.property.shown import CENT, assert_equal, assert_return, assert_shown

__all__ = [
    "Addition",
    "Reckoned",
    "assert_added",
    "assert_graded",
    "assert_network",
    "assert_network_by_itself",
]

_RECRUITING = {
    "recruiting_flat": "R1",
    "recruiting_cost_per_hire": "R2",
    "recruiting_vacancy": "R3",
}


@dataclass(frozen=True)
class Addition:
    """What is to be added up: lines, some perhaps twice, and whether overlaps are wanted."""

    lines: Sequence[str]
    is_accepted: bool
    emv_method: str


@dataclass(frozen=True)
class Reckoned:
    """A question about a history, and what the oracle says of it whatever lines are added."""

    question: Question
    oracle: Whole

    @cached_property
    def credit(self) -> Value:
        """Return the revenue credited to the channel; None without deals."""
        if "opportunities" not in self.oracle.held:
            return None
        asked = Asked(self.question.start, self.question.end, self.question.basis)
        sums = credited(self.oracle.history, asked)[self.question.model]
        mine = (one for (channel, _), one in sums.items() if channel == self.question.channel)
        return sum((one.amount for one in mine), Fraction(0))

    @cached_property
    def expected(self) -> Expected:
        """Return the rest of the money."""
        return Expected.of(self.question, self.oracle)

    def amount(self, kind: str, emv_method: str) -> Value:
        """Return the amount of a line."""
        if kind == "media_value":
            return self._media_value(emv_method)
        if kind in _RECRUITING:
            asked = replace(self.question, method=_RECRUITING[kind])
            saved = Expected.of(asked, self.oracle).savings.amounts
            return saved[0] if saved else None
        return self.credit if kind == "revenue" else self.expected.earned(self.credit)

    def _media_value(self, method: str) -> Value:
        """Return earned media value, which only the program's own channel has."""
        if self.question.channel != ADVOCACY:
            return None
        span = Span(self.question.start, self.question.end)
        return self.oracle.value(definitions()[f"emv_{method}"], span).value


_ASKED = ("from", "to", "basis", "channel", "cost_basis", "amortize_months", "model")


async def assert_graded(access: Access, told: Reckoned) -> None:
    """Compare the lines of the statement; its blended form is refused unless it is wanted."""
    query = told.question.query(*_ASKED, "recruiting_method", "recruiting_to")
    got = await statement(access, StatementQuery.model_validate(query))
    want = told.expected
    lines = [line("margin", want.earned(told.credit))]
    kinds = {method: kind for kind, method in _RECRUITING.items()}
    methods = told.question.method.split("+") if want.savings.amounts else []
    for method, amount in zip(methods, want.savings.amounts, strict=True):
        lines.append(line(kinds[method], amount))
    _assert_lines(got.value_lines, lines)
    _assert_sum(got.roi_cash, lines, want.cost)
    for one in got.media:
        assert one.roi_media.grade == "modelled"
    assert got.roi_blended is None

    with _refused({frozenset({"margin", "media_value"})}):
        await statement(access, StatementQuery.model_validate(query | {"form": "blended"}))


async def assert_added(access: Access, told: Reckoned, addition: Addition) -> None:
    """Compare the sum of chosen lines, or that it is refused and the overlap named."""
    query = AddingQuery.model_validate(
        told.question.query(*_ASKED, "recruiting_to")
        | {"lines": addition.lines, "accept_overlaps": addition.is_accepted}
        | {"emv_method": addition.emv_method}
    )
    pairs = overlaps(addition.lines)
    if pairs and not addition.is_accepted:
        with _refused(pairs):
            await add_lines(access, query)
        return
    got = await add_lines(access, query)
    kinds = dict.fromkeys(addition.lines)
    lines = [line(kind, told.amount(kind, addition.emv_method)) for kind in kinds]
    _assert_lines(got.lines, lines)
    assert_equal(got.cost.total, told.expected.cost)
    _assert_sum(got.roi, lines, told.expected.cost)


async def assert_network(
    access: Access, day: date, addition: Addition, stated: Sequence[Stated]
) -> None:
    """Compare a year of the internal network at the rates of a day."""
    pairs = overlaps(addition.lines)
    given = {"on": day, "lines": addition.lines, "accept_overlaps": addition.is_accepted}
    query = NetworkQuery.model_validate(given)
    if pairs and not addition.is_accepted:
        with _refused(pairs):
            await network_statement(access, query)
        return
    await _assert_network(access, query, stated, addition.lines)


async def assert_network_by_itself(access: Access, day: date, stated: Sequence[Stated]) -> None:
    """Compare the same of who chooses no lines: ideas are in it once their value is stated."""
    ideas = rate_on(stated, "esn.ideas_value", day)
    lines = ["leavers_avoided", "time_saved", *(["ideas"] if ideas is not None else [])]
    await _assert_network(access, NetworkQuery(on=day), stated, lines)


async def _assert_network(
    access: Access, query: NetworkQuery, stated: Sequence[Stated], kinds: Sequence[str]
) -> None:
    got = await network_statement(access, query)
    rates = {key: rate_on(stated, key, query.on) for key in NETWORK_KEYS}
    known = network_lines(rates, {one.key for one in stated if one.effective_on <= query.on})
    lines = [known[kind] for kind in dict.fromkeys(kinds)]
    _assert_lines(got.lines, lines)
    _assert_lines(got.claims, [known["productivity"]])
    assert_shown(got.cost, rates["esn.cost"], CENT)
    _assert_sum(got.roi, lines, rates["esn.cost"])


@contextmanager
def _refused(pairs: set[frozenset[str]]) -> Iterator[None]:
    """Expect a refusal that names these pairs, each in a sentence of its own."""
    with pytest.raises(Invalid) as refusal:
        yield
    assert refusal.value.code == "overlapping_value"
    named = [error["message"].partition(":")[0] for error in refusal.value.errors]
    assert {frozenset(pair.split(", ")) for pair in named} == pairs
    assert len(named) == len(pairs)


def _assert_lines(got: Sequence[ValuePart], want: Sequence[Line]) -> None:
    assert [one.kind for one in got] == [one.kind for one in want]
    for shown, told in zip(got, want, strict=True):
        assert_shown(shown.amount, told.amount, CENT)
        assert (shown.value_class, shown.grade) == (told.money, told.grade)
        assert (shown.null_reason is None) is (told.amount is not None)


def _assert_sum(got: Return, lines: Sequence[Line], cost: Value) -> None:
    assert_return(got, added(lines), cost)
    assert got.grade == weakest(lines)
    pairs = overlaps([one.kind for one in lines])
    assert {frozenset({one.one, one.other}) for one in got.counted_twice} == pairs
