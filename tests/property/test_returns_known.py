"""Returns as known: whatever is told and stated on which day, a look back shows what was answered.

The statement of a period, the comparison of models, the cohort and its cost by line are asked on
every day on which something was recorded, and again later as of that day.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from services.api.roi.cohort import cohort_roi
from services.api.roi.cohort_schemas import CohortQuery
from services.api.roi.comparison import compare
from services.api.roi.queries import ComparisonQuery, StatementQuery
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
from tests.property.worlds import Delivery, Setting, rates, settings, value_histories

pytestmark = pytest.mark.timeout(7200)

_FIRST_DAY = datetime(2025, 4, 20, 8, tzinfo=UTC)
_COMMON = ("from", "to", "basis", "channel", "cost_basis", "amortize_months", "recruiting_method")
#: Of when an answer is, and how fresh: what is known of that is of another kind.
_OF_MOMENT = {"as_of", "complete_until", "is_final", "is_partial", "known_position", "sources"}


@dear(long=75, otherwise=3)
@given(
    settings,
    value_histories(),
    st.lists(st.tuples(st.integers(1, 25), rates), min_size=1, max_size=3),
    any_question,
)
async def test_a_look_back_at_returns_shows_what_was_answered(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    days: list[tuple[int, list[Stated]]],
    question: Question,
) -> None:
    org = await found_org(database, setting)
    answered = []
    for number, (count, stated) in enumerate([*days, (len(deliveries), [])]):
        told, deliveries = deliveries[:count], deliveries[count:]
        with _asked_at(_FIRST_DAY + timedelta(days=3 * number)) as now:
            await _record(database, org, told, stated)
            answered.append((now.date(), await _answers(database, org, question)))

    with _asked_at(_FIRST_DAY + timedelta(days=40)):
        for day, was in answered:
            assert await _answers(database, org, question, as_of=day) == was, day


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


async def _answers(
    database: Database, org: Org, question: Question, as_of: date | None = None
) -> list[dict[str, Any]]:
    known = {"as_of": as_of}
    asked = question.query(*_COMMON, "recruiting_to") | known
    model = question.query("model")
    parameters = question.query("window_days", "half_life_days", "order", "group_by", "conversion")
    aged = question.query("from", "to", "channel", "cost_basis", "amortize_months", "model")
    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset({"people:read"})), connection)
        answers = (
            await statement(access, StatementQuery.model_validate(asked | model)),
            await compare(access, ComparisonQuery.model_validate(asked | parameters)),
            await cohort_roi(access, CohortQuery.model_validate(aged | known)),
        )
    return [answer.model_dump(exclude=_OF_MOMENT) for answer in answers]
