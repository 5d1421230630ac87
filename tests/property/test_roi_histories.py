"""Credit, removal effects and returns, by any parameters, equal what the oracle says.

What is asked is drawn as well: the period and its basis, the window, the half-life and the order of
the chain, how costs are charged, how recruiting is counted, and what credit is divided by.
"""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from services.api.dependencies import Access
from shared.db import Database
from shared.security.keys import Caller
from tests.property.engine import found_org, history_of, state, tell
from tests.property.oracle.attribution import MODELS
from tests.property.oracle.rates import Stated
from tests.property.oracle.whole import Whole
from tests.property.questions import Question
from tests.property.returning import assert_aged, assert_compared, assert_removals, assert_stated
from tests.property.worlds import (
    FIRST_DAY,
    Delivery,
    Setting,
    Step,
    rates,
    settings,
    steps,
    value_histories,
)

pytestmark = pytest.mark.timeout(7200)

_CALLER_SEES = frozenset({"people:read"})
_starts = st.sampled_from([FIRST_DAY - timedelta(days=30), FIRST_DAY + timedelta(days=7)])
_ends = st.sampled_from([FIRST_DAY + timedelta(days=13), date(2025, 5, 10)])
_questions = st.builds(
    Question,
    start=_starts,
    end=_ends,
    basis=st.sampled_from(["cohort", "period"]),
    channel=st.sampled_from(["employee_advocacy"] * 3 + ["brand"]),
    model=st.sampled_from(MODELS),
    cost_basis=st.sampled_from(["full", "cash"]),
    months=st.sampled_from([None, None, 1, 3]),
    method=st.sampled_from(["R1", "R2", "R3", "R2+R3"]),
    hired_by=_ends,
    window_days=st.sampled_from([None, None, 0, 3, 90]),
    half_life=st.sampled_from([None, "measured", "1", "7", "2.5"]),
    order=st.sampled_from([1, 1, 2, 3]),
    group_by=st.sampled_from(
        [None, "employee", "team", "network", "campaign", "content", "channel"]
    ),
)


@profile(max_examples=max(8, profile().max_examples // 6))
@given(settings, value_histories(), steps, rates, st.lists(_questions, min_size=1, max_size=3))
async def test_every_return_equals_what_the_oracle_says(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    stated: list[Stated],
    questions: list[Question],
) -> None:
    org = await found_org(database, setting)
    await state(database, org, stated)
    await tell(database, org, deliveries, plan)
    oracle = Whole.of(history_of(org, deliveries), stated)

    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", _CALLER_SEES), connection)
        for question in questions:
            await assert_compared(access, question, oracle)
            await assert_stated(access, question, oracle)
            await assert_aged(access, question, oracle)
            await assert_removals(access, question, oracle.history)
