"""Amounts of any currency, at rates stated late and corrected, come to what the oracle says.

Organizations count in dollars, in yen, which have no cents, and in dinars, which have three digits.
Half of what is told is in euros, and a fact's next version mostly in the other currency. Rates are
stated before, in between and afterwards; in the end everything is converted anew, a few facts at a
time, and told once more, which changes nothing.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.worker import catch_up
from shared.db import Database
from shared.facts import Fact, parse_fact
from shared.ledger.reconversion import convert_anew
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, read_measures
from tests.property.comparing import BUCKETS, agree, assert_equals_oracle
from tests.property.drawing import one_in
from tests.property.engine import digest, found_org, history_of, state, tell
from tests.property.oracle.answers import Span
from tests.property.oracle.currencies import in_own_currency
from tests.property.oracle.rates import Stated
from tests.property.oracle.whole import Whole
from tests.property.stories import stories
from tests.property.worlds import FIRST_DAY, Delivery, Setting, Step, settings, steps

pytestmark = pytest.mark.timeout(7200)

_FOREIGN = "EUR"
_KEY = f"exchange_rate.{_FOREIGN}"
#: There is a rate of every day; what a day has none of is refused.
_AT_FIRST = Stated(_KEY, date(2024, 1, 1), "1.0825")
#: The days that begin at the midnights around which most happens: in Kathmandu, Warsaw, Lord Howe.
_DAYS = [FIRST_DAY + timedelta(days=n) for n in (-20, 3, 3, 6, 7, 13, 14)]
_rates = st.lists(
    st.builds(
        Stated,
        key=st.just(_KEY),
        effective_on=st.sampled_from(_DAYS),
        value=st.sampled_from(["1", "0.005", "150.37", "0.33333333"]),
    ),
    max_size=4,
)
#: As they are mostly stated: another one each day, so that none is worth what the next one is.
_DAILY = [Stated(_KEY, FIRST_DAY + timedelta(days=n), f"1.{n + 10}") for n in range(22)]
_IN_NO_CELL = (
    *("pipeline", "pipeline.linear", "quota", "revenue_owned"),
    *("figure.market_sales", "figure.process_cost", "figure.recruiting_cost"),
)
_THEMES = [
    (*("touch.recorded",) * 3, "lead.created", *("deal.changed",) * 4, "cost.booked"),
    ("cost.booked", "cost.booked", "deal.changed", "quota.set", "figure.recorded"),
]


@one_in(6)
@given(
    settings,
    st.sampled_from(["USD", "JPY", "KWD"]),
    stories(_THEMES),
    steps,
    st.tuples(_rates | st.just(_DAILY) | st.just(_DAILY), _rates, _rates),
    st.integers(1, 5),
)
async def test_amounts_are_worth_what_the_rates_of_their_days_make_of_them(
    database: Database,
    setting: Setting,
    own: str,
    deliveries: list[Delivery],
    plan: list[Step],
    stated: tuple[list[Stated], list[Stated], list[Stated]],
    at_once: int,
) -> None:
    before, between, after = stated
    org = await found_org(database, replace(setting, currency=own))
    told = [_in_some_currency(item, own) for item in deliveries]
    half = len(told) // 2
    await state(database, org, [_AT_FIRST, *before])
    await tell(database, org, told[:half], plan)
    await state(database, org, between)
    await tell(database, org, told[half:], plan)
    await state(database, org, after)
    await _convert_anew(database, org, at_once)

    rates = [_AT_FIRST, *before, *between, *after]
    history = replace(history_of(org, told), stated=rates)
    history = in_own_currency(history, own)
    await assert_equals_oracle(database, org, history)
    await _assert_worth(database, org, Whole.of(history, ()))
    found = await digest(database, org)
    await tell(database, org, told, plan)
    assert await digest(database, org) == found


async def _assert_worth(database: Database, org: Org, oracle: Whole) -> None:
    """Compare the amounts that are in no cell."""
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, _IN_NO_CELL, MeasureQuery(BUCKETS, None))
    for index, bucket in enumerate(BUCKETS):
        span = Span(bucket.start, bucket.end)
        for measure in _IN_NO_CELL:
            got, want = table[index, ""][measure], oracle.read(span, measure, "")
            assert agree(got, want), (measure, bucket, got, want)


def _in_some_currency(item: Delivery, own: str) -> Delivery:
    """Return what is told, in the own currency or the other one, as source and revision say."""
    if not isinstance(item, Fact) or getattr(item, "currency", None) is None:
        return item
    is_foreign = (item.revision or 0) % 2 == (item.source == "crm")
    body = item.model_dump(mode="json", exclude_none=True)
    return parse_fact(body | {"currency": _FOREIGN if is_foreign else own})


async def _convert_anew(database: Database, org: Org, at_once: int) -> None:
    last: bytes | None = b""
    while last is not None:
        async with database.transaction(org.id) as connection:
            last = (await convert_anew(connection, org, _FOREIGN, after=last, limit=at_once)).last
    await catch_up(database, org.id)
