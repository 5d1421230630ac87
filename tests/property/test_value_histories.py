"""Lines of value equal what the oracle says, and none is added to what holds the same money.

What is added up is drawn: any lines of the program over any history, in any order, some twice, with
and without leave to count twice; and any lines of the internal network at any rates.
"""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.dependencies import Access
from shared.db import Database
from shared.security.keys import Caller
from tests.property.adding import (
    Addition,
    Reckoned,
    assert_added,
    assert_graded,
    assert_network,
    assert_network_by_itself,
)
from tests.property.drawing import dear
from tests.property.engine import found_org, history_of, state, tell
from tests.property.oracle.rates import NETWORK_KEYS, Stated
from tests.property.oracle.value_lines import ADDABLE, NETWORK
from tests.property.oracle.whole import Whole
from tests.property.questions import Question, any_question
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

_days = st.sampled_from([FIRST_DAY + timedelta(days=n) for n in (-400, 0, 8, 30)])
_ASKED_ON = (FIRST_DAY - timedelta(days=1), FIRST_DAY + timedelta(days=10), date(2025, 12, 31))
#: Most inputs are known on most days: what is missing makes its lines null.
_network_rates = st.lists(
    st.builds(
        Stated,
        key=st.sampled_from(sorted(NETWORK_KEYS)),
        effective_on=_days,
        value=st.sampled_from(["0", "0.07", "1"]),
    )
    | st.builds(
        Stated,
        key=st.sampled_from(sorted(NETWORK_KEYS - {"esn.quit_reduction", "esn.realization"})),
        effective_on=_days,
        value=st.sampled_from(["4", "12.5", "3600"]),
    ),
    min_size=8,
    max_size=40,
)


def _additions(kinds: tuple[str, ...]) -> st.SearchStrategy[Addition]:
    return st.builds(
        Addition,
        lines=st.lists(st.sampled_from(kinds), min_size=1, max_size=len(kinds)),
        is_accepted=st.booleans(),
        emv_method=st.sampled_from(["cpc", "cpm", "mixed", "interaction"]),
    )


_few_additions = st.lists(_additions(ADDABLE), min_size=1, max_size=4)


@dear(long=100, otherwise=3)
@given(settings, value_histories(), steps, rates, any_question, _few_additions)
async def test_every_line_of_value_equals_what_the_oracle_says(
    database: Database,
    setting: Setting,
    deliveries: list[Delivery],
    plan: list[Step],
    stated: list[Stated],
    question: Question,
    additions: list[Addition],
) -> None:
    org = await found_org(database, setting)
    await state(database, org, stated)
    await tell(database, org, deliveries, plan)
    reckoned = Reckoned(question, Whole.of(history_of(org, deliveries), stated))

    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset()), connection)
        await assert_graded(access, reckoned)
        for addition in additions:
            await assert_added(access, reckoned, addition)


@dear(long=100, otherwise=3)
@given(settings, _network_rates, st.lists(_additions(NETWORK), min_size=1, max_size=4))
async def test_every_line_of_the_internal_network_equals_what_the_oracle_says(
    database: Database, setting: Setting, stated: list[Stated], additions: list[Addition]
) -> None:
    org = await found_org(database, setting)
    await state(database, org, stated)

    async with database.transaction(org.id) as connection:
        access = Access(Caller(org, "property", frozenset()), connection)
        for day in _ASKED_ON:
            await assert_network_by_itself(access, day, stated)
            for addition in additions:
                await assert_network(access, day, addition, stated)
