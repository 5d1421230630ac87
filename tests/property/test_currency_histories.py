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
from tests.property.comparing import assert_equals_oracle
from tests.property.drawing import one_in
from tests.property.engine import digest, found_org, history_of, state, tell
from tests.property.oracle.currencies import in_own_currency
from tests.property.oracle.rates import Stated
from tests.property.stories import stories
from tests.property.worlds import FIRST_DAY, Delivery, Setting, Step, settings, steps

pytestmark = pytest.mark.timeout(7200)

_FOREIGN = "EUR"
_KEY = f"exchange_rate.{_FOREIGN}"
#: There is a rate of every day; what a day has none of is refused.
_AT_FIRST = Stated(_KEY, date(2024, 1, 1), "1.0825")
_rates = st.lists(
    st.builds(
        Stated,
        key=st.just(_KEY),
        effective_on=st.sampled_from([FIRST_DAY + timedelta(days=n) for n in (-20, 3, 8, 8, 14)]),
        value=st.sampled_from(["1", "0.005", "150.37", "0.33333333"]),
    ),
    max_size=4,
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
    st.tuples(_rates, _rates, _rates),
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
    await assert_equals_oracle(database, org, in_own_currency(history, own))
    found = await digest(database, org)
    await tell(database, org, told, plan)
    assert await digest(database, org) == found


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
