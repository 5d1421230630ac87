"""Won deals and what they took from lead to close: one source speaks for each, and one day."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from services.api.roi.leads import read_history
from services.api.roi.repository import opportunities
from shared.db import Database
from shared.facts import Fact
from shared.kpis.periods import Period
from shared.kpis.survival import Outcome
from shared.rollups.deals import closings, opened_deals, won_deals
from tests.integration.catalogue_facts import fact
from tests.property.engine import deliver, fold, found_org
from tests.property.worlds import Setting

SETTING = Setting("Europe/Warsaw", 30, 7)
#: The deals as another generation might hold them: opened before any other source told of them.
_IN_ANOTHER_GENERATION = """
INSERT INTO deal
SELECT (other).* FROM (
    SELECT jsonb_populate_record(
               d, '{"generation": 2, "opened_at": "2025-02-01T00:00:00Z"}') AS other
      FROM deal d WHERE org_id = $1
) d
"""


def lead(name: str, day: int) -> Fact:
    return fact("lead.created", name, f"2025-02-{day:02}", lead=name, person=f"of-{name}")


def deal(source: str, lead: str | None, opened: int, closed: int, *, state: str = "won") -> Fact:
    """Return what a source says of the one deal; the source that opened it first speaks for it."""
    told = fact(
        "deal.changed",
        "d1",
        f"2025-02-{closed:02}",
        deal="d1",
        state=state,
        opened_at=f"2025-02-{opened:02}T09:00:00Z",
        closed_at=f"2025-02-{closed:02}T12:00:00Z",
        **({"lead": lead} if lead else {}),
        **({"amount": "100.00", "currency": "USD"} if state == "won" else {}),
    )
    return told.model_copy(update={"source": source})


async def _found(database: Database, told: Sequence[Fact], since: int, until: int) -> list[int]:
    """Return the days that the closings of [``since``, ``until``) took."""
    org = await found_org(database, SETTING)
    await deliver(database, org, told)
    await fold(database, org, 1000)
    days = (f"'2025-02-{day:02}'::date" for day in (since, until))
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(closings(*days), org.id, 1)
    return [row["days"] for row in rows]


@pytest.mark.parametrize(
    ("since", "until", "days"), [(20, 21, [15]), (19, 20, []), (21, 28, []), (1, 28, [15])]
)
async def test_a_deal_is_closed_on_a_day_from_the_first_up_to_the_last(
    database: Database, since: int, until: int, days: list[int]
) -> None:
    told = [lead("l1", 5), deal("crm", "l1", 8, 20)]

    assert await _found(database, told, since, until) == days


@pytest.mark.parametrize(
    ("since", "until", "deals"), [(8, 9, ["d1"]), (7, 8, []), (9, 28, []), (1, 28, ["d1"])]
)
async def test_a_deal_is_opened_on_a_day_from_the_first_up_to_the_last(
    database: Database, since: int, until: int, deals: list[str]
) -> None:
    org = await found_org(database, SETTING)
    await deliver(database, org, [lead("l1", 5), deal("crm", "l1", 8, 20)])
    await fold(database, org, 1000)

    days = (f"'2025-02-{day:02}'::date" for day in (since, until))
    async with database.transaction(org.id) as connection:
        rows = await connection.fetch(opened_deals(*days), org.id, 1)
    assert [row["deal"] for row in rows] == deals


async def test_a_deal_that_two_sources_tell_is_closed_once(database: Database) -> None:
    told = [lead("l1", 5), lead("l2", 6), deal("crm", "l1", 8, 20), deal("partner", "l2", 7, 20)]

    assert await _found(database, told, 20, 21) == [14]


@pytest.mark.parametrize(("since", "until", "days"), [(18, 19, [13]), (20, 21, [])])
async def test_the_source_that_opened_it_first_says_when_it_was_closed(
    database: Database, since: int, until: int, days: list[int]
) -> None:
    told = [lead("l1", 5), deal("crm", "l1", 8, 20), deal("partner", "l1", 7, 18)]

    assert await _found(database, told, since, until) == days


@pytest.mark.parametrize(("first", "days"), [("won", [15]), ("lost", [])])
async def test_the_source_that_opened_it_first_says_whether_it_was_won(
    database: Database, first: str, days: list[int]
) -> None:
    second = "lost" if first == "won" else "won"
    told = [
        lead("l1", 5),
        deal("crm", "l1", 7, 20, state=first),
        deal("partner", "l1", 8, 20, state=second),
    ]

    assert await _found(database, told, 20, 21) == days


async def test_a_deal_without_a_lead_is_won_and_took_no_time(database: Database) -> None:
    org = await found_org(database, SETTING)
    await deliver(database, org, [deal("crm", None, 8, 20)])
    await fold(database, org, 1000)

    february = ("'2025-02-01'::date", "'2025-03-01'::date")
    async with database.transaction(org.id) as connection:
        won = await connection.fetch(won_deals(*february), org.id, 1)
        closed = await connection.fetch(closings(*february), org.id, 1)

    assert ([row["deal"] for row in won], closed) == (["d1"], [])


async def test_an_open_deal_closed_on_no_day_whatever_is_hoped(database: Database) -> None:
    org = await found_org(database, SETTING)
    advocacy = {"person": "of-l1", "channel": "employee_advocacy", "employee": "E001"}
    touch = fact("touch.recorded", "t1", "2025-02-15", **advocacy)
    await deliver(database, org, [lead("l1", 5), deal("crm", "l1", 8, 10, state="open"), touch])
    await fold(database, org, 1000)

    since_the_hope = Period(date(2025, 2, 12), date(2025, 3, 1))
    async with database.transaction(org.id) as connection:
        generation, channel = 1, "employee_advocacy"
        history = await read_history(
            connection,
            org.id,
            generation,
            today=date(2025, 2, 20),
            model="linear",
            channel=channel,
            margin=Decimal(1),
        )
        led_to = await opportunities(
            connection,
            org.id,
            generation,
            period=since_the_hope,
            channel=channel,
            window_days=30,
        )
    assert history.spells == {(15, Outcome.OPEN): 1}
    assert (led_to.opened, led_to.closed) == (1, 0)


async def test_another_generation_has_no_say(database: Database) -> None:
    org = await found_org(database, SETTING)
    await deliver(database, org, [lead("l1", 5), deal("crm", "l1", 8, 20)])
    await fold(database, org, 1000)

    async with database.transaction(org.id) as connection:
        await connection.execute(_IN_ANOTHER_GENERATION, org.id)
        rows = await connection.fetch(
            closings("'2025-02-20'::date", "'2025-02-21'::date"), org.id, 1
        )

    assert [row["days"] for row in rows] == [15]
