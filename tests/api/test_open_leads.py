"""Leads as a forecast sees them: what a win brought, and which may still be credited to a cohort.

Which are still open is decided at the edges of the cohort's period and of the window.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest

from services.api.roi import leads
from services.api.roi.leads import open_leads, read_history
from shared.db import Database
from shared.kpis.cohort_forecast import History, OpenLead, Win
from shared.kpis.periods import Period
from shared.kpis.survival import Outcome
from shared.orgs import Org
from tests.api.conftest import At, Deliver
from tests.api.golden import fact, local
from tests.api.test_golden import get

QUARTER = Period(date(2025, 1, 1), date(2025, 4, 1))


def lead(*touched_on: date) -> Iterator[dict[str, Any]]:
    """Yield a lead that nobody decides, and the days on which it was touched."""
    for day in touched_on:
        touched = {"person": "p1", "channel": "employee_advocacy", "employee": "E001"}
        yield fact("touch.recorded", str(day), local(day), **touched)
    yield fact("lead.created", "l1", local(touched_on[0], 13), lead="l1", person="p1")


async def open_on(database: Database, org: Org, today: date) -> Sequence[OpenLead]:
    """Return the leads that touches of the quarter may still be credited for on a day."""
    async with database.transaction(org.id) as connection:
        return await open_leads(
            connection,
            org.id,
            1,
            today=today,
            period=QUARTER,
            channel="employee_advocacy",
            window_days=90,
            margin=Decimal("0.5"),
        )


async def history_by(
    database: Database,
    org: Org,
    model: str,
    *,
    today: date = date(2025, 2, 1),
    margin: Decimal = Decimal("0.5"),
) -> History:
    """Return how leads ended until a day, and what wins brought the advocates by a model."""
    async with database.transaction(org.id) as connection:
        return await read_history(
            connection,
            org.id,
            1,
            today=today,
            model=model,
            channel="employee_advocacy",
            margin=margin,
        )


@pytest.mark.parametrize(
    ("touched_on", "today", "expected"),
    [
        (date(2024, 12, 31), date(2025, 3, 1), 0),
        (date(2025, 1, 1), date(2025, 3, 1), 1),
        (date(2025, 3, 31), date(2025, 4, 5), 1),
        (date(2025, 4, 1), date(2025, 4, 5), 0),
        # The window has 90 days: as long as one is still to come, it may be won.
        (date(2025, 1, 1), date(2025, 3, 31), 1),
        (date(2025, 1, 1), date(2025, 4, 1), 0),
    ],
)
async def test_it_is_open_from_the_period_that_touched_it_to_the_window_s_end(
    client: httpx.AsyncClient,
    deliver: Deliver,
    at: At,
    touched_on: date,
    today: date,
    expected: int,
) -> None:
    await deliver(lead(touched_on))
    at(local(today))

    cohort = await get(client, "roi/cohort")

    assert cohort["expected"]["open_leads"] == expected


@pytest.mark.parametrize(
    ("today", "age_days"),
    [
        # All four touches are still inside the window, two of them in the period,
        (date(2025, 3, 20), 79),
        # or the last two, one of them in the period.
        (date(2025, 4, 5), 95),
    ],
)
async def test_an_open_lead_counts_with_its_touches_in_the_period(
    database: Database, org: Org, deliver: Deliver, today: date, age_days: int
) -> None:
    inside = QUARTER.start, QUARTER.last_day
    await deliver(lead(date(2024, 12, 31), *inside, QUARTER.end))

    found = await open_on(database, org, today)

    # It came on the last day of the year before; 90 days after 31 March its window is over.
    assert found == [
        OpenLead(age_days=age_days, worth=None, weight=Fraction(1, 2), last_age_days=90 + 90)
    ]


async def test_touches_that_have_left_the_window_are_no_part_of_an_open_lead(
    database: Database, org: Org, deliver: Deliver
) -> None:
    early, inside = (date(2024, 6, 1), date(2025, 1, 4)), (date(2025, 1, 5), date(2025, 3, 31))
    await deliver(lead(*early, *inside, date(2025, 4, 2)))

    found = await open_on(database, org, date(2025, 4, 5))

    # A close of today would be credited to 5 January, 31 March and 2 April.
    assert [one.weight for one in found] == [Fraction(2, 3)]


@pytest.mark.parametrize("names", ["abcd", "bacd"])
async def test_leads_that_came_today_are_open_and_have_one_order(
    database: Database, org: Org, deliver: Deliver, names: str
) -> None:
    # An interval is drawn with one seed: another order of the same leads would be another one.
    today = date(2025, 3, 10)
    # The day of a touch, and that of the lead: who comes tomorrow is none yet.
    for name, touched, came in zip(names, (9, 10, 8, 10), (10, 10, 9, 11), strict=True):
        touched_on, came_on = date(2025, 3, touched), date(2025, 3, came)
        by = {"person": name, "channel": "employee_advocacy", "employee": "E001"}
        await deliver([fact("touch.recorded", name, local(touched_on), **by)])
        await deliver([fact("lead.created", name, local(came_on, 13), lead=name, person=name)])

    found = await open_on(database, org, today)

    ages = [(one.age_days, one.last_age_days) for one in found]
    assert ages == [(0, 89), (0, 90), (1, 89)]


async def test_a_win_is_worth_what_all_its_touches_of_the_channel_are(
    database: Database, org: Org, deliver: Deliver
) -> None:
    day = date(2025, 1, 9)
    won = {"deal": "d1", "lead": "l1", "state": "won", "amount": "100.00", "currency": org.currency}
    at = {"opened_at": local(day).isoformat(), "closed_at": local(day, 14).isoformat()}
    await deliver(lead(date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3), date(2025, 1, 4)))
    brand = {"person": "p1", "channel": "brand"}
    await deliver([fact("touch.recorded", "brand", local(date(2025, 1, 5)), **brand)])
    await deliver([fact("deal.changed", "d1", local(day, 14), **won, **at)])

    history = await history_by(database, org, "linear")

    # Four touches of five; half of the money is margin.
    assert history.wins == [Win(Decimal("0.8"), Decimal(40))]
    # The lead came on 1 January, was won on the 9th, and is as old as that in February.
    assert (history.longest_win_days, history.age_days) == (8, 31)


async def test_a_win_that_the_model_credits_to_another_channel_brought_this_one_nothing(
    database: Database, org: Org, deliver: Deliver
) -> None:
    for number, channels in enumerate(
        (("employee_advocacy", "brand"), ("brand", "employee_advocacy"))
    ):
        day, person = date(2025, 1, 9 - number), f"p{number}"
        for hour, channel in enumerate(channels, start=9):
            touched = {"person": person, "channel": channel}
            await deliver([fact("touch.recorded", f"{number}-{hour}", local(day, hour), **touched)])
        named = {"lead": f"l{number}"}
        await deliver([fact("lead.created", f"l{number}", local(day), person=person, **named)])
        won = {"state": "won", "amount": "100.00", "currency": org.currency, **named}
        at = {"opened_at": local(day).isoformat(), "closed_at": local(day, 14).isoformat()}
        await deliver(
            [fact("deal.changed", f"d{number}", local(day), deal=f"d{number}", **won, **at)]
        )

    history = await history_by(database, org, "first")

    # A lead that the channel touches brings it the whole deal every other time.
    assert history.wins == [Win(Decimal(1), Decimal(50)), Win(Decimal(0), Decimal(0))]


async def test_of_more_wins_than_are_drawn_from_the_newest_count(
    database: Database, org: Org, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leads, "_MOST_WINS", 2)
    await deliver(lead(date(2025, 1, 1)))
    for day in (4, 6, 5):
        at = local(date(2025, 1, day), 14)
        said = {"opened_at": at.isoformat(), "closed_at": at.isoformat(), "state": "won"}
        won = {"lead": "l1", "amount": f"{day}.00", "currency": org.currency, **said}
        await deliver([fact("deal.changed", f"d{day}", at, deal=f"d{day}", **won)])

    history = await history_by(database, org, "linear", margin=Decimal(1))

    assert [win.value for win in history.wins] == [6, 5]


async def test_each_lead_has_one_spell_from_its_day_to_its_end_or_today(
    database: Database, org: Org, deliver: Deliver
) -> None:
    today = date(2025, 1, 20)
    came = {"open": 10, "today-s": 20, "tomorrow-s": 21, "lost": 10, "won": 12}
    for name, day in came.items():
        # Told by two sources, and the first one speaks.
        for hour in (9, 11):
            at = local(date(2025, 1, day), hour)
            await deliver([fact("lead.created", f"{name}-{hour}", at, lead=name)])
    for name, day in (("lost", 10), ("won", 15)):
        for hour in (12, 14):
            at = local(date(2025, 1, day), hour)
            said = {"opened_at": at.isoformat(), "closed_at": at.isoformat(), "state": name}
            money = {"amount": "100.00", "currency": org.currency}
            deal = fact("deal.changed", f"{name}-{hour}", at, deal=name, lead=name, **said, **money)
            await deliver([deal])

    history = await history_by(database, org, "linear", today=today)

    assert history.spells == {
        (10, Outcome.OPEN): 1,
        (0, Outcome.OPEN): 1,
        (0, Outcome.LOST): 1,
        (3, Outcome.WON): 1,
    }


async def test_a_history_is_as_old_as_its_oldest_lead(
    database: Database, org: Org, deliver: Deliver
) -> None:
    # Both were won within four days.
    for name, day in (("old", 3), ("young", 12)):
        at, closed = (local(date(2025, 1, one)) for one in (day, day + 4))
        said = {"opened_at": at.isoformat(), "closed_at": closed.isoformat(), "state": "won"}
        money = {"amount": "100.00", "currency": org.currency}
        await deliver([fact("lead.created", name, at, lead=name)])
        await deliver([fact("deal.changed", name, closed, deal=name, lead=name, **said, **money)])

    history = await history_by(database, org, "linear", today=date(2025, 1, 20))

    assert (history.spells, history.age_days) == ({(4, Outcome.WON): 2}, 17)
