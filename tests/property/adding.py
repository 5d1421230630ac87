"""The comparison of lines of value: amounts, evidence, and what may not be added up."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

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

__all__ = ["Addition", "assert_added", "assert_graded", "assert_network"]

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


async def assert_graded(access: Access, question: Question, oracle: Whole) -> None:
    """Compare the lines of the statement; its blended form is refused unless it is wanted."""
    names = ("from", "to", "basis", "channel", "cost_basis", "amortize_months", "model")
    query = question.query(*names, "recruiting_method", "recruiting_to")
    got = await statement(access, StatementQuery.model_validate(query))
    want = Expected.of(question, oracle)
    lines = [line("margin", want.earned(_credit(question, oracle)))]
    kinds = {method: kind for kind, method in _RECRUITING.items()}
    methods = question.method.split("+") if want.savings.amounts else []
    for method, amount in zip(methods, want.savings.amounts, strict=True):
        lines.append(line(kinds[method], amount))
    _assert_lines(got.value_lines, lines)
    _assert_sum(got.roi_cash, lines, want.cost)
    for one in got.media:
        assert one.roi_media.grade == "modelled"
    assert got.roi_blended is None

    with _refused({frozenset({"margin", "media_value"})}):
        await statement(access, StatementQuery.model_validate(query | {"form": "blended"}))


async def assert_added(
    access: Access, question: Question, addition: Addition, oracle: Whole
) -> None:
    """Compare the sum of chosen lines, or that it is refused and the overlap named."""
    names = ("from", "to", "basis", "channel", "cost_basis", "amortize_months", "model")
    query = AddingQuery.model_validate(
        question.query(*names, "recruiting_to")
        | {"lines": addition.lines, "accept_overlaps": addition.is_accepted}
        | {"emv_method": addition.emv_method}
    )
    pairs = overlaps(addition.lines)
    if pairs and not addition.is_accepted:
        with _refused(pairs):
            await add_lines(access, query)
        return
    got = await add_lines(access, query)
    lines = [
        line(kind, _amount(kind, question, addition, oracle))
        for kind in dict.fromkeys(addition.lines)
    ]
    cost = Expected.of(question, oracle).cost
    _assert_lines(got.lines, lines)
    assert_equal(got.cost.total, cost)
    _assert_sum(got.roi, lines, cost)


def _amount(kind: str, question: Question, addition: Addition, oracle: Whole) -> Value:
    if kind == "media_value":
        return _media_value(question, addition.emv_method, oracle)
    if kind in _RECRUITING:
        want = Expected.of(replace(question, method=_RECRUITING[kind]), oracle)
        return want.savings.amounts[0] if want.savings.amounts else None
    credit = _credit(question, oracle)
    return credit if kind == "revenue" else Expected.of(question, oracle).earned(credit)


def _media_value(question: Question, method: str, oracle: Whole) -> Value:
    """Return earned media value, which only the program's own channel has, in cents."""
    if question.channel != ADVOCACY:
        return None
    span = Span(question.start, question.end)
    value = oracle.value(definitions()[f"emv_{method}"], span).value
    return None if value is None else int(value / CENT + Fraction(1, 2)) * CENT


def _credit(question: Question, oracle: Whole) -> Value:
    if "opportunities" not in oracle.held:
        return None
    asked = Asked(question.start, question.end, question.basis)
    sums = credited(oracle.history, asked)[question.model]
    mine = (one for (channel, _), one in sums.items() if channel == question.channel)
    return sum((one.amount for one in mine), Fraction(0))


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
    got = await network_statement(access, query)
    rates = {key: rate_on(stated, key, day) for key in NETWORK_KEYS}
    known = network_lines(rates)
    lines = [known[kind] for kind in dict.fromkeys(addition.lines)]
    _assert_lines(got.lines, lines)
    _assert_lines(got.claims, [known["productivity"]])
    assert_equal(got.cost, rates["esn.cost"])
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
