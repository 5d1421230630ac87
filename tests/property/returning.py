"""The comparison of returns: what the ROI endpoints answer against what the oracle computes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest

from services.api.dependencies import Access
from services.api.roi.cohort import cohort_roi
from services.api.roi.cohort_schemas import CohortQuery
from services.api.roi.comparison import compare
from services.api.roi.comparison_schemas import ModelResult, RoiComparison
from services.api.roi.crediting import credit_by_models
from services.api.roi.inputs import read_inputs
from services.api.roi.markov import explain_removals
from services.api.roi.queries import ComparisonQuery, MarkovQuery, StatementQuery
from services.api.roi.schemas import Cost, Payback, RoiStatement
from services.api.roi.service import statement
from shared import clock
from tests.property.oracle.answers import Span
from tests.property.oracle.attribution import MODELS
from tests.property.oracle.contributions import ADVOCACY
from tests.property.oracle.crediting import (
    MARKOV,
    Asked,
    Sums,
    credited,
    journeys,
    removals,
    revenue,
)
from tests.property.oracle.formulas import definitions
from tests.property.oracle.ledger import History
from tests.property.oracle.removal import probability, transitions
from tests.property.oracle.returns import (
    Value,
    credit_of_channels,
    margins_by_day,
    matured,
    return_on,
)
from tests.property.oracle.spending import months_after
from tests.property.oracle.whole import Whole
from tests.property.questions import Expected, Question
from tests.property.shown import CENT, assert_equal, assert_return, assert_shown, assert_written

__all__ = ["assert_aged", "assert_compared", "assert_removals", "assert_stated"]

_METHODS = ("cpc", "cpm", "mixed", "interaction")


_COMMON = ("from", "to", "basis", "channel", "cost_basis", "amortize_months")
_RECRUITING = ("recruiting_method", "recruiting_to")


async def assert_stated(access: Access, question: Question, oracle: Whole) -> None:
    """Compare the statement of one model: every form of return, and when it pays."""
    query = question.query(*_COMMON, *_RECRUITING, "model") | {"include_blended": True}
    got = await statement(access, StatementQuery.model_validate(query))
    history = oracle.history
    want = Expected.of(question, oracle)
    asked = question.asked(kind="deal")
    credit = None
    if want.knows():
        sums = credited(history, asked)[question.model]
        mine = [one for (channel, _), one in sums.items() if channel == question.channel]
        credit = sum((one.amount for one in mine), Fraction(0))
        wins = sum((one.share for one in mine), Fraction(0))
        assert_equal(got.total_revenue, revenue(history, asked))
        assert_shown(got.credited_wins, wins, Fraction(1, 10**6))
    assert_equal(got.credited_revenue, credit)
    _assert_spent(got.cost, want)
    assert got.hires == want.savings.hires
    assert_return(got.roi_on_revenue, credit, want.cost)
    assert_return(got.roi_on_margin, want.earned(credit), want.cost)
    assert_return(got.roi_cash, want.cash(credit), want.cost)
    _assert_media(got, _media(question, oracle), want, credit)
    _assert_points(got, want)
    decided = matured(history, question.start, question.end, question.channel)
    shown = (got.maturity.opened, got.maturity.closed)
    assert shown == (decided if want.knows() else (None, None))
    dated = _margins(question, history, asked, want)
    _assert_curve(got, question, dated, want)
    assert got.payback == _payback(question, dated, want)


def _media(question: Question, oracle: Whole) -> dict[str, Value]:
    """Return method → earned media value; nothing for other channels than advocacy."""
    if question.channel != ADVOCACY:
        return {}
    span = Span(question.start, question.end)
    return {m: oracle.value(definitions()[f"emv_{m}"], span).value for m in _METHODS}


def _assert_media(
    got: RoiStatement, media: Mapping[str, Value], want: Expected, credit: Value
) -> None:
    assert [one.method for one in got.media] == list(media)
    for one in got.media:
        assert_shown(one.amount, media[one.method], CENT)
        assert_return(one.roi_media, media[one.method], want.cost)
    assert got.roi_blended is not None
    chosen, cash = media.get("cpc"), want.cash(credit)
    blended = None if chosen is None or cash is None else cash + chosen
    assert_return(got.roi_blended, blended, want.cost)


def _margins(
    question: Question, history: History, asked: Asked, want: Expected
) -> list[tuple[date, Fraction]]:
    if want.margin is None:
        return []
    return margins_by_day(history, asked, question.model, question.channel, want.margin)


def _assert_curve(
    got: RoiStatement,
    question: Question,
    dated: Sequence[tuple[date, Fraction]],
    want: Expected,
) -> None:
    """Compare the margin as it came in, day by day."""
    so_far = Fraction(0)
    assert [point.day for point in got.curve] == [day for day, _ in dated]
    for point, (day, amount) in zip(got.curve, dated, strict=True):
        so_far += amount
        assert_shown(point.cumulative, so_far, CENT)
        assert point.age_days == (day - question.start).days
        assert_shown(point.roi_percent, return_on(so_far, want.cost), CENT)


def _payback(
    question: Question, dated: Sequence[tuple[date, Fraction]], want: Expected
) -> Payback | None:
    """Return the first day on which margin has covered the cost; no cost is covered at once."""
    if want.cost is None:
        return None
    so_far = Fraction(0)
    for day, amount in ((question.start, Fraction(0)), *dated):
        so_far += amount
        if so_far >= want.cost:
            return Payback(day=day, age_days=(day - question.start).days)
    return None


async def assert_aged(access: Access, question: Question, oracle: Whole) -> None:
    """Compare what the touches of the period had brought at the age of each month."""
    given = question.query(
        *("from", "to", "channel", "cost_basis", "amortize_months", "model", "age_unit")
    )
    got = await cohort_roi(access, CohortQuery.model_validate(given))
    want = Expected.of(question, oracle)
    asked = question.asked(kind="deal", basis="cohort")
    dated = _margins(question, oracle.history, asked, want)
    _assert_spent(got.cost, want)
    assert got.payback == _payback(question, dated, want)
    if want.margin is None or not want.knows():
        assert got.realized is None
        assert not got.curve
        return
    assert_shown(got.realized, sum((amount for _, amount in dated), Fraction(0)), CENT)
    for point in got.curve:
        assert point.day == _after(question, point.age)
        so_far = sum((amount for day, amount in dated if day <= point.day), Fraction(0))
        assert_shown(point.cumulative, so_far, CENT)
        assert_shown(point.roi_percent, return_on(so_far, want.cost), CENT)
    last = got.curve[-1]
    assert last.day <= got.today < _after(question, last.age + 1)
    decided = matured(oracle.history, question.start, question.end, question.channel)
    assert (got.maturity.opened, got.maturity.closed) == decided


def _after(question: Question, age: int) -> date:
    if question.age_unit == "week":
        return question.start + timedelta(weeks=age)
    return months_after(question.start, age)


def _assert_spent(got: Cost, want: Expected) -> None:
    assert_equal(got.total, want.cost)
    shown = {str(part.category): Fraction(part.amount) for part in got.by_category}
    assert shown == (want.spent or {})


async def assert_compared(access: Access, question: Question, oracle: Whole) -> None:
    """Compare all models at once: credit by channel and group, returns, and where they part."""
    given = question.query(
        *(*_COMMON, *_RECRUITING, "window_days", "half_life_days", "order", "group_by"),
        "conversion",
    )
    query = ComparisonQuery.model_validate(given)
    with _asked_on(question.today, oracle.history):
        got = await compare(access, query)
        inputs = await read_inputs(access, query, kind=query.conversion, group_by=query.group_by)
        by_group = await credit_by_models(access, inputs, query)
    asked = question.asked(group_by=question.group_by, order=question.order)
    seen = _with_parameters(question, oracle)
    sums = credited(seen, asked)
    for model, of_model in by_group.credits.items():
        groups = {
            (c.channel, c.group): (Fraction(c.amount), Fraction(c.conversions))
            for c in of_model
            if c.amount or c.conversions
        }
        want = {place: tuple(one) for place, one in sums[model].items() if any(one)}
        assert groups == want, (question, model)
    expected = Expected.of(question, oracle)
    if not expected.knows(question.conversion):
        assert (got.total_revenue, got.total_conversions) == (None, None)
        assert not got.models
        return
    assert got.total_conversions == sum(one.is_won for one in journeys(seen, asked))
    if question.conversion == "deal":
        assert_equal(got.total_revenue, revenue(seen, asked))
        _assert_models(got, question, sums, expected)
    else:
        assert got.total_revenue is None
        _assert_counted(got, question, sums)


@contextmanager
def _asked_on(day: date, history: History) -> Iterator[None]:
    """Let a day of the organization be today."""
    noon = datetime.combine(day, time(12), history.zone).astimezone(UTC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: noon)
        yield


def _with_parameters(question: Question, oracle: Whole) -> History:
    """Return the history as another window and half-life see it."""
    history = oracle.history
    half_life: Fraction | int = history.half_life_days
    if question.half_life == "measured":
        # Nothing has closed before that year.
        cycle = oracle.read(Span(date(2025, 1, 1), question.end), "time_to_close.median")
        half_life = half_life if cycle is None else max(cycle / 2, Fraction(1))
    elif question.half_life is not None:
        half_life = Fraction(question.half_life)
    window = history.window_days if question.window_days is None else question.window_days
    return replace(history, window_days=window, half_life_days=half_life)


def _assert_models(
    got: RoiComparison, question: Question, sums: Mapping[str, Sums], want: Expected
) -> None:
    channels = credit_of_channels(sums, "amount")
    counts = credit_of_channels(sums, "share")
    assert {result.model for result in got.models} == {*MODELS, MARKOV}
    returns: dict[str, list[Fraction]] = {"revenue": [], "margin": [], "cash": []}
    orders = set()
    for result in got.models:
        mine = channels[result.model]
        assert {one.channel: _fraction(one.amount) for one in result.channels} == mine, question
        assert {one.channel: one.rank for one in result.channels} == _ranks(mine), question
        orders.add(tuple(sorted(_ranks(mine).items())))
        credit = mine.get(question.channel, Fraction(0))
        assert_equal(result.credited_revenue, credit)
        assert_equal(result.total, sum(mine.values(), Fraction(0)))
        _assert_counts(result, counts[result.model], question.channel)
        forms = {
            "revenue": (result.roi_on_revenue, credit),
            "margin": (result.roi_on_margin, want.earned(credit)),
            "cash": (result.roi_cash, want.cash(credit)),
        }
        for form, (shown, value) in forms.items():
            assert_return(shown, value, want.cost)
            exact = return_on(value, want.cost)
            returns[form] += [] if exact is None else [exact]
    assert got.ranking_depends_on_model is (len(orders) > 1), (question, channels)
    _assert_spread(got, returns)
    _assert_points(got, want)


def _assert_counted(got: RoiComparison, question: Question, sums: Mapping[str, Sums]) -> None:
    """Compare credit that is no money: there is no return of it, and nothing to break even."""
    channels = credit_of_channels(sums, "share")
    assert {result.model for result in got.models} == {*MODELS, MARKOV}
    whole, parts = got.total_conversions, []
    for result in got.models:
        mine = channels[result.model]
        assert {one.channel: one.amount for one in result.channels} == dict.fromkeys(mine)
        assert {one.channel: one.rank for one in result.channels} == _ranks(mine), question
        _assert_counts(result, mine, question.channel)
        part = mine.get(question.channel, Fraction(0)) * 100 / whole if whole else None
        assert_shown(result.share_percent, part, CENT)
        parts += [] if part is None else [part]
        assert (result.total, result.credited_revenue) == (None, None)
        for one in (result.roi_on_revenue, result.roi_on_margin, result.roi_cash):
            assert (one.percent, one.null_reason) == (None, "missing:revenue")
    orders = {tuple(sorted(_ranks(mine).items())) for mine in channels.values()}
    assert got.ranking_depends_on_model is (len(orders) > 1), (question, channels)
    assert (got.spread, got.break_even, got.sign_depends_on_model) == ([], [], False)
    _assert_share_spread(got, parts)


def _fraction(amount: Decimal | None) -> Value:
    return None if amount is None else Fraction(amount)


def _assert_counts(result: ModelResult, mine: Mapping[str, Fraction], channel: str) -> None:
    assert {one.channel: Fraction(one.conversions) for one in result.channels} == mine
    assert_equal(result.credited_conversions, mine.get(channel, Fraction(0)))
    assert_equal(result.total_conversions, sum(mine.values(), Fraction(0)))


def _assert_share_spread(got: RoiComparison, parts: Sequence[Fraction]) -> None:
    assert (got.share_spread is None) is (not parts)
    if got.share_spread is not None:
        assert_shown(got.share_spread.lowest, min(parts), CENT)
        assert_shown(got.share_spread.highest, max(parts), CENT)
        assert_shown(got.share_spread.points, max(parts) - min(parts), CENT)


def _ranks(amounts: Mapping[str, Fraction]) -> dict[str, int]:
    return {
        channel: 1 + sum(other > amount for other in amounts.values())
        for channel, amount in amounts.items()
    }


def _assert_spread(got: RoiComparison, returns: Mapping[str, Sequence[Fraction]]) -> None:
    known = {form: values for form, values in returns.items() if values}
    assert {spread.form for spread in got.spread} == known.keys()
    parts = False
    for spread in got.spread:
        low, high = min(known[spread.form]), max(known[spread.form])
        assert_shown(spread.lowest, low, CENT)
        assert_shown(spread.highest, high, CENT)
        assert_shown(spread.points, high - low, CENT)
        assert spread.sign_depends_on_model is (low < 0 <= high)
        parts |= low < 0 <= high
    assert got.sign_depends_on_model is parts


async def assert_removals(access: Access, question: Question, history: History) -> None:
    """Compare the transitions, probabilities and effects behind the removal model."""
    given = question.query("from", "to", "basis", "window_days", "order", "conversion")
    with _asked_on(question.today, history):
        got = await explain_removals(access, MarkovQuery.model_validate(given))
    window = history.window_days if question.window_days is None else question.window_days
    seen = replace(history, window_days=window)
    found = journeys(seen, question.asked())
    paths = [([touch.channel for touch in one.path], one.is_won) for one in found]
    counts = transitions(paths, question.order)
    assert {(tuple(one.state), one.to): one.count for one in got.transitions} == {
        (before, after[-1]): count for (before, after), count in counts.items()
    }
    assert (got.journeys, got.converted) == (len(found), sum(one.is_won for one in found))
    effects = removals(found, question.order)
    assert {one.channel for one in got.channels} == effects.keys()
    assert got.error == 0, "histories are small: their chains are solved exactly"
    if effects:
        assert_written(got.probability, probability(counts))
    for one in got.channels:
        effect = effects[one.channel]
        assert_written(one.without, effect.without)
        assert_written(str(one.removal_effect), effect.effect)
        assert_shown(one.share_percent, effect.share * 100, CENT)
    if effects:
        assert sum(Fraction(one.conversions) for one in got.channels) == got.converted


def _assert_points(got: RoiStatement | RoiComparison, want: Expected) -> None:
    points = want.break_evens()
    assert {point.form for point in got.break_even} == points.keys()
    for point in got.break_even:
        # In whole cents: one less would be a loss.
        assert -CENT < points[point.form] - Fraction(point.revenue) <= 0
