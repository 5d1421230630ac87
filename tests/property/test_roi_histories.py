"""Credit, removal effects and returns, by any parameters, equal what the oracle says.

What is asked is drawn as well: the period and its basis, the window, the half-life and the order of
the chain, how costs are charged, how recruiting is counted, and what credit is divided by.
"""

from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.api.dependencies import Access
from shared.db import Database
from shared.facts import TouchRecorded
from shared.security.keys import Caller
from tests.integration.catalogue_facts import fact
from tests.property.drawing import one_in
from tests.property.engine import found_org, history_of, state, tell
from tests.property.expecting import assert_rests
from tests.property.lining import Asking, assert_evident
from tests.property.oracle.ledger import History
from tests.property.oracle.rates import Stated
from tests.property.oracle.whole import Whole
from tests.property.questions import Question, any_question
from tests.property.returning import assert_aged, assert_compared, assert_removals, assert_stated
from tests.property.worlds import (
    Delivery,
    Setting,
    Step,
    rates,
    settings,
    steps,
    value_histories,
)

pytestmark = pytest.mark.timeout(7200)

#: A window in days that no organization has.
_OF_NO_SETTING = 10
_CALLER_SEES = frozenset({"people:read"})

_ADVOCATE: dict[str, Any] = {"employee": "E1", "channel": "employee_advocacy"}
#: What is decided by a day or a cent: few random histories have any of it.
_CLOSE: list[Delivery] = [
    # Met half an hour before midnight in winter, hired in summer on the first day asked about.
    fact(
        "hire.accepted",
        "1",
        "2025-03-31",
        application="a1",
        first_contact_at="2025-03-20T22:30:00Z",
        **_ADVOCATE,
    ),
    # Margin comes to the very cost.
    fact(
        "cost.booked",
        "1",
        "2025-03-31",
        category="platform",
        amount="100.00",
        currency="USD",
        starts_on="2025-03-31",
        ends_on="2025-04-01",
        evidence="invoice",
    ),
    fact("touch.recorded", "won", "2025-04-01", person="q1", **_ADVOCATE),
    fact("lead.created", "won", "2025-04-02", lead="l1", person="q1"),
    fact(
        "deal.changed",
        "won",
        "2025-04-03",
        deal="d1",
        lead="l1",
        state="won",
        opened_at="2025-04-02T12:00:00Z",
        closed_at="2025-04-03T12:00:00Z",
        amount="100.00",
        currency="USD",
    ),
    # Of two who were met on one day, one becomes a lead as the window ends, one a day later.
    fact("touch.recorded", "in", "2025-04-01", person="q2", channel="brand"),
    fact("lead.created", "in", "2025-04-11", lead="l2", person="q2"),
    fact("touch.recorded", "beyond", "2025-04-01", person="q3", channel="brand"),
    fact("lead.created", "beyond", "2025-04-12", lead="l3", person="q3"),
]
_CLOSE_RATES = [
    Stated(key, date(2025, 1, 1), "1")
    for key in ("gross_margin", "cost_per_hire.referral", "vacancy.daily_cost")
]
_CLOSE_QUESTION = Question(
    start=date(2025, 3, 31),
    end=date(2025, 5, 10),
    basis="cohort",
    channel="employee_advocacy",
    model="linear",
    cost_basis="full",
    months=None,
    method="R3",
    hired_by=date(2025, 5, 10),
    window_days=None,
    half_life="7",
    order=1,
    group_by=None,
    conversion="lead",
    today=date(2025, 5, 10),
    age_unit="week",
)


@one_in(6)
@given(
    settings,
    value_histories(),
    steps,
    rates,
    st.lists(any_question, min_size=3, max_size=3),
    st.randoms(use_true_random=False),
)
@example(Setting("Europe/Warsaw", 9, 7), _CLOSE, [], _CLOSE_RATES, [_CLOSE_QUESTION] * 3, Random(1))
async def test_every_return_equals_what_the_oracle_says(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    stated: list[Stated],
    questions: list[Question],
    chosen: Random,
) -> None:
    org = await found_org(database, setting)
    await state(database, org, stated)
    await tell(database, org, deliveries, plan)
    oracle = Whole.of(history_of(org, deliveries), stated)
    # Who is in which team changes, and another window is credited by other code than the fold's.
    by_team = replace(questions[0], group_by="team", conversion="deal", window_days=None)
    by_person = replace(
        questions[1], group_by="employee", conversion="lead", window_days=_OF_NO_SETTING
    )
    asked = [
        _asked_as_a_window_ends(question, oracle.history, chosen)
        for question in (by_team, by_person, *questions[2:])
    ]
    over = _days_after_windows(oracle.history)
    over = chosen.sample(over, min(len(over), 3))

    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", _CALLER_SEES), connection)
        for question in asked:
            await assert_compared(access, question, oracle)
            await assert_stated(access, question, oracle)
            await assert_aged(access, question, oracle)
            await assert_removals(access, question, oracle.history)
            await assert_rests(access, question, oracle.history)
        for day in over:
            await assert_rests(access, replace(asked[0], today=day), oracle.history)
    # What it rests on is the same by whatever it is divided.
    for question in questions[1:]:
        await assert_evident(Asking(database, org), question, oracle)


def _asked_as_a_window_ends(question: Question, history: History, chosen: Random) -> Question:
    """Return a question asked, half of the time, on the last day of a touch's window or after it.

    Whether what led to no lead is over by then is seldom decided on any other day.
    """
    touches = history.of(TouchRecorded)
    if not touches or chosen.random() < 0.5:
        return question
    window = history.window_days if question.window_days is None else question.window_days
    last = history.day(chosen.choice(touches).occurred_at) + timedelta(days=window)
    return replace(question, today=last + timedelta(days=chosen.choice((0, 1))))


def _days_after_windows(history: History) -> list[date]:
    """Return the days on which some touch can earn nothing more, for the first time."""
    beyond = timedelta(days=history.window_days + 1)
    return sorted({history.day(t.occurred_at) + beyond for t in history.of(TouchRecorded)})
