"""Returns as known: whatever is told and stated on which day, a look back shows what was answered.

The statement of a period, the comparison of models and the cohort are asked on every day on which
something was recorded, and again later as of that day. In the middle of one of these days the
period may be published: it stays what it was then, and says how far it has moved since.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.publications.schemas import NewPublication
from services.api.publications.service import publish
from services.api.roi.cohort import cohort_roi
from services.api.roi.cohort_schemas import CohortQuery, CohortRoi
from services.api.roi.comparison import compare
from services.api.roi.comparison_schemas import RoiComparison
from services.api.roi.moves import RoiMove
from services.api.roi.queries import ComparisonQuery, StatementQuery
from services.api.roi.schemas import RoiStatement
from services.api.roi.service import statement
from services.metrics.worker import catch_up
from shared import clock
from shared.db import Database
from shared.ledger import append
from shared.orgs import Org
from shared.security.keys import Caller
from tests.property.drawing import dear
from tests.property.engine import found_org, state
from tests.property.oracle.rates import Stated
from tests.property.questions import Question, any_question
from tests.property.recording import recorded
from tests.property.worlds import Delivery, Setting, rates, settings, value_histories

pytestmark = pytest.mark.timeout(7200)

_FIRST_DAY = date(2025, 5, 12)
_COMMON = ("from", "to", "basis", "channel", "cost_basis", "amortize_months", "recruiting_method")
#: Of when an answer is, and how fresh: what is known of that is of another kind.
_OF_MOMENT = (
    *("as_of", "complete_until", "is_final", "is_partial", "known_position", "sources"),
    *("frozen", "publication_id", "moved"),
)
Answers = tuple[RoiStatement, RoiComparison, CohortRoi]


@dear(long=75, otherwise=2)
@given(
    settings,
    value_histories(),
    st.lists(st.tuples(st.integers(1, 25), rates), min_size=1, max_size=2),
    any_question,
    st.integers(0, 2),
)
async def test_a_look_back_at_returns_shows_what_was_answered(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    days: list[tuple[int, list[Stated]]],
    question: Question,
    publishing: int,
) -> None:
    org = await found_org(database, setting)
    answered, published = [], None
    for number, (count, stated) in enumerate([*days, (len(deliveries), [])]):
        told, deliveries = deliveries[:count], deliveries[count:]
        day, at = recorded(_FIRST_DAY, number, org.zone)
        with _asked_at(at):
            half = len(told) // 2
            await _record(database, org, told[:half], stated)
            if number == publishing:
                published = await _published(database, org, question)
            await _record(database, org, told[half:], [])
            answered.append((day, await _answers(database, org, question, live=True)))

    with _asked_at(at + timedelta(days=40)):
        for day, was in answered:
            known = await _answers(database, org, question, as_of=day)
            assert _figures(known) == _figures(was), day
        if published is not None:
            frozen = await _answers(database, org, question)
            assert _figures(frozen) == _figures(published)
            _assert_statement_moved(frozen[0], published[0], was[0])
            _assert_models_moved(frozen[1], published[1], was[1])


@contextmanager
def _asked_at(moment: datetime) -> Iterator[datetime]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: moment)
        yield moment


async def _record(
    database: Database, org: Org, told: Sequence[Delivery], stated: Sequence[Stated]
) -> None:
    await state(database, org, stated)
    async with database.transaction(org.id) as connection:
        await append(connection, org, told, received_at=clock.now())
    await catch_up(database, org.id)


async def _published(database: Database, org: Org, question: Question) -> Answers:
    """Publish the period of a question; return what was answered just before."""
    answers = await _answers(database, org, question)
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset()), connection)
        body = {"from": question.start, "to": question.end, "note": "as reported"}
        await publish(access, NewPublication.model_validate(body))
    return answers


async def _answers(
    database: Database,
    org: Org,
    question: Question,
    *,
    as_of: date | None = None,
    live: bool = False,
) -> Answers:
    known = {"as_of": as_of, "live": live}
    asked = question.query(*_COMMON, "recruiting_to") | known
    model = question.query("model")
    parameters = question.query("window_days", "half_life_days", "order", "group_by", "conversion")
    aged = question.query("from", "to", "channel", "cost_basis", "amortize_months", "model")
    async with database.transaction(org.id) as connection:
        statement_of = await statement(
            _access(org, connection), StatementQuery.model_validate(asked | model)
        )
    async with database.transaction(org.id) as connection:
        comparison = await compare(
            _access(org, connection), ComparisonQuery.model_validate(asked | parameters)
        )
    async with database.transaction(org.id) as connection:
        cohort = await cohort_roi(
            _access(org, connection), CohortQuery.model_validate(aged | known)
        )
    return statement_of, comparison, cohort


def _access(org: Org, connection: "asyncpg.Connection[asyncpg.Record]") -> Access:
    return Access(Caller(org, "property", frozenset({"people:read"})), connection)


def _figures(answers: Answers) -> list[dict[str, Any]]:
    without: Any = {**dict.fromkeys(_OF_MOMENT, True), "models": {"__all__": {"moved"}}}
    return [answer.model_dump(exclude=without) for answer in answers]


def _assert_statement_moved(
    frozen: RoiStatement, published: RoiStatement, live: RoiStatement
) -> None:
    assert frozen.moved == RoiMove(
        credited_revenue=_moved(live.credited_revenue, published.credited_revenue),
        credited_conversions=_moved(live.credited_wins, published.credited_wins),
        cost=_moved(live.cost.total, published.cost.total),
        percent=_moved(live.headline.percent, published.headline.percent),
    )


def _assert_models_moved(
    frozen: RoiComparison, published: RoiComparison, live: RoiComparison
) -> None:
    was = {one.model: one for one in published.models}
    now = {one.model: one for one in live.models}
    for one in frozen.models:
        before, after = was[one.model], now[one.model]
        assert one.moved == RoiMove(
            credited_revenue=_moved(after.credited_revenue, before.credited_revenue),
            credited_conversions=_moved(after.credited_conversions, before.credited_conversions),
            cost=_moved(live.cost.total, published.cost.total),
            percent=_moved(after.roi_cash.percent, before.roi_cash.percent),
        )


def _moved(after: Decimal | None, before: Decimal | None) -> Decimal | None:
    return None if after is None and before is None else (after or 0) - (before or Decimal(0))
